"""``class``: add, change, replace, delete, show."""

import errno

from pytc.commands.shared.context import Context
from pytc.commands.values import ModifyClass, ShowClasses
from pytc.errors import NetlinkError
from pytc.handles import ROOT, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.session import interface_name
from pytc.render.documents import DEVICE, Document, Field, Group, Part
from pytc.tc.classes.tree import ClassParts, tree
from pytc.tc.clock import Clock, read_clock
from pytc.tc.encode_env import surroundings
from pytc.tc.hints import general_hint
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.records import ClassRecord
from pytc.tc.statistics import read_statistics, statistics_fields
from pytc.tc.unknown import unknown_options

_VERBS = {
    "add": (c.NEWTCLASS, c.EXCL | c.CREATE),
    "change": (c.NEWTCLASS, 0),
    "replace": (c.NEWTCLASS, c.CREATE),
    "delete": (c.DELTCLASS, 0),
}


def modify_class(context: Context, command: ModifyClass) -> list[Document] | None:
    """Adds, changes, replaces or deletes; with the context's ``echo``, returns what the kernel says of it. Raises
    NetlinkError."""
    message = build_message(context, command)
    if context.echo:
        message = message._replace(flags=message.flags | c.ECHO)
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        hint = general_hint(error, command.device) or _hint(error, command)
        if hint:
            error.with_hints(hint)
        raise
    return [class_news(context, answer) for answer in answers] if context.echo else None


def show_classes(context: Context, command: ShowClasses) -> list[Document]:
    """The classes of a device that a selector covers."""
    index = context.device_index(command.device)
    if not index:
        context.notes.append('Hint: classes are shown for one device: add "dev NAME"')
    answers = context.session.dump(TcMessage(c.GETTCLASS, ifindex=index, parent=command.parent.number))
    clock = read_clock()
    if context.shown.graph:
        records = [_record(answer) for answer in answers if answer.type == c.NEWTCLASS]
        return tree([(record, _parts(context, record, command, clock)) for record in records])
    return [
        _document(_parts(context, _record(answer), command, clock))
        for answer in answers
        if answer.type == c.NEWTCLASS and _selected(answer, command)
    ]


def class_records(context: Context, index: int) -> list[ClassRecord]:
    """The classes of a device; raises NetlinkError."""
    answers = context.session.dump(TcMessage(c.GETTCLASS, ifindex=index))
    return [_record(answer) for answer in answers if answer.type == c.NEWTCLASS]


def class_news(context: Context, message: TcMessage) -> Document:
    """What the kernel says of a change."""
    gone = (Field("deleted", True, "deleted "),) if message.type == c.DELTCLASS else ()
    return [*gone, *_document(_parts(context, _record(message), ShowClasses(""), read_clock()))]


def _selected(message: TcMessage, command: ShowClasses) -> bool:
    handle = Handle.from_number(message.handle)
    return (command.qdisc == UNSPEC or handle.major == command.qdisc.major) and command.classid in (UNSPEC, handle)


def build_message(context: Context, command: ModifyClass) -> TcMessage:
    """The request for a command; raises PytcError where an option cannot be looked up."""
    kind_of_message, flags = _VERBS[command.verb]
    attributes: dict[str, object] = {}
    if command.kind:
        attributes["TCA_KIND"] = command.kind
    if command.estimator:
        attributes["TCA_RATE"] = command.estimator
    kind = kinds.find(command.kind)
    if kind is not None and kind.encode_class is not None:
        options = kind.encode_class(command.options, surroundings(context, command.device))
        attributes["TCA_OPTIONS"] = kind.schema.encode(options)
    return TcMessage(
        kind_of_message,
        flags,
        context.device_index(command.device),
        command.classid.number,
        command.parent.number,
        0,
        attributes,
    )


def _hint(error: NetlinkError, command: ModifyClass) -> str:
    """The likely cause of a refusal."""
    device, classid = command.device, command.classid
    qdisc = Handle((classid if classid.major else command.parent).major, 0)
    if error.errno == errno.EEXIST:
        return f'{device} has a class {classid} already; "pytc class replace" changes it'
    if error.errno == errno.EBUSY:
        return f"classes below {classid}, or filters that lead to it, have to go first"
    if error.errno == errno.ENOENT and classid.minor and command.verb != "add":
        return f"{device} has no class {classid}"
    if error.errno == errno.ENOENT and command.verb == "add":
        return f"{device} has no qdisc {qdisc} with classes"
    if error.errno == errno.EINVAL and not classid.minor:
        return '"classid MAJOR:MINOR" is missing'
    if error.errno == errno.EINVAL and command.parent.major not in (0, ROOT.major, classid.major):
        return f"the class {classid} and its parent {command.parent} have to be of one qdisc"
    return ""


def _record(message: TcMessage) -> ClassRecord:
    attributes = message.attributes
    name = attributes.get("TCA_KIND", "")
    kind, raw = kinds.find(name), attributes.get("TCA_OPTIONS")
    statistics, own = read_statistics(message)
    return ClassRecord(
        message.ifindex,
        Handle.from_number(message.handle),
        Handle.from_number(message.parent),
        Handle.from_number(message.info),
        name,
        kind.schema.decode(raw) if kind is not None and raw is not None else None,
        raw or b"",
        statistics,
        own,
    )


def _parts(context: Context, record: ClassRecord, command: ShowClasses, clock: Clock) -> ClassParts:
    kind = kinds.find(record.kind)
    options: Document = ()
    if kind is not None and kind.document_class is not None and record.attributes is not None:
        options = kind.document_class(record.attributes, context.shown, clock)
    elif record.options:
        options = unknown_options("class", record.options)
    return ClassParts(
        context.shown.spelled(record.handle),
        _head(context, record, command),
        options,
        record.statistics if context.shown.statistics else None,
        _own_statistics(record) if context.shown.statistics else (),
        context.shown.iec,
    )


def _document(parts: ClassParts) -> Document:
    fields: list[Part] = [*parts.head, Group("", parts.options), Field("", text="\n")]
    if parts.statistics is not None or parts.own_statistics:
        general = statistics_fields(parts.statistics, iec=parts.iec) if parts.statistics is not None else []
        fields.append(Group("stats", [*general, *parts.own_statistics]))
    return fields


def _head(context: Context, record: ClassRecord, command: ShowClasses) -> Document:
    handle = _identifier(record.handle, command, context) if record.handle != UNSPEC else ""
    fields = [Field("class", record.kind, f"class {record.kind} "), Field("handle", handle, f"{handle} ")]
    if not command.device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if record.parent == ROOT:
        fields.append(Field("root", True, "root "))
    else:
        parent = _identifier(record.parent, command, context)
        fields.append(Field("parent", parent, f"parent {parent} "))
    if record.leaf != UNSPEC:
        fields.append(Field("leaf", f"{record.leaf.major:#x}", f"leaf {record.leaf.major:x}: "))
    return fields


def _identifier(handle: Handle, command: ShowClasses, context: Context) -> str:
    """With the name that ``-names`` gives it."""
    shown = str(handle if command.qdisc == UNSPEC else handle._replace(major=0))
    name = context.shown.names.get(handle.number)
    return f"{name}#{shown}" if name is not None else shown


def _own_statistics(record: ClassRecord) -> Document:
    kind = kinds.find(record.kind)
    if kind is None or kind.class_statistics is None or not record.own_statistics:
        return ()
    return (*kind.class_statistics(record.own_statistics), Field("", text="\n"))
