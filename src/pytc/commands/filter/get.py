"""``pytc filter get``: shows one filter."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.commands.shared.filters import describe_one
from pytc.errors import UsageError
from pytc.netlink import constants as c
from pytc.tc.filters.requests import FilterChange, filter_message
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.filters.words import (
    SELECTORS,
    SELECTORS_HELP,
    check_complete,
    check_exclusive,
    refuse_garbage,
    take_options,
)
from pytc.tc.kinds import filters as kinds
from pytc.words.engine import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.kinds.interface import FilterOptions
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc filter get SELECTORS KIND

{SELECTORS_HELP}
Shows one filter; needs a place, protocol, pref, handle and kind.
"""


class GetFilter(Query):
    """The filter with the selector's handle."""

    selector: FilterSelector
    kind: str
    options: FilterOptions | None = None


def parse(cursor: Cursor) -> GetFilter:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields = fill(cursor, SELECTORS, {}, topic="filter")
    check_exclusive(fields)
    for field, name in (("protocol", "protocol"), ("pref", "priority")):
        if field not in fields:
            raise UsageError(f"Must specify filter {name}")
    check_complete(fields)
    if cursor.done:
        raise UsageError("Must specify filter type")
    name = cursor.take()
    if "handle" not in fields:
        raise UsageError('Must specify filter "handle"')
    refuse_garbage(cursor, "filter")
    kind = kinds.find(name)
    options = take_options(cursor, name, kind, fields) if kind is not None else None
    return GetFilter(FilterSelector(**fields), name, options)


def run(context: Context, command: GetFilter) -> list[Document]:
    """Return the document of the filter; raises NetlinkError when there is none."""
    selector = command.selector
    like = FilterChange("add", selector, command.kind, command.options)
    message = filter_message(like, selector.ifindex(context.device_index))
    return describe_one(context, message._replace(type=c.GETTFILTER, flags=0), selector)
