"""``pytc chain delete``: removes a chain and its filters."""

from __future__ import annotations

from pytc.commands.chain.changes import carry_out
from pytc.commands.shared.command import Requests
from pytc.netlink import constants as c
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.words import SELECTORS_HELP, take_change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc chain delete SELECTORS

{SELECTORS_HELP}
Removes a chain and its filters.
"""


class DeleteChain(FilterChange, Requests):
    """A chain to be deleted."""


def parse(cursor: Cursor) -> DeleteChain:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, "chain", DeleteChain)


def run(context: Context, command: DeleteChain) -> list[Document] | None:
    """Delete the chain; raises NetlinkError, InvalidOptionsError, UsageError."""
    return carry_out(context, command, c.DELCHAIN, 0)
