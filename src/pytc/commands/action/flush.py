"""``pytc action flush``: removes all actions of a kind that no filter uses."""

from pytc.commands.action.show import take_kind
from pytc.commands.shared.command import Requests
from pytc.commands.shared.context import Context
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.requests import action_table
from pytc.words.engine import Cursor, refuse_more

HELP = """\
Usage: pytc action flush action KIND

Removes all actions of a kind that no filter uses.
"""


class FlushActions(Requests):
    """All actions of a kind."""

    kind: str


def parse(cursor: Cursor) -> FlushActions:
    """Return the command; raises UsageError."""
    command = FlushActions(take_kind(cursor, "flush"))
    refuse_more(cursor, "actions")
    return command


def run(context: Context, command: FlushActions) -> None:
    """Delete the actions; raises NetlinkError."""
    table = action_table([(command.kind, 0)])
    try:
        context.session.request(TcMessage(c.DELACTION, c.ROOT, attributes={"TCA_ROOT_TAB": table}))
    except NetlinkError as error:
        error.operation = "action flush"
        if not error.ext_ack:
            error.with_hints(f"a {command.kind} action that a filter uses cannot be deleted")
        raise
