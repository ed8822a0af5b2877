"""``pytc object show``: the contents of an object file, and the features that it asks of a kernel."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc object show FILE

Sections with code; programs with their maps, helpers, subprograms and externs; maps with all attributes; global
variables with their values; and the features that a kernel must have, by the version that brought them.
pytc -d shows long values whole, pytc -j prints JSON.
"""


class ShowObject(Query):
    """An object file to describe."""

    path: str


def parse(cursor: Cursor) -> ShowObject:
    """Return the command; raises UsageError, HelpRequested."""
    command = ShowObject(cursor.take())
    fill(cursor, (), {}, topic="object show")
    refuse_more(cursor, "object show")
    return command


def run(context: Context, command: ShowObject) -> list[Document]:
    """Describe the object; raises ObjectError."""
    from pytc.bpf.analyse.inspect import inspect_object
    from pytc.bpf.object.reader import read_object
    from pytc.commands.object.documents import inspection_document

    inspection = inspect_object(read_object(command.path, layout20=context.layout20))
    return [inspection_document(inspection, details=context.display.details)]
