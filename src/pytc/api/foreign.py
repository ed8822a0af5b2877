"""Values of pyroute2, which pytc does not import for them."""

from typing import Any, Protocol

from pytc.api.calls import public
from pytc.api.traffic import Filter, filter_of_message
from pytc.errors import ArgumentError
from pytc.netlink.messages import decode


class _Message(Protocol):
    """A message of pyroute2: ``data`` holds its bytes, from ``offset`` on."""

    data: Any
    offset: int
    length: int


@public
def from_pyroute2(message: _Message) -> Filter:
    """Return the filter of a message of pyroute2's ``get_filters()``, or of one of its monitor.

    Raises ArgumentError for another message.

    >>> with pyroute2.IPRoute() as route:
    ...     messages = list(route.get_filters(index=socket.if_nametoindex("em1"), parent=0xFFFFFFF2))
    >>> [(one.kind, one.program.name) for one in map(pytc.from_pyroute2, messages) if one.handle]
    [('bpf', 'firewall')]
    """
    try:
        data = bytes(message.data[message.offset : message.offset + message.length])
    except AttributeError:
        raise ArgumentError(f"{type(message).__name__} is no message of pyroute2") from None
    found = filter_of_message(decode(data)) if len(data) >= 16 else None
    if found is None:
        raise ArgumentError("the message is not about a filter")
    return found
