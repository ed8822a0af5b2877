"""``qdisc``: add, change, replace, delete, show."""

import errno

from pytc.commands.shared.context import Context
from pytc.commands.values import ModifyQdisc, ShowQdiscs
from pytc.errors import NetlinkError
from pytc.handles import ROOT, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.session import interface_name
from pytc.render.documents import DEVICE, Document, Field, Group, Part
from pytc.tc.clock import Clock, read_clock
from pytc.tc.encode_env import surroundings
from pytc.tc.hints import general_hint
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import size_table
from pytc.tc.qdiscs.selector import QdiscSelector
from pytc.tc.records import QdiscRecord
from pytc.tc.statistics import read_statistics, statistics_fields
from pytc.tc.unknown import unknown_options

_VERBS = {
    "add": (c.NEWQDISC, c.EXCL | c.CREATE),
    "change": (c.NEWQDISC, 0),
    "replace": (c.NEWQDISC, c.CREATE | c.REPLACE),
    "link": (c.NEWQDISC, c.REPLACE),
    "delete": (c.DELQDISC, 0),
}


def modify_qdisc(context: Context, command: ModifyQdisc) -> list[Document] | None:
    """Adds, changes, replaces or deletes; with the context's ``echo``, returns what the kernel says of it. Raises
    NetlinkError."""
    message = build_message(context, command)
    if context.echo:
        message = message._replace(flags=message.flags | c.ECHO)
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        hint = general_hint(error, command.selector.device) or _hint(context, error, command, message)
        if hint:
            error.with_hints(hint)
        raise
    return [qdisc_news(context, answer) for answer in answers] if context.echo else None


def show_qdiscs(context: Context, command: ShowQdiscs) -> list[Document]:
    """The qdiscs that a selector covers."""
    selector = command.selector
    index = context.device_index(selector.device)
    clock = read_clock()
    records = qdisc_records(context, index, invisible=command.invisible)
    return [
        _document(context, record, selector, clock)
        for record in records
        if selector.parent in (UNSPEC, record.parent) and selector.handle in (UNSPEC, record.handle)
    ]


def qdisc_news(context: Context, message: TcMessage) -> Document:
    """What the kernel says of a change."""
    gone = (Field("deleted", True, "deleted "),) if message.type == c.DELQDISC else ()
    return [*gone, *_document(context, _record(message), QdiscSelector(), read_clock())]


def qdisc_records(context: Context, index: int, *, invisible: bool = False) -> list[QdiscRecord]:
    """The qdiscs of a device, or all for 0: the kernel does not select."""
    attributes = {"TCA_DUMP_INVISIBLE": True} if invisible else {}
    answers = context.session.dump(TcMessage(c.GETQDISC, ifindex=index, attributes=attributes))
    return [_record(answer) for answer in answers if answer.type == c.NEWQDISC and index in (0, answer.ifindex)]


def qdisc_at(context: Context, index: int, parent: int) -> TcMessage | None:
    """What the kernel says of the qdisc in a place of a device, None for none; raises NetlinkError."""
    question = TcMessage(c.GETQDISC, c.ECHO, index, parent=parent)  # before v5.18, ECHO brings the answer
    return next((one for one in context.session.request(question) if one.attributes.get("TCA_KIND")), None)


def build_message(context: Context, command: ModifyQdisc) -> TcMessage:
    """The request for a command; raises PytcError where an option cannot be looked up."""
    kind_of_message, flags = _VERBS[command.verb]
    selector = command.selector
    attributes: dict[str, object] = {}
    if command.kind:
        attributes["TCA_KIND"] = command.kind
    if command.estimator:
        attributes["TCA_RATE"] = command.estimator
    if command.ingress_block:
        attributes["TCA_INGRESS_BLOCK"] = command.ingress_block
    if command.egress_block:
        attributes["TCA_EGRESS_BLOCK"] = command.egress_block
    kind = kinds.find(command.kind)
    if kind is not None:
        if kind.default_parent != UNSPEC:
            selector = selector.replace(parent=kind.default_parent, handle=kind.default_handle)
        options = kind.encode(command.options, surroundings(context, selector.device))
        if options is not None:
            attributes["TCA_OPTIONS"] = kind.schema.encode(options)
    if command.stab is not None:
        attributes["TCA_STAB"] = size_table.SCHEMA.encode(size_table.encode(command.stab))
    return TcMessage(
        kind_of_message,
        flags,
        context.device_index(selector.device),
        selector.handle.number,
        selector.parent.number,
        0,
        attributes,
    )


def _hint(context: Context, error: NetlinkError, command: ModifyQdisc, message: TcMessage) -> str:
    """The likely cause of a refusal, empty for none; looks at what is there."""
    if not message.parent and (not message.handle or command.verb in ("add", "delete")):
        return "say which place: root, parent CLASSID, clsact or ingress"
    device, name = command.selector.device, command.kind
    there = _kind_at(context, message)
    if command.verb == "delete":
        return _delete_hint(device, name, there)
    kind = kinds.find(name)
    if there and kind is not None and kind.default_parent != UNSPEC:
        return (
            f"{device} has its {there} qdisc already, and filters can be added to it"
            if there == name
            else f'{there} has the place of {name}: "pytc qdisc del dev {device} {there}" frees it'
        )
    if error.errno == errno.EEXIST and there:
        return f'{there} has this place already: "pytc qdisc replace" puts another there'
    if command.verb in ("change", "replace") and there and there == name:
        return f"the options of {there} cannot be changed: delete the qdisc and add it again"
    if "kind is unknown" in error.ext_ack:
        return f"the kernel has no qdisc {name}" if name else "name the kind: pytc qdisc add ... KIND"
    return ""


def _delete_hint(device: str, kind: str, there: str) -> str:
    if not there:
        return f'there is no such qdisc: "pytc qdisc show dev {device}" shows what there is'
    return f"the qdisc there is {there}" if kind and there != kind else ""


def _kind_at(context: Context, message: TcMessage) -> str:
    """The kind of the qdisc that a request is about, empty for none."""
    try:
        found = qdisc_records(context, message.ifindex)
    except NetlinkError:
        return ""
    for record in found:
        if message.parent == record.parent.number or (not message.parent and message.handle == record.handle.number):
            return record.kind
    return ""


def _record(message: TcMessage) -> QdiscRecord:
    attributes = message.attributes
    name, raw, stab = (attributes.get(f"TCA_{part}") for part in ("KIND", "OPTIONS", "STAB"))
    kind = kinds.find(name or "")
    statistics, own = read_statistics(message)
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
        own,
        size_table.SCHEMA.decode(stab) if stab is not None else None,
    )


def _document(context: Context, record: QdiscRecord, selector: QdiscSelector, clock: Clock) -> Document:
    handle = f"{record.handle.major:x}:"
    raw = f"[{record.handle.number:08x}]" if context.shown.raw else ""
    fields: list[Part] = [
        Field("kind", record.kind, f"qdisc {record.kind} "),
        Field("handle", handle, f"{handle}{raw} "),
    ]
    if not selector.device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if record.parent == ROOT:
        fields.append(Field("root", True, "root "))
    elif record.parent != UNSPEC:
        parent = context.shown.spelled(record.parent)
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
    fields += [Group("options", _options(context, record, clock)), Field("", text="\n")]
    if context.shown.details and record.stab is not None:
        fields += [*size_table.document(record.stab), Field("", text="\n")]
    return [*fields, *(_statistics(record, iec=context.shown.iec) if context.shown.statistics else ())]


def _options(context: Context, record: QdiscRecord, clock: Clock) -> Document:
    kind = kinds.find(record.kind)
    if kind is None:
        return unknown_options("qdisc", record.options)
    return kind.document(record.attributes, context.shown, clock) if record.attributes is not None else ()


def _statistics(record: QdiscRecord, *, iec: bool) -> list[Part]:
    fields: list[Part] = []
    if record.statistics is not None:
        fields += statistics_fields(record.statistics, iec=iec)
    kind = kinds.find(record.kind)
    if kind is not None and kind.statistics is not None and record.own_statistics:
        fields += [*kind.statistics(record.own_statistics), Field("", text="\n")]
    return fields
