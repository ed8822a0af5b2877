"""Room for the log that the kernel writes about a program or about types."""

from __future__ import annotations

import ctypes
import mmap

from pytc.closing import Closing

#: Sizes to try, one after the other. Linux takes at most 2^24 - 1 bytes for programs before 5.4 (commit 7a9f5c65abcc,
#: "bpf: increase verifier log limit") and for types before 6.4, else 2^30 - 1.
LOG_SIZES = ((1 << 24) - 1, (1 << 30) - 1)
_CHUNK = 1 << 20


class LogBuffer(Closing):
    """Memory for a log, of which only the pages count that the kernel writes to.

    A buffer of ctypes is filled with zeros first: a gigabyte of it takes a gigabyte. Raises OSError where the system
    does not promise that much.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()

    @property
    def address(self) -> int:
        """The address of the memory; valid until close()."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def text(self, most: int = 0) -> tuple[str, int]:
        """Return the log, and how many lines of it are left out.

        If it is longer than ``most`` bytes and that is not 0, return whole lines from its end.
        """
        end = self._memory.find(b"\0")
        end = self.size if end < 0 else end
        start = 0
        if most and end > most:
            start = self._memory.find(b"\n", end - most, end) + 1  # 0 where there is no line break
        chunks = range(0, start, _CHUNK)
        lines = sum(self._memory[position : min(position + _CHUNK, start)].count(b"\n") for position in chunks)
        return self._memory[start:end].decode("utf-8", "replace"), lines
