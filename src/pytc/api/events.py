"""Events of ring and perf buffers as typed values, for loops, for asyncio and for callbacks."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from pytc.api.calls import log
from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.event_types import EventDecoder, event_source, find_program_btf, guess_event_type
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.ring_buffer import Event as RawEvent
from pytc.bpf.maps.ring_buffer import EventSource
from pytc.bpf.sys.constants import MapType
from pytc.closing import Closing
from pytc.errors import ClosedError


class Event:
    """An event of a program: the members of its structure are attributes, and items.

    ``value`` is the whole of it, a dict for a structure, hex where its type is not known; ``data`` is its bytes,
    ``cpu`` the CPU that it comes from, -1 where that is unknown, as for ring buffers. A member whose name is one of
    these is reached as ``event["data"]``.
    """

    __slots__ = ("cpu", "data", "value")

    def __init__(self, data: bytes, value: Any, cpu: int = -1) -> None:
        self.data, self.value, self.cpu = data, value, cpu

    def __getattr__(self, name: str) -> Any:
        if isinstance(self.value, dict) and name in self.value:
            return self.value[name]
        members = f"; its members: {', '.join(self.value)}" if isinstance(self.value, dict) else ""
        raise AttributeError(f"the event has no member {name!r}{members}")

    def __getitem__(self, name: str) -> Any:
        return self.value[name]

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(self.value if isinstance(self.value, dict) else ())})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and (other.data, other.cpu) == (self.data, self.cpu)

    def __hash__(self) -> int:
        return hash((self.data, self.cpu))

    def __repr__(self) -> str:
        return f"<Event {format_value(Style.TEXT, self.value)}>"


class EventStream(Closing):
    """The events of a buffer as they come: loop over it, with ``for`` or ``async for``, as often as you like.

    A loop ends when no event came for ``timeout`` seconds (None: never). An event that one reader has taken is gone for
    others, and a second reader of a perf event array displaces the first. ``lost`` counts the events that the kernel
    dropped for lack of room; only perf events tell. ``type`` is the format of the events, empty for bytes.

    >>> with firewall.maps.notices.events(timeout=0) as stream:
    ...     [event.source for event in stream]
    []
    """

    def __init__(
        self,
        map: Map,
        btf: Btf | None,
        timeout: float | None = None,
        *,
        type: str | None = None,
        pages: int | None = None,
    ) -> None:
        self.timeout, self.lost = timeout, 0
        self._map = map
        types = btf if btf is not None or type == "" else find_program_btf(map.description.id)
        self.type = type if type is not None else guess_event_type(types, map.name) if types is not None else ""
        self._decoder = EventDecoder(self.type, types)
        self._source: EventSource | None = _open(map, pages)
        log.debug("reading events of map %s as %s", map.name, self.type or "bytes")

    def fileno(self) -> int:
        """Return a descriptor for select, poll and epoll, which is readable when there are events."""
        return self._opened.fileno()

    @property
    def _opened(self) -> EventSource:
        if self._source is None:
            raise ClosedError(f'the events of map "{self._map.name}" are closed')
        return self._source

    def __iter__(self) -> Iterator[Event]:
        return self._typed(self.timeout)

    def available(self) -> Iterator[Event]:
        """Yield the events that are there, and do not wait."""
        return self._typed(0)

    def _typed(self, timeout: float | None) -> Iterator[Event]:
        for event in self._opened.events(timeout):
            typed = self._decoded(event)
            if typed is not None:
                yield typed

    def _decoded(self, event: RawEvent) -> Event | None:
        if event.lost:
            self.lost += event.lost
            log.debug("map %s: %d events lost", self._map.name, event.lost)
            return None
        return Event(event.data, self._decoder.decode(event.data), event.cpu)

    def poll(self, callback: Callable[[Event], object], *, timeout: float | None = 0) -> int:
        """Call a function with each event, until none came for ``timeout`` seconds; returns how many there were."""
        count = 0
        for event in self._typed(timeout):
            callback(event)
            count += 1
        return count

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events as they come, while other tasks run: the loop watches the descriptor, there is no thread."""
        while True:
            for event in self.available():
                yield event
            if not await readable(self.fileno(), self.timeout):
                return

    def close(self) -> None:
        """Stop reading; the map stays open."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def __repr__(self) -> str:
        state = "closed" if self._source is None else self.type or "bytes"
        return f"<EventStream {self._map.name!r} {state}>"


def _open(map: Map, pages: int | None) -> EventSource:
    if pages is not None and map.description.type == MapType.PERF_EVENT_ARRAY:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        return PerfBuffer(map, pages=pages)
    return event_source(map)


async def readable(fd: int, timeout: float | None) -> bool:
    """Wait in asyncio's loop until a descriptor is readable; returns False after ``timeout`` seconds."""
    asyncio = sys.modules["asyncio"]  # who calls this runs in it
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, lambda: ready.done() or ready.set_result(None))
    try:
        await asyncio.wait_for(ready, timeout)
    except asyncio.TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
    return True
