"""``filter``: add, change, replace, delete, get, show."""

import errno
import sys
from collections.abc import Sequence

from pytc.bpf.constants import ProgramType
from pytc.commands import Action, FilterSelector, GetFilter, ModifyFilter, ShowFilters
from pytc.documents import Document, Field, Group, Listing, Part
from pytc.errors import InvalidOptionsError, NetlinkError, UsageError
from pytc.handles import CLSACT, EGRESS, INGRESS, ROOT, UNSPEC, Handle
from pytc.kinds import filters as kinds
from pytc.kinds.interface import Attributes, FilterKind, OpenedProgram
from pytc.kinds.programs import BYTECODE, BYTECODE_FILE, EXPRESSION
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, decode_options, encode_options
from pytc.netlink.session import interface_name
from pytc.operations.context import Context
from pytc.operations.hints import general_hint
from pytc.operations.programs import Wanted, described, opened, resolved, resolved_action
from pytc.protocols import format_protocol
from pytc.records import FilterRecord

_VERBS = {"add": (c.NEWTFILTER, c.EXCL | c.CREATE), "change": (c.NEWTFILTER, 0),
          "replace": (c.NEWTFILTER, c.CREATE), "delete": (c.DELTFILTER, 0)}
_DEFAULT_SECTION = "classifier"
_POINTS = {ROOT: "root", INGRESS: "ingress", EGRESS: "egress"}


def modify_filter(context: Context, command: ModifyFilter) -> None:
    """Adds, changes, replaces or deletes; raises NetlinkError, BpfError and its kin, InvalidOptionsError."""
    if command.options is None:
        send_filter(context, command, None)
        return
    context.device_index(command.selector.device)  # before the work of loading
    command = _resolved(context, command)
    source, actions = getattr(command.options, "source", None), _actions(command)
    wanted = [Wanted(source, ProgramType.SCHED_CLS, _DEFAULT_SECTION)]
    if actions:
        from pytc.operations.actions import wanted as wanted_by
        from pytc.operations.actions import warn_of_too_many

        wanted += [wanted_by(action) for action in actions]
    failure = None
    with opened(context, wanted, export=command.verb != "delete") as programs:
        program, *others = programs
        if programs.exports:
            stays = command.verb == "change" or (command.verb == "replace" and _exists(context, command))
            added = send_filter(context, command, program, others, echo=True)
            failure = programs.export_or(None if stays else lambda: _take_back(context, added))
        else:
            send_filter(context, command, program, others)
    if failure is not None:
        raise failure
    if actions:
        warn_of_too_many(context, actions)


def _exists(context: Context, command: ModifyFilter) -> bool:
    """Whether there is a filter whose place the new one would take: only its preference and handle can say so."""
    if not command.selector.pref or not command.selector.handle:
        return False
    try:
        return bool(get_filter(context, GetFilter(command.selector, command.kind)))
    except NetlinkError:
        return False


def _take_back(context: Context, added: Sequence[TcMessage]) -> None:
    """Deletes just the filter that the kernel said it had added."""
    for one in added:
        if one.type == c.NEWTFILTER:
            which = {name: one.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in one.attributes}
            context.session.request(one._replace(type=c.DELTFILTER, flags=0, attributes=which))


def _actions(command: ModifyFilter) -> tuple[Action, ...]:
    found: tuple[Action, ...] = getattr(command.options, "actions", ())
    return found


def _resolved(context: Context, command: ModifyFilter) -> ModifyFilter:
    """With what is in files, and what an expression compiles to."""
    options = command.options
    if getattr(options, "source", None) is not None:
        options = options._replace(source=resolved(options.source))
        if options.source.mode in (BYTECODE, BYTECODE_FILE, EXPRESSION):
            from pytc.operations.expressions import with_expression

            options = with_expression(context, options, command.selector.device)
    if _actions(command):
        options = options._replace(actions=tuple(resolved_action(action) for action in options.actions))
    return command._replace(options=options)


def get_filter(context: Context, command: GetFilter) -> list[Document]:
    """The one filter with that handle; raises NetlinkError when there is none."""
    selector = command.selector
    message = _message(context, "add", selector, command.kind, kinds.find(command.kind))
    message = message._replace(type=c.GETTFILTER, flags=0)
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        raise _explained(error, selector) from error
    return [_document(context, record, FilterSelector(device=selector.device))
            for record in (_record(answer) for answer in answers) if record is not None]


def show_filters(context: Context, command: ShowFilters) -> list[Document]:
    """The filters that a selector covers."""
    return [_document(context, record, command.selector) for record in filter_records(context, command.selector)]


def filter_records(context: Context, selector: FilterSelector) -> list[FilterRecord]:
    """The filters that a selector covers, decoded; raises DeviceNotFoundError, NetlinkError."""
    index = context.device_index(selector.device)
    attributes = {} if selector.chain is None else {"TCA_CHAIN": selector.chain}
    answers = context.session.dump(TcMessage(
        c.GETTFILTER, ifindex=index, parent=selector.parent.number, info=_info(selector), attributes=attributes))
    return [record for record in map(_record, answers) if record is not None and _selected(record, selector, index)]


def _selected(record: FilterRecord, selector: FilterSelector, index: int) -> bool:
    return (not index or record.ifindex == index) and (selector.chain is None or record.chain == selector.chain)


def _message(context: Context, verb: str, selector: FilterSelector, name: str,
             kind: FilterKind | None) -> TcMessage:
    kind_of_message, flags = _VERBS[verb]
    attributes: dict[str, object] = {}
    if name:
        attributes["TCA_KIND"] = name
    if selector.chain is not None:
        attributes["TCA_CHAIN"] = selector.chain
    return TcMessage(kind_of_message, flags, context.device_index(selector.device), _handle(selector.handle, kind),
                     selector.parent.number, _info(selector), attributes)


def _handle(word: str, kind: FilterKind | None) -> int:
    if not word:
        return 0
    if kind is None:
        raise UsageError('Must specify filter type when using "handle"')
    try:
        return kind.handle(word)
    except ValueError:
        raise InvalidOptionsError(f'Illegal "handle": "{word}"') from None


def _info(selector: FilterSelector) -> int:
    """``tcm_info``: preference and, in network byte order, protocol."""
    return selector.pref << 16 | _swapped(selector.protocol)


def _swapped(number: int) -> int:
    """htons(3) and ntohs(3)."""
    return int.from_bytes(number.to_bytes(2, "big"), sys.byteorder)


def send_filter(context: Context, command: ModifyFilter, program: OpenedProgram | None,
                programs: Sequence[OpenedProgram | None] = (), *, echo: bool = False) -> list[TcMessage]:
    """Sends the request for a filter whose program is open already, as are those of its actions. With ``echo``, the
    kernel answers with what it has added. Raises NetlinkError."""
    kind = kinds.find(command.kind) if command.kind else None
    message = _message(context, command.verb, command.selector, command.kind, kind)
    if kind is not None and command.options is not None:
        attributes = [*kind.encode(command.options, program), *_encoded_actions(context, command, kind, programs)]
        message = message._replace(attributes={**message.attributes,
                                               "TCA_OPTIONS": encode_options(kind.schema, attributes)})
    if echo:
        message = message._replace(flags=message.flags | c.ECHO)
    try:
        return context.session.request(message)
    except NetlinkError as error:
        raise _explained(error, command.selector) from error


def _encoded_actions(context: Context, command: ModifyFilter, kind: FilterKind,
                     programs: Sequence[OpenedProgram | None]) -> list[tuple[str, bytes]]:
    police = getattr(command.options, "police", None)
    if not _actions(command) and police is None:
        return []
    from pytc.operations.action_lists import encode_actions, encode_options_of

    found = []
    if police is not None:
        found.append((kind.police, encode_options_of(context, "police", police)))
    if _actions(command):
        found.append((kind.actions, encode_actions(context, _actions(command), programs)))
    return found


def _explained(error: NetlinkError, selector: FilterSelector) -> NetlinkError:
    error.trailer = "We have an error talking to the kernel"
    hook = _POINTS.get(selector.parent, "") if selector.parent != ROOT else ""
    missing = error.errno in (errno.ENOENT, errno.EINVAL) and "Parent Qdisc" in error.ext_ack
    if hook and missing:
        error.with_hints(f'{selector.device} has no clsact qdisc, which {hook} filters need: '
                         f'"pytc qdisc add dev {selector.device} clsact" makes it')
    elif missing:
        error.with_hints(f"there is no qdisc {selector.parent} on {selector.device}")
    elif selector.parent == UNSPEC and "not classful" in error.ext_ack:
        error.with_hints("without ingress, egress or parent, a filter goes to the root qdisc, and that of "
                         f"{selector.device} takes none")
    elif hint := general_hint(error, selector.device):
        error.with_hints(hint)
    return error


def _record(message: TcMessage) -> FilterRecord | None:
    if message.type not in (c.NEWTFILTER, c.DELTFILTER):
        return None
    attributes = message.attributes
    name = attributes.get("TCA_KIND", "")
    kind = kinds.find(name)
    raw = attributes.get("TCA_OPTIONS")
    record = FilterRecord(message.ifindex, Handle.from_number(message.parent), _swapped(message.info & 0xFFFF),
                          message.info >> 16, name, attributes.get("TCA_CHAIN"), message.handle)
    if kind is None or not raw:
        return record
    decoded = decode_options(kind.schema, raw)
    record = record._replace(options=kind.decode(decoded, described))
    return _with_actions(record, kind, decoded) if kind.actions in decoded or kind.police in decoded else record


def _with_actions(record: FilterRecord, kind: FilterKind, attributes: Attributes) -> FilterRecord:
    from pytc.operations.action_lists import decode_actions, decode_options_of

    police = attributes.get(kind.police)
    return record._replace(actions=decode_actions(attributes.get(kind.actions, b"")),
                           police=decode_options_of("police", police) if police else None)


def _document(context: Context, record: FilterRecord, selector: FilterSelector) -> Document:
    """tc leaves out what the selector has said already."""
    fields: list[Part] = [Field("", text="filter ")]
    if not selector.device:
        name = interface_name(record.ifindex)
        fields.append(Field("dev", name, f"dev {name} "))
    if selector.parent in (UNSPEC, CLSACT) or selector.parent != record.parent:
        fields.append(_parent(record.parent))
    if record.protocol and record.protocol != selector.protocol:
        name = format_protocol(record.protocol)
        fields.append(Field("protocol", name, f"protocol {name} "))
    if record.pref and record.pref != selector.pref:
        fields.append(Field("pref", record.pref, f"pref {record.pref} "))
    fields.append(Field("kind", record.kind, f"{record.kind} "))
    if record.chain is not None and record.chain != selector.chain:
        fields.append(Field("chain", record.chain, f"chain {record.chain} "))
    kind = kinds.find(record.kind)
    if kind is not None and record.options is not None:
        fields.append(Group("options", [*kind.document(record.options, record.handle, context.shown),
                                        *_action_parts(context, record)]))
    fields.append(Field("", text="\n"))
    return fields


def _action_parts(context: Context, record: FilterRecord) -> list[Part]:
    if not record.actions and record.police is None:
        return []
    from pytc.operations.action_lists import document_of, documents

    parts: list[Part] = []
    if record.police is not None:
        parts += [Field("", text="\n"), *document_of(context, "police", record.police)]
    if record.actions:
        parts.append(Listing("actions", documents(context, record.actions, bound=True)))
    return parts


def _parent(parent: Handle) -> Field:
    point = _POINTS.get(parent)
    return Field(point, True, f"{point} ") if point else Field("parent", str(parent), f"parent {parent} ")
