"""``pytc class show``: the classes of a device."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.handles import ROOT, UNSPEC, parse_classid, parse_qdisc_handle
from pytc.tc.classes.documents import class_document, class_parts
from pytc.tc.classes.records import class_records
from pytc.tc.classes.tree import draw_tree
from pytc.tc.clock import read_clock
from pytc.words.engine import Word, fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.handles import Handle
    from pytc.render.documents import Document
    from pytc.tc.classes.records import ClassRecord
    from pytc.tc.classes.tree import ClassParts
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc class { show | list | ls } dev NAME [ root | parent CLASSID ] [ classid CLASSID ] [ qdisc HANDLE ]

HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"pytc -g class show dev NAME" draws the classes as a tree.
"""

_WORDS = (
    Word("dev", "device", str, exact=True),
    Word("qdisc", "qdisc", parse_qdisc_handle, exact=True, wrong="invalid qdisc ID"),
    Word("classid", "classid", parse_classid, exact=True, wrong="invalid class ID"),
    Word("root", "parent", value=ROOT, exact=True),
    Word("parent", "parent", parse_classid, exact=True, wrong="invalid parent ID"),
)


class ShowClasses(Query):
    """A request for the classes of a device; ``qdisc`` limits it to those of one, shown without its major number."""

    device: str
    parent: Handle = UNSPEC
    classid: Handle = UNSPEC
    qdisc: Handle = UNSPEC


def parse(cursor: Cursor) -> ShowClasses:
    """Return the command; raises UsageError, HelpRequested."""
    fields = fill(cursor, _WORDS, {}, topic="class")
    refuse_more(cursor, "class")
    return ShowClasses(fields.pop("device", ""), **fields)


def run(context: Context, command: ShowClasses) -> list[Document]:
    """Return a document for each class; raises DeviceNotFoundError, NetlinkError."""
    index = context.device_index(command.device)
    if not index:
        context.notes.append('Hint: classes are shown for one device: add "dev NAME"')
    records = class_records(context.session, index, command.parent.number)
    clock = read_clock()

    def parts(record: ClassRecord) -> ClassParts:
        names_device, names_qdisc = not command.device, command.qdisc == UNSPEC
        return class_parts(record, context.display, clock, names_device=names_device, names_qdisc=names_qdisc)

    if context.display.graph:
        return draw_tree([(record, parts(record)) for record in records])
    return [class_document(parts(record)) for record in records if _is_selected(record.handle, command)]


def _is_selected(handle: Handle, command: ShowClasses) -> bool:
    return (command.qdisc == UNSPEC or handle.major == command.qdisc.major) and command.classid in (UNSPEC, handle)
