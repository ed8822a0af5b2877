"""``pytc map pop``: takes values out of a queue or stack."""

from __future__ import annotations

import errno

from pytc.bpf.sys.constants import MapType
from pytc.commands.map.elements import check_type, open_target, value_document
from pytc.commands.map.words import COUNT, TARGET, TYPES, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import MapElementError
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map pop MAP [ count NUMBER | all ]

Takes values out of a queue or stack.
"""

WORDS = (*TARGET, *TYPES, COUNT, Word("all", "limit", value=0))


class PopValues(Command):
    """Takes out ``limit`` values, 0 for all."""

    target: Target
    limit: int = 1


def parse(cursor: Cursor) -> PopValues:
    """Return the command; raises UsageError, HelpRequested."""
    return PopValues(**take_words(cursor, WORDS, "pop"))


def run(context: Context, command: PopValues) -> list[Document]:
    """Return the values that were taken out; raises PytcError, and MapElementError where there are none."""
    typed = open_target(context, command.target)
    check_type(typed, MapType.QUEUE, MapType.STACK)
    documents: list[Document] = []
    while not command.limit or len(documents) < command.limit:
        try:
            with explain_refusals(typed):
                data = typed.map.pop()
        except MapElementError as error:
            if documents and error.errno == errno.ENOENT:
                break
            raise
        documents.append(value_document(typed, b"", typed.types.value.decode(data)))
    return documents
