"""Files of elements, read in slices, and their entries in batches: for the readers of JSON and CSV."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from pytc.bpf.codec.scalars import Codec
from pytc.bpf.maps.batch import Batch, batch_entries
from pytc.bpf.maps.typed import TypedMap
from pytc.errors import BpfError, CodecError

_HEAD = 4096

#: Batches, each with the number of all entries.
Numbered = Iterator[tuple[Batch, int]]


def chunks(typed: TypedMap, total: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each batch of ``total`` entries."""
    most = batch_entries(typed.map)
    return ((start, min(start + most, total)) for start in range(0, total, most))


class Source:
    """A file that is read in slices: memory does not grow with its size. Its methods raise BpfError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, b""
        self._size = os.fstat(file.fileno()).st_size
        self._done = 0

    def head(self) -> bytes:
        """Return the beginning without leading blanks; nothing is taken."""
        while not self._left.strip() and self._fill(_HEAD):
            pass
        return self._left.lstrip()[:_HEAD]

    def skip(self, start: bytes) -> None:
        """Take a beginning where the file has it."""
        if self.head().startswith(start):
            self._left = self._left.removeprefix(start)

    def line(self) -> bytes:
        """Take the next line."""
        while b"\n" not in self._left and self._fill(_HEAD):
            pass
        line, _, self._left = self._left.partition(b"\n")
        return line

    def slices(self, separator: bytes, size: int) -> Iterator[bytes]:
        """Take parts of about ``size`` bytes that end before a separator, which belongs to none."""
        while self._fill(size):
            end = self._left.rfind(separator)
            if end >= 0:
                part, self._left = self._left[:end], self._left[end + len(separator) :]
                yield part
        if self._left:
            yield self.rest()

    def more(self) -> bool:
        """Return whether anything is left."""
        return bool(self._left) or self._fill(_HEAD)

    def rest(self) -> bytes:
        """Take everything that is left."""
        data, self._left = self._left + self._read(-1), b""
        return data

    def total(self, entries: int) -> int:
        """Estimate how many entries the file has from how much of it ``entries`` took; 0 where its size is unknown."""
        taken = self._done - len(self._left)
        return max(entries * self._size // taken, entries) if self._size and taken else 0

    def _fill(self, size: int) -> bool:
        data = self._read(size)
        self._left += data
        return bool(data)

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise BpfError(f'cannot read "{self._file.name}": {error.strerror}', errno=error.errno) from error
        self._done += len(data)
        return data


def encode_each(codec: Codec, values: Sequence[Any], what: str, start: int) -> bytes:
    """Encode values one after another; raises CodecError with the number of the entry, counted from 1."""
    encoded = []
    for index, value in enumerate(values):
        try:
            encoded.append(codec.encode(value))
        except CodecError as error:
            raise CodecError(f"entry {start + index + 1}: {what}: {error}") from None
    return b"".join(encoded)
