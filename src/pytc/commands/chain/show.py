"""``pytc chain show``: chains and their templates."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.netlink import constants as c
from pytc.tc.filters.documents import document
from pytc.tc.filters.records import check_block, dump
from pytc.tc.filters.requests import selector_message
from pytc.tc.filters.words import SELECTORS_HELP, take_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.filters.selector import FilterSelector
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc chain {{ show | list | ls }} [ SELECTORS ]

{SELECTORS_HELP}"""


class ShowChains(Query):
    """The chains that a selector covers."""

    selector: FilterSelector


def parse(cursor: Cursor) -> ShowChains:
    """Return the command; raises UsageError, HelpRequested."""
    return ShowChains(take_selector(cursor, "chain"))


def run(context: Context, command: ShowChains) -> Iterator[Document]:
    """Return a document for each chain, made when its turn comes; raises as ``filter show`` does."""
    selector, display = command.selector, context.display
    question = selector_message(c.GETCHAIN, selector, selector.ifindex(context.device_index))
    check_block(context.session, selector)
    return (document(record, display, selector) for record in dump(context.session, question, brief=display.brief))
