"""Elements of a map as JSON in which nothing but numbers differs: read without an object for each of them."""

from __future__ import annotations

import json

from pytc.bpf.codec.columns import is_packable, leaves, pack
from pytc.bpf.maps.batch import Batch
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.typed import TypedMap

_DIGITS = b"0123456789-"
_NOT_OF_LISTS = bytes(set(range(256)) - set(_DIGITS + b","))


def read_numbers(typed: TypedMap, data: bytes, separator: bytes) -> Batch | None:
    """Return the elements of a JSON array whose entries have the same text but for whole numbers; None for any other
    text, also for a wrong one.

    The text without its numbers is compared with the first entry's, and the numbers are read as one flat array.
    """
    body = data[1:].rstrip()
    if not body.endswith(b"]") or typed.types.is_per_cpu:
        return None
    body = body[:-1]
    text = body.partition(separator)[0]
    try:
        paths = dict(_numbers(json.loads(text)))
    except (ValueError, RecursionError):
        return None
    frame = text.translate(None, _DIGITS)
    count = body.count(separator) + 1
    if body.translate(None, _DIGITS) != separator.join([frame] * count):
        return None
    try:
        numbers = json.loads(b"[" + body.translate(None, _NOT_OF_LISTS) + b"]")
    except ValueError:
        return None
    # Digits in names, or a number with a fraction, make others of the first entry than it has.
    if numbers[: len(paths)] != [*paths.values()] or len(numbers) != len(paths) * count:
        return None
    columns = {path: numbers[index :: len(paths)] for index, path in enumerate(paths)}
    keys = _packed(typed.types.key, "key", columns, count)
    values = _packed(typed.types.whole, "value", columns, count)
    return Batch(keys, values, count) if keys is not None and values is not None and not columns else None


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Yield the numbers in nested objects, and where they are: ``.value.packets``; raises ValueError for another
    value."""
    if isinstance(value, dict):
        for name, member in value.items():
            if "." in name:
                raise ValueError(name)
            yield from _numbers(member, f"{path}.{name}")
    elif type(value) is int:
        yield path, value
    else:
        raise ValueError(path)


def _packed(codec: Codec, member: str, columns: dict[str, Sequence[Any]], count: int) -> bytes | None:
    """Take the columns of a codec; return the bytes of its values, None where columns are missing, or have numbers that
    the codec does not take."""
    try:
        own = {path: columns.pop(f".{member}{path}") for path in leaves(codec)}
        return bytes(pack(codec, codec.size, own, count)) if is_packable(codec) else None
    except (KeyError, CodecError):
        return None
