"""What the readers of files have in common: entries to batches."""

from collections.abc import Iterator, Sequence
from typing import Any

from pytc.bpf.codec import Codec
from pytc.bpf.map_batches import Batch, batch_entries
from pytc.bpf.typed_maps import TypedMap
from pytc.errors import CodecError

#: Batches, each with the number of all entries.
Numbered = Iterator[tuple[Batch, int]]


def chunks(typed: TypedMap, total: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each batch."""
    most = batch_entries(typed.map)
    return ((start, min(start + most, total)) for start in range(0, total, most))


def slices(data: bytes, separator: bytes, size: int) -> Iterator[tuple[int, int]]:
    """(start, end) of parts of about ``size`` bytes that end at separators, which belong to none."""
    at = 0
    while at < len(data):
        end = data.find(separator, at + size)
        end = len(data) if end < 0 else end
        yield at, end
        at = end + len(separator)


def one_by_one(codec: Codec, values: Sequence[Any], what: str, start: int) -> bytes:
    """The bytes of values; raises CodecError with the number of the entry that is wrong, counted from 1 on."""
    found = []
    for index, value in enumerate(values):
        try:
            found.append(codec.encode(value))
        except CodecError as error:
            raise CodecError(f"entry {start + index + 1}: {what}: {error}") from None
    return b"".join(found)
