"""``pytc class delete``: removes a class, and the qdisc below it."""

from __future__ import annotations

from pytc.commands.class_.changes import carry_out, take_change
from pytc.commands.shared.command import Requests
from pytc.tc.classes.requests import ClassChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc class delete dev NAME [ root | parent CLASSID ] classid CLASSID

Removes the class, and the qdisc below it. Classes below it, and filters that lead to it, have to go first.
CLASSID := MAJOR:MINOR, in hex
"""


class DeleteClass(ClassChange, Requests):
    """A class to be deleted; like tc, it takes the options of a kind, too."""


def parse(cursor: Cursor) -> DeleteClass:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, DeleteClass)


def run(context: Context, command: DeleteClass) -> list[Document] | None:
    """Delete a class; with -echo, return what the kernel did. Raises NetlinkError."""
    return carry_out(context, command)
