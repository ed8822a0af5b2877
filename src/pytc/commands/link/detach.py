"""``pytc link detach``: ends an attachment; the link stays while it is pinned."""

import errno

from pytc.commands.link.words import LINK, take_link
from pytc.commands.shared.attachments import open_link
from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.errors import AttachError, BpfSyscallError
from pytc.words.engine import Cursor, refuse_more

HELP = f"""\
Usage: pytc link detach LINK

{LINK}
Ends the attachment; a pin stays, and "pytc link unpin" removes it.
"""


class DetachLink(Command):
    """A link to detach, as :func:`~pytc.commands.link.words.take_link` returns it."""

    link: str


def parse(cursor: Cursor) -> DetachLink:
    """Return the command; raises UsageError."""
    command = DetachLink(take_link(cursor))
    refuse_more(cursor, "link")
    return command


def run(context: Context, command: DetachLink) -> None:
    """Detach the link; raises AttachError."""
    with open_link(context, command.link) as link:
        try:
            link.detach()
        except BpfSyscallError as error:
            what = (
                f"link {command.link} is of type {link.description.type}, which ends with its last pin only"
                if error.errno == errno.EOPNOTSUPP
                else str(error)
            )
            raise AttachError(what, errno=error.errno) from error
