"""``pytc qdisc delete``: removes a qdisc, with its classes and filters."""

from __future__ import annotations

from pytc.commands.qdisc.changes import carry_out
from pytc.commands.qdisc.words import take_change
from pytc.commands.shared.command import Requests
from pytc.tc.qdiscs.requests import QdiscChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc qdisc delete dev NAME { clsact | ingress }
       pytc qdisc delete dev NAME { root | parent CLASSID } [ handle HANDLE ] [ KIND ]

Removes the qdisc, with its classes and filters; at the root, the default one takes its place.
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"""


class DeleteQdisc(QdiscChange, Requests):
    """A qdisc to be deleted; like tc, it takes the options of a kind, too."""


def parse(cursor: Cursor) -> DeleteQdisc:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, DeleteQdisc)


def run(context: Context, command: DeleteQdisc) -> list[Document] | None:
    """Delete a qdisc; with -echo, return what the kernel did. Raises NetlinkError."""
    if not context.display.is_terminal:
        return carry_out(context, command)
    from pytc.commands.shared.remaining_pins import note_remaining_pins

    with note_remaining_pins(context, command.selector.device):
        return carry_out(context, command)
