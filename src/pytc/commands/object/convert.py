"""``pytc object convert``: the maps of section ``maps`` as C source for section ``.maps``."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.render.documents import Field
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc object convert FILE

Prints C declarations for section ".maps" of all maps that FILE declares in section "maps" (struct bpf_elf_map and
struct bpf_map_def), with comments for what they cannot say.
"""


class ConvertObject(Query):
    """An object file whose map declarations to convert."""

    path: str


def parse(cursor: Cursor) -> ConvertObject:
    """Return the command; raises UsageError, HelpRequested."""
    command = ConvertObject(cursor.take())
    fill(cursor, (), {}, topic="object convert")
    refuse_more(cursor, "object convert")
    return command


def run(context: Context, command: ConvertObject) -> list[Document]:
    """Return the source; raises ObjectError."""
    from pytc.bpf.analyse.convert import convert_maps
    from pytc.bpf.object.reader import read_object

    source = convert_maps(read_object(command.path, layout20=context.layout20))
    return [[Field("object", command.path), Field("source", source, source)]]
