"""Exit statuses, which are those of tc(8) in the same situation (checked against tc 6.1)."""

from __future__ import annotations

from pytc.errors import (
    AttachError,
    HelpRequested,
    MapElementError,
    NamespaceError,
    NetlinkError,
    NetlinkProtocolError,
    RecordError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.errors import PytcError

UNUSABLE, NETLINK, USAGE = 1, 2, 255

#: The line with which tc closes its report of a refused request, and its exit status where that is not the usual one.
_TRAILERS = {
    "filter": "We have an error talking to the kernel",
    "filter dump": "Dump terminated",
    "action": "We have an error talking to the kernel",
    "action flush": "We have an error flushing",
}
_BY_OPERATION = {"filter dump": UNUSABLE, "action": USAGE, "action flush": UNUSABLE}
#: The first class that fits counts; others end with UNUSABLE.
_BY_CLASS: tuple[tuple[type[PytcError], int], ...] = (
    (HelpRequested, 0),
    (UsageError, USAGE),
    (RecordError, USAGE),
    (NamespaceError, USAGE),  # tc finds out while it reads its options
    (NetlinkError, NETLINK),
    (NetlinkProtocolError, NETLINK),
    (MapElementError, NETLINK),
    (AttachError, NETLINK),
)


def exit_status(error: PytcError) -> int:
    """Return the exit status of a command that failed."""
    status = _BY_OPERATION.get(error.operation)
    if status is not None:
        return status
    return next((number for kind, number in _BY_CLASS if isinstance(error, kind)), UNUSABLE)


def trailer(error: PytcError) -> str:
    """Return the line with which tc closes its report, empty for none."""
    return _TRAILERS.get(error.operation, "") if isinstance(error, NetlinkError) else ""
