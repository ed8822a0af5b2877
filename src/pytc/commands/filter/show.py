"""``pytc filter show``: the filters of a place. Needs nothing of what loads programs."""

from __future__ import annotations

from itertools import chain

from pytc.commands.shared.command import Query
from pytc.tc.filters.documents import FilterDocuments
from pytc.tc.filters.records import chunked, filter_records
from pytc.tc.filters.words import SELECTORS_HELP, take_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.filters.selector import FilterSelector
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc filter {{ show | list | ls }} [ SELECTORS ]

{SELECTORS_HELP}
Shows the filters that all of these cover, except for the handle, which counts for nothing here, as in tc.
"""


class ShowFilters(Query):
    """The filters that a selector covers; ``ignored`` is a handle, which tc takes, and shows filters with any."""

    selector: FilterSelector
    ignored: str = ""


def parse(cursor: Cursor) -> ShowFilters:
    """Return the command; raises UsageError, HelpRequested."""
    selector = take_selector(cursor, "filter")
    return ShowFilters(selector.replace(handle=""), selector.handle)


def run(context: Context, command: ShowFilters) -> Iterator[Document]:
    """Return a document for each filter, made when its turn comes.

    Raises DeviceNotFoundError, BlockNotFoundError, NetlinkError before the first.
    """
    if command.ignored:
        context.notes.append('Warning: show takes no handle, and shows filters with any; "filter get" shows one')
    selector = command.selector
    records = filter_records(
        context.session, selector, selector.ifindex(context.device_index), brief=context.display.brief
    )
    describe = FilterDocuments(context.display, selector).document
    return chain.from_iterable([describe(record) for record in group] for group in chunked(records))
