"""Classes as the kernel describes them."""

from __future__ import annotations

from pytc.handles import Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.statistics import read_statistics
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.netlink.session import Session
    from pytc.tc.statistics import QueueStatistics


class ClassRecord(NamedTuple):
    """A class as the kernel describes it.

    ``leaf`` is the handle of the qdisc below, UNSPEC for none; ``own_statistics`` are the kind's.
    """

    ifindex: int
    handle: Handle
    parent: Handle
    leaf: Handle
    kind: str
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""


def class_records(session: Session, ifindex: int, parent: int = 0) -> list[ClassRecord]:
    """Return the classes of a device; raises NetlinkError."""
    answers = session.dump(TcMessage(c.GETTCLASS, ifindex=ifindex, parent=parent))
    return [decode_class(answer) for answer in answers if answer.type == c.NEWTCLASS]


def decode_class(message: TcMessage) -> ClassRecord:
    """Return the class of a message."""
    attributes = message.attributes
    name = attributes.get("TCA_KIND", "")
    kind, raw = kinds.find(name), attributes.get("TCA_OPTIONS")
    statistics, kind_statistics = read_statistics(message)
    return ClassRecord(
        message.ifindex,
        Handle.from_number(message.handle),
        Handle.from_number(message.parent),
        Handle.from_number(message.info),
        name,
        kind.schema.decode(raw) if kind is not None and raw is not None else None,
        raw or b"",
        statistics,
        kind_statistics,
    )
