"""``actions``: add, replace, get, delete, show, flush."""

import os
import struct
from collections.abc import Sequence

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.context import Context
from pytc.commands.shared.programs import Wanted, opened, resolved_action
from pytc.commands.values import ActionCommands, FlushActions, ModifyActions, NamedActions, ShowActions
from pytc.errors import EXIT_UNUSABLE, EXIT_USAGE, DeviceNotFoundError, NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import join_attributes, nested
from pytc.render.documents import Document, Field, Listing
from pytc.tc.actions.action import Action
from pytc.tc.actions.lists import decode_actions, documents, encode_actions, index_of
from pytc.tc.kinds.interface import OpenedProgram

#: TCA_ACT_MAX_PRIO: what is beyond, the kernel leaves out.
MOST = 32
DEFAULT_SECTION = "action"
_KIND, _INDEX = 1, 3
_LARGE_DUMP, _BRIEF = 1, 2
_BITS = struct.Struct("=II")
_NUMBER = struct.Struct("=I")
_FLAGS = {"add": c.EXCL | c.CREATE, "replace": c.CREATE | c.REPLACE}


def wanted(action: Action) -> Wanted:
    """The program that an action wants."""
    return Wanted(action.options.source, ProgramType.SCHED_ACT, DEFAULT_SECTION)


def modify_actions(context: Context, command: ModifyActions) -> list[Document] | None:
    """Adds or replaces; all or none. With the context's ``echo``, returns what the kernel says of it. Raises
    NetlinkError, BpfError and its kin, InvalidOptionsError."""
    if not command.actions:
        return None
    actions = [resolved_action(action) for action in command.actions]
    failure = None
    with opened(context, [wanted(action) for action in actions]) as programs:
        table = _encoded(context, actions, programs)
        message = TcMessage(c.NEWACTION, _FLAGS[command.verb], attributes={"TCA_ROOT_TAB": table})
        if programs.exports:
            stays = command.verb == "replace" and _some_exist(context, actions)
            answers = _request(context, message._replace(flags=message.flags | c.ECHO))
            failure = programs.export_or(None if stays else lambda: _take_back(context, answers))
        else:
            answers = _request(context, message._replace(flags=message.flags | c.ECHO * context.echo))
    if failure is not None:
        raise failure
    warn_of_too_many(context, command.actions)
    return _echoed(context, answers)


def _echoed(context: Context, answers: Sequence[TcMessage]) -> list[Document] | None:
    """What the kernel says that it has done, None when nobody has asked."""
    return [action_news(context, answer) for answer in answers] if context.echo else None


def _some_exist(context: Context, actions: Sequence[Action]) -> bool:
    """Whether there is an action whose place a new one would take."""
    for action in actions:
        number = action.options.number
        try:
            if number and named_actions(context, NamedActions("get", ((action.kind, number),))):
                return True
        except NetlinkError:
            continue
    return False


def _take_back(context: Context, added: Sequence[TcMessage]) -> None:
    """Deletes just the actions that the kernel said it had added."""
    which = tuple(
        (record.kind, index_of(record))
        for answer in added
        if answer.type == c.NEWACTION
        for record in decode_actions(answer.attributes.get("TCA_ROOT_TAB", b""))
    )
    named_actions(context, NamedActions("delete", which))


def _encoded(context: Context, actions: Sequence[Action], programs: Sequence[OpenedProgram | None]) -> bytes:
    try:
        return encode_actions(context, actions, programs)
    except DeviceNotFoundError as error:
        error.exit_status = EXIT_USAGE  # as in tc, which does otherwise for filters
        raise


def warn_of_too_many(context: Context, actions: tuple[Action, ...]) -> None:
    """Says which actions the kernel has left out without a word."""
    if len(actions) > MOST:
        context.notes.append(
            f"Warning: the kernel takes {MOST} actions at a time; the last {len(actions) - MOST} of "
            f"these {len(actions)} are not there"
        )


def named_actions(context: Context, command: NamedActions) -> list[Document] | None:
    """Gets or deletes; raises NetlinkError."""
    table = join_attributes(
        (
            nested(order),
            join_attributes([(_KIND, os.fsencode(kind) + b"\0"), *([(_INDEX, _NUMBER.pack(index))] if index else [])]),
        )
        for order, (kind, index) in enumerate(command.which, 1)
    )
    answers: list[TcMessage] = []
    if command.which:
        message, flags = (c.GETACTION, 0) if command.verb == "get" else (c.DELACTION, c.ECHO * context.echo)
        answers = _request(context, TcMessage(message, flags, attributes={"TCA_ROOT_TAB": table}))
    if command.verb == "delete":
        return _echoed(context, answers)
    return [part for answer in answers for part in _shown(context, answer)] or [_total(0)]


def action_commands(context: Context, command: ActionCommands) -> list[Document] | None:
    """One after another, until one fails; those before it have been done then, as in tc. Raises what they raise."""
    documents: list[Document] | None = None
    for part in command.commands:
        shown = modify_actions(context, part) if isinstance(part, ModifyActions) else named_actions(context, part)
        if shown is not None:
            documents = [*(documents or ()), *shown]
    return documents


def show_actions(context: Context, command: ShowActions) -> list[Document]:
    """All actions of a kind; raises NetlinkError."""
    flags = _LARGE_DUMP | _BRIEF * context.shown.brief
    attributes: dict[str, object] = {"TCA_ROOT_TAB": _table(command.kind), "TCA_ROOT_FLAGS": _BITS.pack(flags, flags)}
    if command.since:
        attributes["TCA_ROOT_TIME_DELTA"] = command.since
    answers = context.session.dump(TcMessage(c.GETACTION, attributes=attributes), peek=True)
    return [part for answer in answers for part in _shown(context, answer)]


def flush_actions(context: Context, command: FlushActions) -> None:
    """Deletes all actions of a kind that no filter uses; raises NetlinkError."""
    try:
        context.session.request(TcMessage(c.DELACTION, c.ROOT, attributes={"TCA_ROOT_TAB": _table(command.kind)}))
    except NetlinkError as error:
        error.trailer = "We have an error flushing"
        error.exit_status = EXIT_UNUSABLE
        if not error.ext_ack:
            error.with_hints(f"a {command.kind} action that a filter uses cannot be deleted")
        raise


def action_news(context: Context, message: TcMessage) -> Document:
    """What the kernel says of a change."""
    event = "Deleted" if message.type == c.DELACTION else "Added"
    total, actions = _shown(context, message)
    return [*total, Field("event", event.lower(), f"{event} action "), *actions]


def _table(kind: str) -> bytes:
    return join_attributes([(nested(1), join_attributes([(_KIND, os.fsencode(kind) + b"\0")]))])


def _request(context: Context, message: TcMessage) -> list[TcMessage]:
    try:
        return context.session.request(message)
    except NetlinkError as error:
        error.trailer = "We have an error talking to the kernel"
        error.exit_status = EXIT_USAGE  # as in tc, which does otherwise for filters
        raise


def _shown(context: Context, answer: TcMessage) -> list[Document]:
    """tc prints two objects for each message: how many there are, and the actions."""
    actions = decode_actions(answer.attributes.get("TCA_ROOT_TAB", b""))
    total = answer.attributes.get("TCA_ROOT_COUNT", 0)
    return [_total(total), [Listing("actions", documents(context, actions, bound=False))]]


def _total(count: int) -> Document:
    return [Field("total acts", count, f"total acts {count}\n")]
