"""Filters and chains as the kernel describes them: in answers, in dumps, and in news of what has changed."""

import errno
import struct
from collections.abc import Iterable, Iterator, Sequence

from pytc.commands import FilterSelector
from pytc.documents import DEVICE, Document, Field, Group, Listing, Part, Shown
from pytc.errors import NetlinkError
from pytc.handles import CLSACT, UNSPEC, Handle
from pytc.kinds import filters as kinds
from pytc.kinds.interface import Attributes, FilterKind, FilterView
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, decode_options, split_attributes
from pytc.netlink.session import interface_name
from pytc.operations.context import Context
from pytc.operations.filter_requests import POINTS, address, swapped
from pytc.operations.program_descriptions import described
from pytc.protocols import format_protocol
from pytc.records import FilterRecord, QueueStatistics

_FILTERS, _CHAINS = (c.NEWTFILTER, c.DELTFILTER, c.GETTFILTER), (c.NEWCHAIN, c.DELCHAIN, c.GETCHAIN)
#: TCA_DUMP_FLAGS as struct nla_bitfield32, value and selector: TCA_DUMP_FLAGS_TERSE.
_TERSE = struct.pack("=II", 1, 1)


def dump(context: Context, message_type: int, selector: FilterSelector) -> Iterator[FilterRecord]:
    """The filters or chains that a selector covers, each decoded when its turn comes; raises DeviceNotFoundError,
    NetlinkError before the first.

    Not all kernels and kinds can be dumped in brief: then what they say is shortened here.
    """
    message = address(context, message_type, selector)
    in_brief = {**message.attributes, "TCA_DUMP_FLAGS": _TERSE}
    shortened = False
    try:
        answers = context.session.dumped(message._replace(attributes=in_brief) if context.shown.brief else message)
    except NetlinkError as error:
        if not context.shown.brief:
            raise _of_dump(error) from error
        answers, shortened = context.session.dumped(message), True
    return records(answers, shortened=shortened)


def records(messages: Iterable[TcMessage], *, shortened: bool = False) -> Iterator[FilterRecord]:
    """What messages say of filters and chains."""
    for message in messages:
        record = decoded(message, shortened=shortened)
        if record is not None:
            yield record


def _of_dump(error: NetlinkError) -> NetlinkError:
    if error.errno == errno.EMSGSIZE and not error.ext_ack:
        error = NetlinkError(errno.EMSGSIZE, "Buffer too small for object")  # tc's words
    error.trailer = "Dump terminated"
    error.exit_status = 1
    return error


def decoded(message: TcMessage, *, shortened: bool = False) -> FilterRecord | None:
    """What a message says; None when it is about something else. ``shortened`` leaves out what is not shown in
    brief. Raises NetlinkProtocolError."""
    if message.type not in (*_FILTERS, *_CHAINS):
        return None
    attributes = message.attributes
    name, raw = attributes.get("TCA_KIND", ""), attributes.get("TCA_OPTIONS", b"")
    in_block = message.ifindex == c.BLOCK
    record = FilterRecord(
        message.ifindex, UNSPEC if in_block else Handle.from_number(message.parent), swapped(message.info & 0xFFFF),
        message.info >> 16, name, attributes.get("TCA_CHAIN"), message.handle, raw=raw, event=_event(message),
        statistics=_statistics(message), block=message.parent if in_block else 0, is_chain=message.type in _CHAINS)
    kind = kinds.find(name)
    if not raw or kind is None:
        return _with_other_actions(record)
    found = decode_options(kind.schema, raw)
    if shortened:
        found = {attribute: value for attribute, value in found.items() if attribute in (*kind.brief, kind.actions)}
    record = record._replace(options=kind.decode(found, described))
    if kind.actions not in found and kind.police not in found:
        return record
    return _with_actions(record, kind, found, shortened=shortened)


def _event(message: TcMessage) -> str:
    if message.type in (c.DELTFILTER, c.DELCHAIN):
        return "deleted"
    if message.type not in (c.NEWTFILTER, c.NEWCHAIN) or not message.flags & c.CREATE:
        return ""
    return "added" if message.flags & c.EXCL else "replaced"


def _with_actions(record: FilterRecord, kind: FilterKind, attributes: Attributes, *, shortened: bool) -> FilterRecord:
    from pytc.operations.action_lists import decode_actions, decode_options_of, in_brief

    actions, police = decode_actions(attributes.get(kind.actions, b"")), attributes.get(kind.police)
    return record._replace(actions=tuple(map(in_brief, actions)) if shortened else actions,
                           police=decode_options_of("police", police) if police else None)


def _with_other_actions(record: FilterRecord) -> FilterRecord:
    """Of a kind that pytc does not know, but whose actions it finds."""
    if not record.raw:
        return record
    from pytc.kinds.other_filters import OTHERS

    other = OTHERS.get(record.kind)
    raw = dict(split_attributes(record.raw)).get(other.actions, b"") if other is not None else b""
    if not raw:
        return record
    from pytc.operations.action_lists import decode_actions

    return record._replace(actions=decode_actions(raw))


def _statistics(message: TcMessage) -> QueueStatistics | None:
    if not message.attributes.keys() & {"TCA_STATS", "TCA_STATS2"}:
        return None
    from pytc.operations.statistics import read_statistics, unpack_old_statistics

    if "TCA_STATS2" in message.attributes:
        return read_statistics(message)[0]
    return unpack_old_statistics(message.attributes["TCA_STATS"])


def document(context: Context, record: FilterRecord, selector: FilterSelector | None = None) -> Document:
    """As tc prints it, which leaves out what the selector has said already."""
    selector = FilterSelector() if selector is None else selector
    fields: list[Part] = [Field(record.event, True, f"{record.event} ")] if record.event else []
    fields.append(Field("", text="chain " if record.is_chain else "filter "))
    fields += _place(record, selector, context.shown)
    if not record.is_chain:
        fields += _precedence(record, selector, numeric=context.shown.numeric)
    if record.kind:
        fields.append(Field("kind", record.kind, f"{record.kind} "))
    if record.chain is not None and record.chain != selector.chain:
        fields.append(Field("chain", record.chain, f"chain {record.chain} "))
    if record.raw:
        fields.append(Group("options", _options(context, record)))
    fields.append(Field("", text="\n"))
    if context.shown.statistics and record.statistics is not None:
        from pytc.operations.statistics import filter_statistics

        fields += filter_statistics(record.statistics, iec=context.shown.iec)
    return fields


def echoed(context: Context, answers: Sequence[TcMessage]) -> list[Document] | None:
    """What the kernel says that it has done, None when nobody has asked."""
    if not context.echo:
        return None
    return [document(context, record) for record in records(answers)]


def _place(record: FilterRecord, selector: FilterSelector, shown: Shown) -> list[Part]:
    if record.ifindex == c.BLOCK:
        same = record.block == selector.block
        return [] if same else [Field("block", record.block, f"block {record.block} ")]
    fields: list[Part] = []
    if not selector.device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if selector.parent in (UNSPEC, CLSACT) or selector.parent != record.parent:
        point = POINTS.get(record.parent)
        parent = shown.spelled(record.parent)
        fields.append(Field(point, True, f"{point} ") if point else Field("parent", parent, f"parent {parent} "))
    return fields


def _precedence(record: FilterRecord, selector: FilterSelector, *, numeric: bool) -> list[Part]:
    fields: list[Part] = []
    if record.protocol and record.protocol != selector.protocol:
        name = format_protocol(record.protocol, numeric=numeric)
        fields.append(Field("protocol", name, f"protocol {name} "))
    if record.pref and record.pref != selector.pref:
        fields.append(Field("pref", record.pref, f"pref {record.pref} "))
    return fields


def _options(context: Context, record: FilterRecord) -> Document:
    actions, police = _action_parts(context, record)
    kind = kinds.find(record.kind)
    if kind is not None:
        return kind.document(record.options, FilterView(record.handle, record.protocol, context.shown, police, actions))
    from pytc.operations.unknown import unknown_options

    handle = f"{record.handle:08x}"
    return [Field("fh", handle, f"fh {handle} "), *unknown_options("filter", record.raw), *actions]


def _action_parts(context: Context, record: FilterRecord) -> tuple[list[Part], list[Part]]:
    """(actions, police)"""
    if not record.actions and record.police is None:
        return [], []
    from pytc.operations.action_lists import document_of, documents

    police = document_of(context, "police", record.police) if record.police is not None else ()
    return [Listing("actions", documents(context, record.actions, bound=True))] if record.actions else [], [*police]
