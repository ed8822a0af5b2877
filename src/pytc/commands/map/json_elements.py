"""Elements of a map as JSON: what ``pytc -j map dump`` prints, ``{KEY: VALUE, ...}``, or an object on each line."""

from __future__ import annotations

import json

from pytc.bpf.codec.columns import is_packable, leaves, pack
from pytc.bpf.codec.text import finite, parse_json
from pytc.bpf.maps.batch import Batch
from pytc.commands.map.input import chunks, encode_each
from pytc.commands.map.json_numbers import read_numbers
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.input import Numbered, Source

_SEPARATOR = b",\n"
_SLICE = 1_000_000
_LONG = 10_000
_MEMBERS = {"key", "value", "values"}


def batches(typed: TypedMap, source: Source) -> Numbered:
    """Yield batches, each with the number of all entries as far as it is known; raises CodecError."""
    member = "values" if typed.types.is_per_cpu else "value"
    done = 0
    for entries in _pieces(typed, source):
        if isinstance(entries, Batch):
            done += entries.entries
            yield entries, source.total(done)
            continue
        for start, end in chunks(typed, len(entries)):
            part, first = entries[start:end], done + start
            keys, values = _column(part, "key", first), _values(part, member, first, typed.types.cpus)
            yield (
                Batch(
                    _bytes(typed.types.key, keys, "key", first),
                    _bytes(typed.types.whole, values, member, first),
                    len(part),
                ),
                source.total(first + len(part)),
            )
        done += len(entries)


def _pieces(typed: TypedMap, source: Source) -> Iterator[Sequence[Any] | Batch]:
    """Yield lists of entries, or batches where these can be read at once. A list with its entries on lines is read in
    parts that are JSON by themselves, anything else as a whole."""
    if not source.head().startswith(b"["):
        yield _entries(source.rest())
        return
    opening = b""
    for part in source.slices(_SEPARATOR, _SLICE):
        data = opening + part
        text = data + b"]" if source.more() else data
        entries: Sequence[Any] | Batch | None = read_numbers(typed, text, _SEPARATOR)
        if entries is None:
            try:
                entries = _parse(text)
            except ValueError:
                rest = source.rest()
                yield _entries(data + _SEPARATOR + rest if rest else data)
                return
        yield entries
        opening = b"["


def _entries(data: bytes) -> Sequence[Any]:
    try:
        entries = _parse(data)
    except ValueError as error:
        entries = _lines(data, error)
    if isinstance(entries, dict):
        entries = (
            [entries]
            if entries.keys() <= _MEMBERS and "key" in entries
            else [{"key": key, "value": value} for key, value in entries.items()]
        )
    if not isinstance(entries, list):
        raise CodecError("a list of objects with key and value is expected")
    return entries


def _parse(data: bytes) -> Any:
    """Return what :func:`parse_json` does, in two thirds of the time for many entries that are alike: as many members
    in the text as in all entries say that none is given twice."""
    if len(data) < _LONG:
        return parse_json(data)
    try:
        entries = json.loads(data, parse_float=finite)
    except RecursionError:
        return parse_json(data)
    if isinstance(entries, (list, dict)) and entries:
        first = entries[0] if isinstance(entries, list) else dict([next(iter(entries.items()))])
        if json.dumps(first, separators=(",", ":")).count('":') * len(entries) == data.count(b'":'):
            return entries
    return parse_json(data)


def _lines(data: bytes, error: ValueError) -> list[Any]:
    """Parse an object on each line; ``error`` is what is wrong with the whole."""
    try:
        return [parse_json(line) for line in data.splitlines() if line.strip()]
    except ValueError:
        raise CodecError(f"this is not JSON: {error}") from None


def _column(entries: Sequence[Any], member: str, start: int) -> list[Any]:
    try:
        return [entry[member] for entry in entries]
    except (TypeError, KeyError):
        index = next(
            number for number, entry in enumerate(entries) if not isinstance(entry, dict) or member not in entry
        )
        raise CodecError(f"entry {start + index + 1} has no {member}") from None


def _values(entries: Sequence[Any], member: str, start: int, cpus: int) -> list[Any]:
    """Return the values of entries; in a per-CPU map, lists of values, or one ``value`` for all CPUs."""
    if member == "values" and any(isinstance(entry, dict) and "values" not in entry for entry in entries):
        entries = [
            {**entry, "values": [entry["value"]] * cpus}
            if isinstance(entry, dict) and "value" in entry and "values" not in entry
            else entry
            for entry in entries
        ]
    return _column(entries, member, start)


def _bytes(codec: Codec, values: list[Any], what: str, start: int) -> bytes:
    columns = _by_path(codec, values)
    if columns is not None:
        try:
            return bytes(pack(codec, codec.size, columns, len(values)))
        except CodecError:
            pass  # encoding them one by one finds the entry
    return encode_each(codec, values, what, start)


def _by_path(codec: Codec, values: list[Any]) -> dict[str, Sequence[Any]] | None:
    """Return a column for each part of a value; None where some value lacks a part or has another."""
    if not is_packable(codec):
        return None
    columns: dict[str, Sequence[Any]] = {}
    try:
        for path in leaves(codec):
            column = values
            for name in path.split(".")[1:]:
                column = [value[name] for value in column]
            columns[path] = column
    except (TypeError, KeyError, IndexError):
        return None
    return columns if _is_exhausted(codec, values) else None


def _is_exhausted(codec: Codec, values: list[Any]) -> bool:
    """Return whether no value has members that its type lacks."""
    parts = [path.split(".")[1:] for path in leaves(codec)]
    if parts == [[]]:
        return True
    first = {path[0] for path in parts}
    if any(len(path) > 1 for path in parts):
        return False  # nested: encoding them one by one finds what is wrong
    return all(len(value) == len(first) for value in values)
