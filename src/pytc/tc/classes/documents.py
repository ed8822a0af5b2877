"""Classes as tc prints them."""

from __future__ import annotations

from pytc.handles import ROOT, UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.render.documents import DEVICE, Field, Group
from pytc.tc.classes.records import decode_class
from pytc.tc.classes.tree import ClassParts
from pytc.tc.clock import read_clock
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared.fields import unknown_options
from pytc.tc.statistics import statistics_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.handles import Handle
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.classes.records import ClassRecord
    from pytc.tc.clock import Clock


def class_event(message: TcMessage, display: Display) -> Document:
    """Return the document of a notification: which class was made, changed or deleted."""
    deleted = (Field("deleted", True, "deleted "),) if message.type == c.DELTCLASS else ()
    return [*deleted, *class_document(class_parts(decode_class(message), display, read_clock()))]


def class_parts(
    record: ClassRecord, display: Display, clock: Clock, *, names_device: bool = True, names_qdisc: bool = True
) -> ClassParts:
    """Return the parts of a class as tc prints them, which names device and qdisc only where the command does not."""
    kind = kinds.find(record.kind)
    options: Document = ()
    if kind is not None and kind.document_class is not None and record.attributes is not None:
        options = kind.document_class(record.attributes, display, clock)
    elif record.options:
        options = unknown_options("class", record.options)
    return ClassParts(
        display.class_name(record.handle),
        _head(record, display, names_device=names_device, names_qdisc=names_qdisc),
        options,
        record.statistics if display.statistics else None,
        _own_statistics(record, display) if display.statistics else (),
        display.iec,
    )


def class_document(parts: ClassParts) -> Document:
    """Return the document of a class outside of a tree."""
    fields: list[Part] = [*parts.head, Group("", parts.options), Field("", text="\n")]
    if parts.statistics is not None or parts.own_statistics:
        general = statistics_fields(parts.statistics, iec=parts.iec) if parts.statistics is not None else []
        fields.append(Group("stats", [*general, *parts.own_statistics]))
    return fields


def _head(record: ClassRecord, display: Display, *, names_device: bool, names_qdisc: bool) -> Document:
    handle = _identifier(record.handle, display, names_qdisc=names_qdisc) if record.handle != UNSPEC else ""
    fields = [Field("class", record.kind, f"class {record.kind} "), Field("handle", handle, f"{handle} ")]
    if names_device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if record.parent == ROOT:
        fields.append(Field("root", True, "root "))
    else:
        parent = _identifier(record.parent, display, names_qdisc=names_qdisc)
        fields.append(Field("parent", parent, f"parent {parent} "))
    if record.leaf != UNSPEC:
        fields.append(Field("leaf", f"{record.leaf.major:#x}", f"leaf {record.leaf.major:x}: "))
    return fields


def _identifier(handle: Handle, display: Display, *, names_qdisc: bool) -> str:
    """Return a handle with the name that ``-names`` gives it."""
    text = str(handle if names_qdisc else handle._replace(major=0))
    name = display.names.get(handle.number)
    return f"{name}#{text}" if name is not None else text


def _own_statistics(record: ClassRecord, display: Display) -> Document:
    kind = kinds.find(record.kind)
    if kind is None or kind.class_statistics is None or not record.own_statistics:
        return ()
    return (*kind.class_statistics(record.own_statistics, display), Field("", text="\n"))
