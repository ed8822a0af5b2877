"""Files of elements, read in slices, and their entries in batches: for the readers of JSON and CSV."""

from __future__ import annotations

import fcntl
import os

from pytc.bpf.maps.batch import batch_entries
from pytc.errors import BpfError, CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, BinaryIO

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap

_HEAD = 4096
_PIECE = 1 << 20
#: Bytes that are held at a time, unless they are all of a regular file: a pipe may have no end.
_MOST = 1 << 28

if TYPE_CHECKING:
    #: Batches, each with the number of all entries.
    Numbered = Iterator[tuple[Batch, int]]


def chunks(typed: TypedMap, total: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each batch of ``total`` entries."""
    most = batch_entries(typed.map)
    return ((start, min(start + most, total)) for start in range(0, total, most))


class Source:
    """A file that is read in slices: memory does not grow with its size. Its methods raise BpfError."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin with an open file; raises BpfError for a standard input that was closed."""
        if _is_closed_input(file.fileno()):
            raise BpfError("standard input is closed: there is nothing to read")
        self._file, self._left = file, bytearray()
        self._size = os.fstat(file.fileno()).st_size
        self._done = 0

    def head(self) -> bytes:
        """Return the beginning without leading blanks; nothing is taken."""
        start = 0
        while True:
            start = len(self._left) - len(self._left[start:].lstrip())
            if start < len(self._left) or not self._fill(_HEAD):
                return bytes(self._left[start : start + _HEAD])

    def skip(self, start: bytes) -> None:
        """Take a beginning where the file has it."""
        if self.head().startswith(start):
            self._left = self._left.removeprefix(start)

    def line(self) -> bytes:
        """Take the next line."""
        searched = 0
        while (end := self._left.find(b"\n", searched)) < 0:
            searched = len(self._left)
            if not self._fill(_HEAD):
                return self.rest()
        return self._take(end, 1)

    def slices(self, separator: bytes, size: int) -> Iterator[bytes]:
        """Take parts of about ``size`` bytes that end before a separator, which belongs to none."""
        searched = 0
        while self._fill(size):
            end = self._left.rfind(separator, searched)
            if end >= 0:
                yield self._take(end, len(separator))
                searched = 0
            else:
                searched = max(len(self._left) - len(separator) + 1, 0)
        if self._left:
            yield self.rest()

    def more(self) -> bool:
        """Return whether anything is left."""
        return bool(self._left) or self._fill(_HEAD)

    def rest(self) -> bytes:
        """Take everything that is left."""
        while self._fill(_PIECE):
            pass
        return self._take(len(self._left), 0)

    def total(self, entries: int) -> int:
        """Estimate how many entries the file has from how much of it ``entries`` took; 0 where its size is unknown."""
        taken = self._done - len(self._left)
        return max(entries * self._size // taken, entries) if self._size and taken else 0

    def _take(self, end: int, separator: int) -> bytes:
        data = bytes(self._left[:end])
        del self._left[: end + separator]
        return data

    def _fill(self, size: int) -> bool:
        """Read on; raises BpfError where the file itself is no limit and too much is held already."""
        try:
            data = self._file.read(size)
        except OSError as error:
            raise BpfError(f'cannot read "{self._file.name}": {error.strerror}', errno=error.errno) from error
        self._done += len(data)
        self._left += data
        if len(self._left) > max(self._size, _MOST):
            raise BpfError(f'"{self._file.name}" has {_MOST >> 20} MB that cannot be read in parts: use a file')
        return bool(data)


def _is_closed_input(descriptor: int) -> bool:
    """Report whether a descriptor is what the command line puts in the place of a closed standard input: /dev/null, to
    be read and written. What a shell opens for ``< /dev/null`` is to be read only."""
    if descriptor:
        return False
    is_null = os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev
    return is_null and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR


def encode_each(codec: Codec, values: Sequence[Any], what: str, start: int) -> bytes:
    """Encode values one after another; raises CodecError with the number of the entry, counted from 1."""
    encoded = []
    for index, value in enumerate(values):
        try:
            encoded.append(codec.encode(value))
        except CodecError as error:
            raise CodecError(f"entry {start + index + 1}: {what}: {error}") from None
    return b"".join(encoded)
