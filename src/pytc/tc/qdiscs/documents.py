"""Qdiscs as tc prints them."""

from __future__ import annotations

from pytc.handles import ROOT, UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.render.documents import DEVICE, Field, Group
from pytc.tc.clock import read_clock
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import size_table
from pytc.tc.kinds.shared.fields import unknown_options
from pytc.tc.qdiscs.records import decode_qdisc
from pytc.tc.statistics import statistics_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.clock import Clock
    from pytc.tc.qdiscs.records import QdiscRecord


def qdisc_event(message: TcMessage, display: Display) -> Document:
    """Return the document of a notification: which qdisc was made, changed or deleted."""
    deleted = (Field("deleted", True, "deleted "),) if message.type == c.DELQDISC else ()
    return [*deleted, *qdisc_document(decode_qdisc(message), display, read_clock())]


def qdisc_document(record: QdiscRecord, display: Display, clock: Clock, *, names_device: bool = True) -> Document:
    """Return a qdisc as tc prints it, which names the device only where the command does not."""
    handle = f"{record.handle.major:x}:"
    raw = f"[{record.handle.number:08x}]" if display.raw else ""
    fields: list[Part] = [
        Field("kind", record.kind, f"qdisc {record.kind} "),
        Field("handle", handle, f"{handle}{raw} "),
    ]
    if names_device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if record.parent == ROOT:
        fields.append(Field("root", True, "root "))
    elif record.parent != UNSPEC:
        parent = display.class_name(record.parent)
        fields.append(Field("parent", parent, f"parent {parent} "))
    if record.refcnt != 1:
        fields.append(Field("refcnt", record.refcnt, f"refcnt {record.refcnt} "))
    if record.offloaded:
        fields.append(Field("offloaded", True, "offloaded "))
    fields += [
        Field(name, block, f"{name} {block} ")
        for name, block in (("ingress_block", record.ingress_block), ("egress_block", record.egress_block))
        if block
    ]
    fields += [Group("options", _options(record, display, clock)), Field("", text="\n")]
    if display.details and record.stab is not None:
        fields += [*size_table.document(record.stab), Field("", text="\n")]
    return [*fields, *(_statistics(record, display) if display.statistics else ())]


def _options(record: QdiscRecord, display: Display, clock: Clock) -> Document:
    kind = kinds.find(record.kind)
    if kind is None:
        return unknown_options("qdisc", record.options)
    return kind.document(record.attributes, display, clock) if record.attributes is not None else ()


def _statistics(record: QdiscRecord, display: Display) -> list[Part]:
    fields: list[Part] = []
    if record.statistics is not None:
        fields += statistics_fields(record.statistics, iec=display.iec)
    kind, own = kinds.find(record.kind), record.own_statistics
    if kind is not None and own and kind.statistics is not None:
        fields += [*kind.statistics(own, display), Field("", text="\n")]
    return fields
