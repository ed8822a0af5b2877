"""Follow the changes of traffic control as the kernel reports them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pytc.api.calls import log, public
from pytc.api.events import readable
from pytc.closing import Closing
from pytc.commands.monitor.watch import event
from pytc.errors import ClosedError
from pytc.netlink import constants as c
from pytc.netlink.listener import Listener
from pytc.netlink.messages import decode, read_type
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.value import Value

_OBJECTS = {
    **dict.fromkeys((c.NEWQDISC, c.DELQDISC), "qdisc"),
    **dict.fromkeys((c.NEWTCLASS, c.DELTCLASS), "class"),
    **dict.fromkeys((c.NEWTFILTER, c.DELTFILTER), "filter"),
    **dict.fromkeys((c.NEWCHAIN, c.DELCHAIN), "chain"),
    **dict.fromkeys((c.NEWACTION, c.DELACTION), "action"),
}
_DELETED = (c.DELQDISC, c.DELTCLASS, c.DELTFILTER, c.DELCHAIN, c.DELACTION)


class TrafficChange(Value):
    """A change of traffic control: of an ``object``, which is qdisc, class, filter, chain or action; ``details`` are
    the members that ``tc -j monitor`` prints."""

    object: str
    is_deleted: bool
    details: Mapping[str, Any]


class Monitor(Closing):
    """The changes of this network namespace as they come, for ``for`` and ``async for``; it begins when it is made.

    A loop ends when nothing changed for ``timeout`` seconds (None: never). ``lost`` counts how often changes came too
    fast, so that the kernel dropped some.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout, self.lost = timeout, 0
        self._listener: Listener | None = Listener()

    def fileno(self) -> int:
        """Return a descriptor for select, poll and epoll, which is readable when there are changes."""
        if self._listener is None:
            raise ClosedError("the monitor is closed")
        return self._listener.fileno()

    def __iter__(self) -> Iterator[TrafficChange]:
        import select

        while True:
            yield from self.available()
            if not select.select([self.fileno()], [], [], self.timeout)[0]:
                return

    async def __aiter__(self) -> AsyncIterator[TrafficChange]:
        """Yield changes while other tasks run."""
        while True:
            for change in self.available():
                yield change
            if not await readable(self.fileno(), self.timeout):
                return

    def available(self) -> Iterator[TrafficChange]:
        """Yield the changes that are there, and do not wait."""
        self.fileno()
        assert self._listener is not None
        for data in self._listener.available():
            if data is None:
                self.lost += 1
                log.debug("monitor: the kernel has dropped changes")
                continue
            message = decode(data) if read_type(data) in _OBJECTS else None
            document = event(message, Display()) if message is not None else None
            if message is not None and document is not None:
                yield TrafficChange(_OBJECTS[message.type], message.type in _DELETED, as_object(document))

    def close(self) -> None:
        """Stop listening."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


@public
def monitor(timeout: float | None = None) -> Monitor:
    """Follow the changes of qdiscs, classes, filters, chains and actions of this network namespace.

    The result iterates over :class:`TrafficChange`, also with ``async for``, until nothing changed for ``timeout``
    seconds; close it, or use it in a ``with`` block. Raises NetlinkError.
    """
    return Monitor(timeout)
