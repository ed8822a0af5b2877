"""Qdiscs as the kernel describes them."""

from __future__ import annotations

from pytc.handles import Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import size_table
from pytc.tc.statistics import read_statistics
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.netlink.session import Session
    from pytc.tc.statistics import QueueStatistics


class QdiscRecord(NamedTuple):
    """A qdisc as the kernel describes it.

    ``attributes`` are the kind's, by name; None for a kind that pytc does not know, and where the kernel sends no
    options. ``own_statistics`` are the kind's, ``stab`` the attributes of a size table.
    """

    ifindex: int
    handle: Handle
    parent: Handle
    refcnt: int
    kind: str
    offloaded: bool = False
    ingress_block: int = 0
    egress_block: int = 0
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    statistics: QueueStatistics | None = None
    own_statistics: bytes = b""
    stab: Mapping[str, Any] | None = None


def qdisc_records(session: Session, ifindex: int, *, invisible: bool = False) -> list[QdiscRecord]:
    """Return the qdiscs of a device, or all for 0: the kernel does not select."""
    attributes = {"TCA_DUMP_INVISIBLE": True} if invisible else {}
    answers = session.dump(TcMessage(c.GETQDISC, ifindex=ifindex, attributes=attributes))
    return [decode_qdisc(answer) for answer in answers if answer.type == c.NEWQDISC and ifindex in (0, answer.ifindex)]


def qdisc_at(session: Session, ifindex: int, parent: int) -> TcMessage | None:
    """Return the kernel's answer about the qdisc in a place of a device, None for none; raises NetlinkError."""
    # Before v5.18, only ECHO brings an answer.
    question = TcMessage(c.GETQDISC, c.ECHO, ifindex, parent=parent)
    return next((answer for answer in session.request(question) if answer.attributes.get("TCA_KIND")), None)


def decode_qdisc(message: TcMessage) -> QdiscRecord:
    """Return the qdisc of a message."""
    attributes = message.attributes
    name, raw, stab = (attributes.get(f"TCA_{part}") for part in ("KIND", "OPTIONS", "STAB"))
    kind = kinds.find(name or "")
    statistics, kind_statistics = read_statistics(message)
    return QdiscRecord(
        message.ifindex,
        Handle.from_number(message.handle),
        Handle.from_number(message.parent),
        message.info,
        name or "",
        bool(attributes.get("TCA_HW_OFFLOAD")),
        attributes.get("TCA_INGRESS_BLOCK", 0),
        attributes.get("TCA_EGRESS_BLOCK", 0),
        kind.schema.decode(raw, kind.header) if kind is not None and raw is not None else None,
        raw or b"",
        statistics,
        kind_statistics,
        size_table.SCHEMA.decode(stab) if stab is not None else None,
    )
