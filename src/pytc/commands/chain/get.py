"""``pytc chain get``: shows one chain."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.commands.shared.filters import describe_one
from pytc.netlink import constants as c
from pytc.tc.filters.requests import selector_message
from pytc.tc.filters.words import SELECTORS_HELP, take_chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.filters.selector import FilterSelector
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc chain get SELECTORS

{SELECTORS_HELP}"""


class GetChain(Query):
    """The chain that a selector names."""

    selector: FilterSelector


def parse(cursor: Cursor) -> GetChain:
    """Return the command; raises UsageError, HelpRequested."""
    return GetChain(take_chain(cursor))


def run(context: Context, command: GetChain) -> list[Document]:
    """Return the document of the chain; raises NetlinkError when there is none."""
    selector = command.selector
    return describe_one(
        context, selector_message(c.GETCHAIN, selector, selector.ifindex(context.device_index)), selector
    )
