"""``pytc action show``: all actions of a kind."""

from __future__ import annotations

import struct
from errno import EINVAL

from pytc.commands.shared.command import Query
from pytc.errors import HelpRequested, NetlinkError, UsageError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.documents import answer_documents
from pytc.tc.actions.requests import action_table
from pytc.tc.kinds import actions as kinds
from pytc.words.engine import matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.commands.shared.context import Context
    from pytc.netlink.session import Session
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc action { list | show | lst } action KIND [ since MILLISECONDS ]

Shows all actions of a kind; with since, those that were used in that time.
"""

_MAX_SINCE = 0xFFFFFFFF
_LARGE_DUMP, _BRIEF = 1, 2  # TCA_ACT_FLAG_LARGE_DUMP_ON, TCA_ACT_FLAG_TERSE_DUMP
#: struct nla_bitfield32: value, selector.
_BITS = struct.Struct("=II")


class ShowActions(Query):
    """A request for all actions of a kind; with ``since``, for those used in the last so many milliseconds.

    ``ignored`` are words that tc takes, and does nothing about.
    """

    kind: str
    since: int = 0
    ignored: str = ""


def parse(cursor: Cursor) -> ShowActions:
    """Return the command; raises UsageError."""
    kind, since = take_kind(cursor, "ls"), 0
    if not cursor.done and matches(cursor.peek(), "since"):
        cursor.take()
        word = cursor.take()
        try:
            since = unsigned(_MAX_SINCE)(word)
        except ValueError:
            raise UsageError(f'Error: argument "{word}" is wrong: expecting milliseconds') from None
    return ShowActions(kind, since, take_ignored(cursor))


def take_kind(cursor: Cursor, verb: str) -> str:
    """Return the kind behind ``action``; raises UsageError."""
    if not cursor.done:
        cursor.take()  # "action"; tc takes any word
    if cursor.done:
        raise UsageError(f'Which kind of action? "pytc actions {verb} action KIND" expected.')
    return cursor.take()


def take_ignored(cursor: Cursor) -> str:
    """Return the words that are left, which mean nothing to tc: scripts have an index there; raises HelpRequested."""
    if cursor.peek() == "help":
        raise HelpRequested("action")
    return " ".join(cursor.rest())


def run(context: Context, command: ShowActions) -> list[Document]:
    """Return two documents for each answer; notes a kind that nobody knows. Raises NetlinkError."""
    if command.ignored:
        context.notes.append(
            f'Warning: "{command.ignored}" counts for nothing here; "action get" shows one by its index'
        )
    documents = _documents(context, command)
    if not documents and kinds.find(command.kind) is None:
        from pytc.words.suggestions import suggestion

        meant = suggestion(command.kind, kinds.names())
        context.notes.append(f"bad action {command.kind}{f': {meant}' if meant else ''}")
    return documents


def _documents(context: Context, command: ShowActions) -> list[Document]:
    display = context.display
    try:
        answers = _dump(context.session, command, brief=display.brief)
        return [part for answer in answers for part in answer_documents(answer, display)]
    except NetlinkError as error:
        if not display.brief or error.errno != EINVAL:
            raise
    # Kernels before 5.11 do not list actions in brief.
    answers = _dump(context.session, command, brief=False)
    return [part for answer in answers for part in answer_documents(answer, display, shortened=True)]


def _dump(session: Session, command: ShowActions, *, brief: bool) -> Iterable[TcMessage]:
    """Return the kernel's answers about actions of a kind."""
    flags = _LARGE_DUMP | _BRIEF * brief
    table = action_table([(command.kind, 0)])
    attributes: dict[str, object] = {"TCA_ROOT_TAB": table, "TCA_ROOT_FLAGS": _BITS.pack(flags, flags)}
    if command.since:
        attributes["TCA_ROOT_TIME_DELTA"] = command.since
    return session.dump(TcMessage(c.GETACTION, attributes=attributes), peek=True)
