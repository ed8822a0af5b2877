"""``pytc action { add | change | replace }``; another command may follow the actions."""

from __future__ import annotations

from pytc.commands.action import delete, get
from pytc.commands.action.get import GetActions
from pytc.commands.action.requests import echo_documents, request, request_by_index
from pytc.commands.shared.actions import warn_of_too_many
from pytc.commands.shared.command import Command, Requests
from pytc.commands.shared.programs import action_program_request, open_programs, resolve_action_files
from pytc.contexts import contextmanager
from pytc.errors import BpfError, DeviceNotFoundError, InvalidOptionsError, NetlinkError, UsageError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.records import action_index, decode_actions
from pytc.tc.actions.requests import encode_actions
from pytc.tc.kinds.shared.action_words import parse_actions
from pytc.words.engine import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from pytc.commands.action.delete import DeleteActions
    from pytc.commands.shared.command import Effect
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.actions.action import Action
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc action { add | change | replace } [ action ACTION ] ... [ { change | replace | delete | get | add } ... ]

ACTION := { KIND OPTIONS | CONTROL } [ index INDEX ] [ cookie HEX ] [ hw_stats { immediate | delayed | disabled } ]
          [ no_percpu ] [ skip_sw ] [ skip_hw ]
KIND := { @KINDS@ }
CONTROL := pass | ok | drop | shot | pipe | continue | reclassify | stolen | trap | jump COUNT | goto chain INDEX

add refuses an index that exists; change and replace do not. Without index, the kernel chooses one.
"pytc action add action bpf help" explains the options of a kind.
"""

#: The verbs that may follow the actions of another.
_NEXT = ("change", "replace", "delete", "get", "add")
_FLAGS = {"add": c.EXCL | c.CREATE, "replace": c.CREATE | c.REPLACE}


class ModifyActions(Requests):
    """Actions to be added or replaced, all or none."""

    verb: Literal["add", "replace"]
    actions: tuple[Action, ...]


class ActionCommands(Command):
    """Several commands of one line, carried out in their order; the last may get or delete."""

    commands: tuple[ModifyActions | DeleteActions | GetActions, ...]

    @property
    def effect(self) -> Effect:
        return "asks" if all(part.effect == "asks" for part in self.commands) else "requests"


def parse(cursor: Cursor) -> ModifyActions | ActionCommands:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    first = _take_actions(cursor, cursor.verb)
    commands = tuple(_further_commands(cursor))
    return ActionCommands((first, *commands)) if commands else first


def _take_actions(cursor: Cursor, verb: str) -> ModifyActions:
    if cursor.done:
        raise UsageError('Illegal "action"', hints=('say which, as in "pytc actions add action gact drop"',))
    with _reported_as_action():
        return ModifyActions("add" if verb == "add" else "replace", parse_actions(cursor, _NEXT))


@contextmanager
def _reported_as_action() -> Iterator[None]:
    """Let an error about an action have tc's exit status for actions."""
    try:
        yield
    except (BpfError, NetlinkError, InvalidOptionsError) as error:
        error.operation = "action"
        raise


def _further_commands(cursor: Cursor) -> Iterator[ModifyActions | DeleteActions | GetActions]:
    while not cursor.done:
        word = cursor.take()
        verb = choose(word, _NEXT)
        if not verb:
            raise UsageError(f'Command "{word}" is unknown, try "pytc actions help".')
        if verb in ("get", "delete"):
            yield (get if verb == "get" else delete).parse(cursor)
            return
        yield _take_actions(cursor, verb)


def run(context: Context, command: ModifyActions | ActionCommands) -> list[Document] | None:
    """Add or replace actions; with -echo, return what the kernel did.

    Of several commands, those before one that fails stay done, as in tc. Raises NetlinkError, BpfError and its kin,
    InvalidOptionsError.
    """
    if isinstance(command, ModifyActions):
        return _modify(context, command)
    documents: list[Document] | None = None
    for part in command.commands:
        if isinstance(part, ModifyActions):
            echoed = _modify(context, part)
        else:
            echoed = get.run(context, part) if isinstance(part, GetActions) else delete.run(context, part)
        if echoed is not None:
            documents = [*(documents or ()), *echoed]
    return documents


def _modify(context: Context, command: ModifyActions) -> list[Document] | None:
    if not command.actions:
        return None
    failure = None
    with _reported_as_action():
        actions = [resolve_action_files(action) for action in command.actions]
    with (
        _reported_as_action(),
        open_programs(context, [action_program_request(action) for action in actions]) as programs,
    ):
        table = _encode(context, actions, programs)
        message = TcMessage(c.NEWACTION, _FLAGS[command.verb], attributes={"TCA_ROOT_TAB": table})
        if programs.exports:
            stays = command.verb == "replace" and _some_exist(context, actions)
            answers = request(context, message._replace(flags=message.flags | c.ECHO), actions)
            failure = programs.export_or_undo(None if stays else lambda: _delete_added(context, answers))
        else:
            answers = request(context, message._replace(flags=message.flags | c.ECHO * context.display.echo), actions)
    if failure is not None:
        raise failure
    warn_of_too_many(context, command.actions)
    return echo_documents(context, answers)


def _encode(context: Context, actions: Sequence[Action], programs: Sequence[OpenedProgram | None]) -> bytes:
    try:
        return encode_actions(actions, programs, context.device_index)
    except DeviceNotFoundError as error:
        error.operation = "action"
        raise


def _some_exist(context: Context, actions: Sequence[Action]) -> bool:
    """Report whether there is an action whose place a new one would take; raises NetlinkError."""
    for action in actions:
        number = action.options.number
        try:
            if number and request_by_index(context, c.GETACTION, ((action.kind, number),)):
                return True
        except NetlinkError as error:
            if not error.means_absent:
                raise
    return False


def _delete_added(context: Context, added: Sequence[TcMessage]) -> None:
    """Delete just the actions that the kernel said it had added."""
    which = tuple(
        (record.kind, action_index(record))
        for answer in added
        if answer.type == c.NEWACTION
        for record in decode_actions(answer.attributes.get("TCA_ROOT_TAB", b""))
    )
    request_by_index(context, c.DELACTION, which)
