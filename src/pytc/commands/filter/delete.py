"""``pytc filter delete``: removes one filter, or all of a preference, a chain or a place."""

from pytc.commands.filter.changes import carry_out
from pytc.commands.shared.command import Requests
from pytc.commands.shared.context import Context
from pytc.render.documents import Document
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.words import SELECTORS_HELP, take_change
from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc filter delete SELECTORS [ KIND ]

{SELECTORS_HELP}
Removes one filter (pref, protocol, handle and kind), or all of a pref, of a chain, or of a place.
"""


class DeleteFilter(FilterChange, Requests):
    """Filters to be deleted; like tc, it takes the options of a kind, too."""


def parse(cursor: Cursor) -> DeleteFilter:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, "filter", DeleteFilter)


def run(context: Context, command: DeleteFilter) -> list[Document] | None:
    """Delete filters; with -echo, return what the kernel did. Raises NetlinkError, InvalidOptionsError."""
    return carry_out(context, command)
