"""``pytc qdisc show``: the qdiscs of a device, or of all."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.errors import UsageError
from pytc.handles import CLSACT, ROOT, UNSPEC, parse_classid, parse_qdisc_handle
from pytc.tc.clock import read_clock
from pytc.tc.qdiscs.documents import qdisc_document
from pytc.tc.qdiscs.records import qdisc_records
from pytc.tc.qdiscs.selector import QdiscSelector
from pytc.words.engine import Word, fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc qdisc { show | list | ls } [ dev NAME ] [ root | ingress | clsact | parent CLASSID | handle HANDLE ]
                  [ invisible ]

Shows the qdiscs of a device, or of all; "invisible" adds those that the kernel has made by itself.
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"""

_TWICE = 'Error: argument "{}" is wrong: parent is already specified'
_WORDS = (
    Word("dev", "device", str, exact=True, repeat=True),
    Word("root", "parent", value=ROOT, exact=True, twice=_TWICE),
    Word("ingress", "parent", value=CLSACT, exact=True, twice=_TWICE),
    Word("clsact", "parent", value=CLSACT, exact=True, twice=_TWICE),
    Word("parent", "parent", parse_classid, wrong="invalid parent ID", twice=_TWICE),
    Word(
        "handle",
        "handle",
        parse_qdisc_handle,
        wrong="invalid handle ID",
        twice='Error: argument "{}" is wrong: handle is already specified',
    ),
    Word("invisible", "invisible", exact=True, repeat=True),
)


class ShowQdiscs(Query):
    """The qdiscs that a selector covers; ``invisible`` adds those that the kernel has made by itself."""

    selector: QdiscSelector
    invisible: bool = False


def parse(cursor: Cursor) -> ShowQdiscs:
    """Return the command; raises UsageError, HelpRequested."""
    fields = fill(cursor, _WORDS, {}, topic="qdisc")
    refuse_more(cursor, "qdisc")
    if "parent" in fields and "handle" in fields:
        first, second = (name for name in fields if name in ("parent", "handle"))
        raise UsageError(f'Error: argument "{second}" is wrong: {first} is already specified')
    return ShowQdiscs(invisible=fields.pop("invisible", False), selector=QdiscSelector(**fields))


def run(context: Context, command: ShowQdiscs) -> list[Document]:
    """Return a document for each qdisc; raises DeviceNotFoundError, NetlinkError."""
    selector, clock = command.selector, read_clock()
    records = qdisc_records(context.session, context.device_index(selector.device), invisible=command.invisible)
    return [
        qdisc_document(record, context.display, clock, names_device=not selector.device)
        for record in records
        if selector.parent in (UNSPEC, record.parent) and selector.handle in (UNSPEC, record.handle)
    ]
