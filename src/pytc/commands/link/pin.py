"""``pytc link pin``: gives a link a path in a bpffs, which keeps it."""

from __future__ import annotations

from pytc.commands.link.words import LINK, take_link
from pytc.commands.shared.attachments import open_link
from pytc.commands.shared.command import Command
from pytc.commands.shared.pins import make_pin
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc link pin LINK PATH

{LINK}
Pins the link at PATH (m:NAME is below tc's directory); the pin keeps it when all who hold it have ended.
"""


class PinLink(Command):
    """A link to pin, as :func:`~pytc.commands.link.words.take_link` returns it, and the path."""

    link: str
    path: str


def parse(cursor: Cursor) -> PinLink:
    """Return the command; raises UsageError."""
    command = PinLink(take_link(cursor), cursor.take())
    refuse_more(cursor, "link")
    return command


def run(context: Context, command: PinLink) -> None:
    """Pin the link; raises AttachError, PinError."""
    with open_link(context, command.link) as link:
        make_pin(context, f"link {link.description.id}", command.path, link.pin)
