"""``pytc filter { add | change | replace }``."""

from __future__ import annotations

from pytc.commands.filter.changes import carry_out
from pytc.commands.shared.command import Requests
from pytc.handles import EGRESS, INGRESS
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.words import SELECTORS_HELP, take_change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc filter {{ add | change | replace }} SELECTORS [ estimator INTERVAL TIME-CONST ] [ KIND [ OPTIONS ] ]

{SELECTORS_HELP}KIND := {{ @KINDS@ }}, and others of the kernel without options

add      refuses to take the place of a filter that exists
change   gives an existing filter other options
replace  adds a filter, or puts it into the place of the one with its pref and handle

"pytc filter add u32 help" explains the options of a kind, "pytc filter add estimator help" those of an estimator.
"""


class ModifyFilter(FilterChange, Requests):
    """A filter to be added, changed or replaced."""


def parse(cursor: Cursor) -> ModifyFilter:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, "filter", ModifyFilter)


def run(context: Context, command: ModifyFilter) -> list[Document] | None:
    """Add, change or replace a filter; with -echo, return what the kernel did.

    Raises NetlinkError, BpfError and its kin, InvalidOptionsError.
    """
    needed = _clsact(context, command)
    if needed is None:
        return carry_out(context, command)
    with needed:
        return carry_out(context, command)


def _clsact(context: Context, command: ModifyFilter) -> AbstractContextManager[None] | None:
    """Return what brings along the qdisc that the filter needs, None where none is wanted."""
    selector = command.selector
    if not context.create_clsact or command.verb == "change" or not selector.device:
        return None
    if selector.parent not in (INGRESS, EGRESS):
        return None
    from pytc.commands.filter.clsact import ensure_clsact

    return ensure_clsact(context, selector)
