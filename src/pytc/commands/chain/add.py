"""``pytc chain add``: makes a chain, with a template for its filters or without."""

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
Usage: pytc chain add SELECTORS [ KIND [ OPTIONS ] ]

{SELECTORS_HELP}
With a kind and options, they are a template for the filters of the chain.
"""


class AddChain(FilterChange, Requests):
    """A chain to be made; kind and options are the template of its filters."""


def parse(cursor: Cursor) -> AddChain:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, "chain", AddChain)


def run(context: Context, command: AddChain) -> list[Document] | None:
    """Make the chain; raises NetlinkError, InvalidOptionsError, UsageError."""
    return carry_out(context, command, c.NEWCHAIN, c.EXCL | c.CREATE)
