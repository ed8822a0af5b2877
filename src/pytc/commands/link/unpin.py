"""``pytc link unpin``: removes the pin of a link."""

from __future__ import annotations

from pytc.commands.shared.attachments import unpin_link
from pytc.commands.shared.command import Command
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc link unpin PATH

Removes the pin at PATH, which must be that of a link. The link ends with it, unless somebody else holds it.
"""


class UnpinLink(Command):
    """A link's pin to remove; ``path`` is absolute, or ``m:NAME``."""

    path: str


def parse(cursor: Cursor) -> UnpinLink:
    """Return the command; raises UsageError."""
    command = UnpinLink(cursor.take())
    refuse_more(cursor, "link")
    return command


def run(context: Context, command: UnpinLink) -> None:
    """Remove the pin; raises PinError."""
    unpin_link(context, command.path)
