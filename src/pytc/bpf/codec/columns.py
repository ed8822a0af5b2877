"""Handle many entries at once: rendered with one format operation, packed column by column.

A batch is the keys and the values of ``count`` entries, each a run of bytes of equal steps, like those of bpf(2)'s
batch commands.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from pytc.bpf.codec.compound import Bits, Structure
from pytc.bpf.codec.scalars import Component, Integer
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from pytc.bpf.codec.scalars import Codec, Column, Columns


class Renderer:
    """A formatter of batches; ``frame`` is the text before the key, between key and value, and after the value."""

    def __init__(self, keys: Columns, values: Columns, frame: tuple[str, str, str], separator: str) -> None:
        self._template = frame[0] + keys.template + frame[1] + values.template + frame[2]
        self._separator = separator
        self._keys, self._values = keys.items, values.items

    def render(self, keys: bytes, values: bytes, count: int) -> str:
        """Return the text of ``count`` entries, with separators between them."""
        parts = [items(column, keys, count) for column in self._keys]
        parts += [items(column, values, count) for column in self._values]
        flat: list[Any] = [None] * (count * len(parts))
        for index, part in enumerate(parts):
            flat[index :: len(parts)] = part
        template = self._separator.join([self._template] * count)
        return template % tuple(flat)


def items(column: Column, data: bytes, count: int) -> list[Any]:
    """Return a column of ``count`` entries: the numbers, or their text."""
    stride = len(data) // count if count else 0
    summands = [_plain(column, offset, data, stride) for offset in column.offsets]
    numbers = summands[0] if len(summands) == 1 else list(map(sum, zip(*summands, strict=True)))
    return numbers if column.spell is None else list(map(column.spell, numbers))


def _plain(column: Column, offset: int, data: bytes, stride: int) -> list[Any]:
    size, code = column.size, column.code
    if code[:1] not in ("", ">") and not offset % size and not stride % size:
        view = memoryview(data).cast("B").cast(code)  # type: ignore[call-overload]
        numbers: list[Any] = view[offset // size :: stride // size].tolist()
        return numbers
    order, item_code = (">", code[1:]) if code[:1] == ">" else ("=", code or f"{size}s")
    layout = struct.Struct(f"{order}{offset}x{item_code}{stride - offset - size}x")
    return [item for (item,) in layout.iter_unpack(data)]


def names(codec: Codec, name: str) -> list[str]:
    """Return the names of the columns that a value has in CSV."""
    if not isinstance(codec, Structure):
        return [name]
    columns: list[str] = []
    for member in codec.members:
        columns += names(member.codec, f"{name}.{member.name}" if member.name else name)
    return columns


def is_packable(codec: Codec) -> bool:
    """Return whether the parts of a value can be packed one by one: no bit fields, no unions."""
    spans = sorted((offset, offset + leaf.size) for offset, leaf in leaves(codec).values() if leaf.size)
    apart = all(end <= start for (_, end), (start, _) in pairwise(spans))
    return apart and not any(isinstance(leaf, Bits) for _, leaf in leaves(codec).values())


def pack(codec: Codec, size: int, columns: Mapping[str, Sequence[Any]], count: int) -> bytearray:
    """Return the bytes of ``count`` values, each of ``size`` bytes, from columns by the paths of :func:`leaves`.

    Bytes without a column stay zero. Raises CodecError, whose ``entry`` is the index of the wrong value.
    """
    data = bytearray(size * count)
    known = leaves(codec)
    for path, values in columns.items():
        offset, leaf = known[path]
        if isinstance(leaf, Integer) and leaf.is_plain:
            _place_numbers(data, size, offset, leaf, values)
        else:
            _place(data, size, offset, b"".join(_encoded(leaf, values)), leaf.size)
    return data


def _encoded(codec: Codec, values: Sequence[Any]) -> list[bytes]:
    try:
        return list(map(codec.encode, values))
    except CodecError:
        for index, value in enumerate(values):
            try:
                codec.encode(value)
            except CodecError as error:
                error.entry = index
                raise
        raise


def _place(data: bytearray, stride: int, offset: int, packed: bytes, size: int) -> None:
    for index in range(size):
        data[offset + index :: stride] = packed[index::size]


def _place_numbers(data: bytearray, stride: int, offset: int, codec: Integer, values: Sequence[Any]) -> None:
    """Store numbers all at once where every value is one, or text of one in plain decimal digits."""
    from array import array

    size = codec.size
    try:
        if isinstance(values[0], str):
            together = "".join(values)
            if "_" in together or not together.isascii():
                raise ValueError("_")
            values = list(map(int, values))
        numbers = array(codec.code, values).tobytes()
    except (TypeError, ValueError, OverflowError):
        numbers = b"".join(_encoded(codec, values))
    if offset % size or stride % size:
        _place(data, stride, offset, numbers, size)
    else:
        target: Any = memoryview(data).cast(codec.code)  # type: ignore[call-overload]
        target[offset // size :: stride // size] = memoryview(numbers).cast(codec.code)  # type: ignore[call-overload]


def leaves(codec: Codec, path: str = "", offset: int = 0) -> dict[str, Component]:
    """Return the values in a structure by their paths (``.packets``, ``.source.port``, ``""`` for itself)."""
    if not isinstance(codec, Structure):
        return {path: Component(offset, codec)}
    result: dict[str, Component] = {}
    for member in codec.members:
        result |= leaves(member.codec, f"{path}.{member.name}" if member.name else path, offset + member.offset)
    return result
