"""Words that name actions by kind and index, and requests about actions."""

from __future__ import annotations

from pytc.errors import NetlinkError, UsageError
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.documents import action_event
from pytc.tc.actions.requests import action_table
from pytc.tc.hints import actions_hint
from pytc.tc.kinds.shared.action_parts import take_index
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.actions.action import Action
    from pytc.words.engine import Cursor

    #: Kinds and indexes.
    Which = tuple[tuple[str, int], ...]


def take_indexes(cursor: Cursor) -> Which:
    """Return the kinds and indexes that all words name; raises UsageError, InvalidOptionsError."""
    actions = []
    while not cursor.done:
        name = cursor.take()
        if name == "action":
            continue
        if cursor.done or not matches(cursor.peek(), "index"):
            raise UsageError(f"Error: no index specified action: {name}")
        cursor.take()
        actions.append((name, take_index(cursor)))
    return tuple(actions)


def request_by_index(context: Context, message_type: int, which: Which, flags: int = 0) -> list[TcMessage]:
    """Send a request about actions by kind and index, none for none; raises NetlinkError."""
    if not which:
        return []
    return request(context, TcMessage(message_type, flags, attributes={"TCA_ROOT_TAB": action_table(which)}))


def request(context: Context, message: TcMessage, actions: Sequence[Action] = ()) -> list[TcMessage]:
    """Send a request about actions; raises NetlinkError."""
    try:
        return context.session.request(message)
    except NetlinkError as error:
        error.operation = "action"
        if hint := actions_hint(error, actions):
            error.with_hints(hint)
        raise


def echo_documents(context: Context, answers: Sequence[TcMessage]) -> list[Document] | None:
    """Return the documents of what the kernel did, None without -echo."""
    return [action_event(answer, context.display) for answer in answers] if context.display.echo else None
