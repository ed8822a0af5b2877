"""``pytc action flush``: removes all actions of a kind that no filter uses."""

from __future__ import annotations

from pytc.commands.action.show import take_ignored, take_kind
from pytc.commands.shared.command import Requests
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.requests import action_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc action flush action KIND

Removes all actions of a kind that no filter uses.
"""


class FlushActions(Requests):
    """All actions of a kind; ``ignored`` are words that tc takes, and does nothing about."""

    kind: str
    ignored: str = ""


def parse(cursor: Cursor) -> FlushActions:
    """Return the command; raises UsageError."""
    return FlushActions(take_kind(cursor, "flush"), take_ignored(cursor))


def run(context: Context, command: FlushActions) -> None:
    """Delete the actions; raises NetlinkError."""
    if command.ignored:
        note = f'"{command.ignored}" counts for nothing here; "action delete" removes one by its index'
        context.notes.append(f"Warning: {note}")
    table = action_table([(command.kind, 0)])
    try:
        context.session.request(TcMessage(c.DELACTION, c.ROOT, attributes={"TCA_ROOT_TAB": table}))
    except NetlinkError as error:
        error.operation = "action flush"
        if not error.ext_ack:
            error.with_hints(f"a {command.kind} action that a filter uses cannot be deleted")
        raise
