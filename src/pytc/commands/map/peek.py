"""``pytc map peek``: the value that ``pop`` would take."""

from __future__ import annotations

from pytc.bpf.sys.constants import MapType
from pytc.commands.map.elements import check_type, open_target, value_document
from pytc.commands.map.words import TARGET, TYPES, take_words
from pytc.commands.shared.command import Query
from pytc.commands.shared.map_errors import explain_refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map peek MAP

Prints the value that pop would take.
"""

WORDS = (*TARGET, *TYPES)


class PeekValue(Query):
    """The first value of a queue, the last one of a stack."""

    target: Target


def parse(cursor: Cursor) -> PeekValue:
    """Return the command; raises UsageError, HelpRequested."""
    return PeekValue(**take_words(cursor, WORDS, "peek"))


def run(context: Context, command: PeekValue) -> list[Document]:
    """Return the value, which stays; raises PytcError, and MapElementError where there is none."""
    typed = open_target(context, command.target)
    check_type(typed, MapType.QUEUE, MapType.STACK)
    with explain_refusals(typed):
        data = typed.map.lookup(b"")
    return [value_document(typed, b"", typed.types.value.decode(data))]
