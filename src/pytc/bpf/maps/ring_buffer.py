"""Read events that programs send through a ring buffer (BPF_MAP_TYPE_RINGBUF, kernel/bpf/ringbuf.c).

A ring buffer's memory: a page with the consumer's position (u64), which the consumer writes, a page with the
producer's, then the data, mapped twice in a row so that no record is in two pieces. Records are ``len u32`` with a bit
for "busy" and one for "discarded", ``u32``, data, and a gap up to a multiple of 8.
"""

from __future__ import annotations

import mmap
import select

from pytc.bpf.sys.constants import MapType, a_map_type
from pytc.closing import Closing
from pytc.errors import BpfError, BpfSyscallError
from pytc.typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.maps.map import Map

_BUSY, _DISCARDED = 1 << 31, 1 << 30
_HEADER = 8


class Event(NamedTuple):
    """The bytes that a program sent.

    ``cpu`` is -1 where unknown. ``lost`` counts events for which there was no room, in an event without data.
    """

    data: bytes
    cpu: int = -1
    lost: int = 0


class EventSource(Protocol):
    """A source of events."""

    def fileno(self) -> int:
        """Return a descriptor for poll(2), which is readable when there are events."""

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Yield events as they come, until ``timeout`` seconds pass without one (None: forever)."""

    def close(self) -> None:
        """Stop reading."""


class RingBuffer(Closing):
    """A reader of a ring buffer, which must stay open; events that it has read are gone for other readers.

    Raises BpfError for a map of another type, BpfSyscallError where its memory cannot be mapped.
    """

    def __init__(self, map: Map) -> None:
        if map.description.type != MapType.RINGBUF:
            raise BpfError(f'map "{map.name}" is {a_map_type(map.description.type)}, not a ring buffer')
        page, self._size = mmap.PAGESIZE, map.description.max_entries
        try:
            self._consumer = mmap.mmap(map.fd, page, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            self._producer = mmap.mmap(map.fd, page + 2 * self._size, prot=mmap.PROT_READ, offset=page)
        except OSError as error:
            raise BpfSyscallError("mmap", error.errno or 0, f'map "{map.name}"') from error
        self._poll = select.epoll()
        self._poll.register(map.fd, select.EPOLLIN)

    def fileno(self) -> int:
        """Return a descriptor for poll(2), which is readable when there are events."""
        return self._poll.fileno()

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Yield events as they come, until ``timeout`` seconds pass without one (None: forever)."""
        while True:
            yield from self._available()
            if not self._poll.poll(-1 if timeout is None else timeout):
                return

    def _available(self) -> Iterator[Event]:
        # Whole words are read and written at once; the system call before orders them.
        page = mmap.PAGESIZE
        with memoryview(self._consumer) as consumer, memoryview(self._producer) as producer:
            position, end = consumer[:8].cast("Q")[0], producer[:8].cast("Q")[0]
            while position < end:
                start = page + position % self._size
                length = producer[start : start + 4].cast("I")[0]
                if length & _BUSY:
                    return
                size = length & ~(_BUSY | _DISCARDED)
                data = bytes(producer[start + _HEADER : start + _HEADER + size])
                position += _HEADER + -(-size // 8) * 8
                consumer[:8].cast("Q")[0] = position
                if not length & _DISCARDED:
                    yield Event(data)
                end = producer[:8].cast("Q")[0]

    def close(self) -> None:
        """Stop reading; the map stays open."""
        self._poll.close()
        self._consumer.close()
        self._producer.close()
