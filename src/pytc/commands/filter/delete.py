"""``pytc filter delete``: removes one filter, all of a preference, chain or place, or those of an owner or program."""

from __future__ import annotations

from pytc.commands.filter.changes import carry_out
from pytc.commands.filter.chosen import CRITERIA, Criteria, delete_chosen
from pytc.commands.shared.command import Requests
from pytc.errors import UsageError
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.filters.words import SELECTORS, SELECTORS_HELP, check_exclusive, refuse_garbage, take_change
from pytc.words.engine import Table, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc filter delete SELECTORS [ KIND ]
       pytc filter delete SELECTORS [ owner NAME ] [ name PROGRAM ] [ object FILE ] [ id NUMBER ]

{SELECTORS_HELP}
Removes one filter (pref, protocol, handle and kind), or all of a pref, of a chain, or of a place.
With owner, name, object or id, it removes the bpf filters to which all of these apply, and no others; without root,
ingress, egress or parent, those of all places of the device.
"""
_CHOICE = Table((*SELECTORS, *CRITERIA))


class DeleteFilter(FilterChange, Requests):
    """Filters to be deleted; like tc, it takes the options of a kind, too."""


class DeleteChosen(Requests):
    """The bpf filters that are somebody's, or run some program, to be deleted."""

    selector: FilterSelector
    criteria: Criteria


def parse(cursor: Cursor) -> DeleteFilter | DeleteChosen:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    start = cursor.position
    fields = fill(cursor, _CHOICE, {}, topic="filter")
    criteria = {row.into: fields.pop(row.into) for row in CRITERIA if row.into in fields}
    if not criteria:
        cursor.go_back(start)
        return take_change(cursor, "filter", DeleteFilter)
    check_exclusive(fields)
    refuse_garbage(cursor, "filter")
    if "device" not in fields and "block" not in fields:
        raise UsageError('Must specify netdevice "dev" or block index "block"')
    return DeleteChosen(FilterSelector(**fields), Criteria(**criteria))


def run(context: Context, command: DeleteFilter | DeleteChosen) -> list[Document] | None:
    """Delete filters; with -echo, return what the kernel did. Raises NetlinkError, InvalidOptionsError."""
    if not context.display.is_terminal:
        return _delete(context, command)
    from pytc.commands.shared.remaining_pins import note_remaining_pins

    with note_remaining_pins(context, command.selector.device):
        return _delete(context, command)


def _delete(context: Context, command: DeleteFilter | DeleteChosen) -> list[Document] | None:
    if isinstance(command, DeleteChosen):
        return delete_chosen(context, command.selector, command.criteria)
    return carry_out(context, command)
