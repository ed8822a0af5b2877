"""``pytc action delete``: removes actions by kind and index."""

from __future__ import annotations

from pytc.commands.action.requests import echo_documents, request_by_index, take_indexes
from pytc.commands.shared.command import Requests
from pytc.netlink import constants as c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.action.requests import Which
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc action delete [ action KIND index INDEX ] ...

Removes actions that no filter uses.
"""


class DeleteActions(Requests):
    """A request to delete actions by kinds and indexes, ``which``."""

    which: Which


def parse(cursor: Cursor) -> DeleteActions:
    """Return the command; raises UsageError, InvalidOptionsError."""
    return DeleteActions(take_indexes(cursor))


def run(context: Context, command: DeleteActions) -> list[Document] | None:
    """Delete the actions; with -echo, return what the kernel did. Raises NetlinkError."""
    return echo_documents(context, request_by_index(context, c.DELACTION, command.which, c.ECHO * context.display.echo))
