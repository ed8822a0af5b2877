"""Elements of a map as CSV: what ``pytc map dump ... csv`` prints.

The header names the columns: ``key`` and ``value``, of structures ``key.port`` and ``value.packets``; ``cpu`` in a
per-CPU map, where each key has a line for each CPU. Members without a column are zero.
"""

from __future__ import annotations

from pytc.bpf.codec.columns import is_packable, leaves, pack
from pytc.bpf.codec.compound import follow
from pytc.bpf.codec.scalars import Integer, Style, format_value
from pytc.bpf.codec.text import quoted
from pytc.bpf.maps.batch import Batch
from pytc.bpf.sys.cpus import cpu_list
from pytc.commands.map.input import chunks
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.input import Numbered, Source

_SLICE = 400_000
_FIRST_LINE = 2
_NO_HEADER = "the first line must name the columns: key and value, or parts of them"
#: What rows of plain numbers consist of.
_PLAIN = b"0123456789-, \t"
_NO_SEPARATORS = bytes(set(range(256)) - set(b",\n"))


def batches(typed: TypedMap, source: Source) -> Numbered:
    """Yield batches, each with the number of all entries as far as it is known; raises CodecError."""
    first = source.line()
    if b'"' in first or typed.types.is_per_cpu:
        yield from _whole(typed, first + b"\n" + source.rest())
        return
    header = [name.strip() for name in _text(first).split(",")]
    layout = _Header(typed, header)
    done, line = 0, _FIRST_LINE
    for part in source.slices(b"\n", _SLICE):
        if b'"' in part:
            yield from _whole(typed, first + b"\n" + part + b"\n" + source.rest(), line)
            return
        rows = part.replace(b"\r", b"").rstrip(b"\n")
        cells, count = _cells(rows, len(header), line, are_numbers=layout.are_numbers)
        done += count
        yield (
            layout.batch([cells[index :: len(header)] for index in range(len(header))], count, line),
            source.total(done),
        )
        line += part.count(b"\n") + 1


def _whole(typed: TypedMap, data: bytes, line: int = _FIRST_LINE) -> Numbered:
    """Read all at once by the rules of CSV, quotes and all; ``line`` is the number of the line behind the header."""
    header, columns, count = _table(data)
    layout = _Header(typed, header)
    if typed.types.is_per_cpu:
        yield from _gather_cpus(typed, layout, columns, count)
        return
    for start, end in chunks(typed, count):
        yield layout.batch([column[start:end] for column in columns], end - start, line + start), count


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CodecError(f"this is not UTF-8 text: {error.reason}") from None


def _cells(rows: bytes, width: int, first: int, *, are_numbers: bool) -> tuple[Sequence[Any], int]:
    """Return all cells of some rows, and the number of rows; ``first`` is the line of the first one.

    Plain numbers are read by the JSON parser, the fastest that Python has.
    """
    if not rows:
        return [], 0
    count = rows.count(b"\n") + 1
    separators = rows.translate(None, _NO_SEPARATORS)
    if separators != (b"," * (width - 1) + b"\n") * (count - 1) + b"," * (width - 1):
        for number, row in enumerate(separators.split(b"\n")):
            if len(row) != width - 1:
                raise CodecError(f"line {first + number} has {len(row) + 1} cells, the header {width}")
    flat = rows.replace(b"\n", b",")
    if are_numbers and not flat.translate(None, _PLAIN):
        import json

        try:
            numbers = json.loads(b"[" + flat + b"]")
            if len(numbers) == width * count:
                return numbers, count
        except (ValueError, RecursionError):
            pass
    return _text(flat).split(","), count


def _table(data: bytes) -> tuple[list[str], list[Sequence[str]], int]:
    """Return the header, the columns and the number of rows, by the rules of CSV."""
    import csv
    import io

    try:
        rows = [row for row in csv.reader(io.StringIO(_text(data), newline=""), strict=True) if row]
    except csv.Error as error:
        raise CodecError(f"this is not CSV: {error}") from None
    if not rows:
        return [], [], 0
    header = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise CodecError(f"line {number + 1} has {len(row)} cells, the header {len(header)}")
    columns: list[Sequence[str]] = [list(column) for column in zip(*rows[1:], strict=True)]
    return header, columns or [[] for _ in header], len(rows) - 1


class _Header:
    """The columns of a file: which parts of the key and of the value they are, or the CPU."""

    def __init__(self, typed: TypedMap, header: Sequence[str]) -> None:
        self._typed = typed
        if header in ([], [""]):
            raise CodecError(_NO_HEADER)
        if len(set(header)) < len(header):
            raise CodecError("two columns have the same name")
        self.cpu = header.index("cpu") if typed.types.is_per_cpu and "cpu" in header else None
        self._keys = _columns_of(typed.types.key, header, "key")
        self._values = _columns_of(typed.types.value, header, "value")
        columns_of_map = {*self._keys.values(), *self._values.values(), self.cpu}
        for index, name in enumerate(header):
            if index not in columns_of_map:
                raise _unknown_column(name)
        if not self._keys or not self._values:
            raise CodecError(_NO_HEADER)
        parts = [(typed.types.key, path) for path in self._keys] + [(typed.types.value, path) for path in self._values]
        self.are_numbers = all(
            isinstance(integer, Integer) and integer.is_plain
            for codec, path in parts
            for _, integer in [follow(codec, path)]
        )

    def batch(self, columns: Sequence[Sequence[Any]], count: int, line: int) -> Batch:
        """Encode the entries of some rows, the first at ``line``; raises CodecError with the line that is wrong."""
        return Batch(self.keys(columns, count, line), self.values(columns, count, line), count)

    def keys(self, columns: Sequence[Sequence[Any]], count: int, line: int) -> bytes:
        """Encode the keys, one after another."""
        return _bytes(
            self._typed.types.key, {path: columns[index] for path, index in self._keys.items()}, "key", count, line
        )

    def values(self, columns: Sequence[Sequence[Any]], count: int, line: int) -> bytes:
        """Encode the values, one after another; each is that of one CPU."""
        return _bytes(
            self._typed.types.value,
            {path: columns[index] for path, index in self._values.items()},
            "value",
            count,
            line,
        )


def _unknown_column(name: str) -> CodecError:
    is_text = name.startswith("key ") and " value" in name
    hint = 'this is the text of "map dump"; "pytc -j map dump" and "map dump ... csv" print what can be loaded'
    return CodecError(
        f"column {quoted(name)}: key, value or a part of them like value.packets is expected",
        hints=(hint,) if is_text else (),
    )


def _columns_of(codec: Codec, header: Sequence[str], prefix: str) -> dict[str, int]:
    """Return {path: column} of keys or values; raises CodecError for a member that the type lacks."""
    columns = {
        name.removeprefix(prefix): index
        for index, name in enumerate(header)
        if name == prefix or name.startswith((f"{prefix}.", f"{prefix}["))
    }
    for path in columns:
        try:
            follow(codec, path)
        except CodecError as error:
            raise CodecError(f"column {quoted(prefix + path)}: {error}") from None
    return columns


def _bytes(codec: Codec, parts: dict[str, Sequence[Any]], what: str, count: int, line: int) -> bytes:
    if is_packable(codec) and parts.keys() <= leaves(codec).keys():
        try:
            return bytes(pack(codec, codec.size, parts, count))
        except CodecError:
            pass  # encoding them one by one finds the line
    encoded = []
    members = [(path, *follow(codec, path), column) for path, column in parts.items()]
    for index in range(count):
        data = bytearray(codec.size)
        for path, offset, member, column in members:
            try:
                member.store(data, offset, column[index])
            except CodecError as error:
                raise CodecError(f"line {line + index}: {what}{path}: {error}") from None
        encoded.append(bytes(data))
    return b"".join(encoded)


def _gather_cpus(typed: TypedMap, layout: _Header, columns: list[Sequence[str]], count: int) -> Numbered:
    """Collect the rows of a per-CPU map by key; without a column ``cpu``, a row is for all CPUs.

    Raises CodecError for a key that does not have one row for each CPU.
    """
    size, value_size, stride = typed.types.key.size, typed.types.value.size, typed.map.value_bytes // typed.types.cpus
    keys, values = layout.keys(columns, count, _FIRST_LINE), layout.values(columns, count, _FIRST_LINE)
    elements: dict[bytes, bytearray] = {}
    rows: dict[bytes, dict[int, int]] = {}  # by key and CPU
    for row in range(count):
        key = keys[row * size : (row + 1) * size]
        data = elements.setdefault(key, bytearray(typed.map.value_bytes))
        cpus: Iterable[int] = range(typed.types.cpus)
        if layout.cpu is not None:
            cpu = _cpu(columns[layout.cpu][row], typed.types.cpus, row)
            first = rows.setdefault(key, {}).setdefault(cpu, row)
            if first != row:
                raise CodecError(
                    f"line {row + _FIRST_LINE}: CPU {cpu} of key {_key(typed, key)} is given twice: it is in line "
                    f"{first + _FIRST_LINE}, too"
                )
            cpus = (cpu,)
        for cpu in cpus:
            data[cpu * stride : cpu * stride + value_size] = values[row * value_size : (row + 1) * value_size]
    _check_cpus(typed, rows)
    entries = list(elements.items())
    for start, end in chunks(typed, len(entries)):
        part = entries[start:end]
        yield Batch(b"".join(key for key, _ in part), b"".join(value for _, value in part), len(part)), len(entries)


def _check_cpus(typed: TypedMap, rows: dict[bytes, dict[int, int]]) -> None:
    """Raise CodecError for a key that lacks CPUs: their values would become zero."""
    for key, by_cpu in rows.items():
        if len(by_cpu) < typed.types.cpus:
            missing = [cpu for cpu in range(typed.types.cpus) if cpu not in by_cpu]
            raise CodecError(
                f"line {min(by_cpu.values()) + _FIRST_LINE}: key {_key(typed, key)} has no line for CPU "
                f"{cpu_list(missing)}: give one for each CPU, or a single one without the column cpu"
            )


def _key(typed: TypedMap, key: bytes) -> str:
    return format_value(Style.TEXT, typed.types.key.decode(key))


def _cpu(text: Any, cpus: int, row: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) < cpus):
        raise CodecError(f"line {row + _FIRST_LINE}: cpu: {quoted(text)} is not a CPU from 0 to {cpus - 1}")
    return int(text)
