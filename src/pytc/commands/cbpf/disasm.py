"""``pytc cbpf disasm``: a program, or those of attached filters, in the language of bpf_asm or another form."""

from __future__ import annotations

from pytc.cbpf.formats import ASM
from pytc.commands.cbpf.programs import (
    AS,
    attached_programs,
    load_program,
    program_document,
    take_source,
)
from pytc.commands.shared.command import Query
from pytc.render.documents import Field
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.cbpf.programs import ClassicSource
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cbpf disasm PROGRAM [ as FORM ]

Prints PROGRAM in the language of bpf_asm, or in another form. All filters of classic BPF that "from" finds are shown.
"""

WORDS = (AS,)


class DisassembleProgram(Query):
    """A program, or those of attached filters, to print in a form, one of :data:`pytc.cbpf.formats.FORMS`."""

    source: ClassicSource
    form: str = ASM


def parse(cursor: Cursor) -> DisassembleProgram:
    """Return the command; raises UsageError, HelpRequested."""
    source = take_source(cursor)
    fields = fill(cursor, WORDS, {}, topic="cbpf disasm")
    refuse_more(cursor, "cbpf disasm")
    return DisassembleProgram(source, **fields)


def run(context: Context, command: DisassembleProgram) -> list[Document]:
    """Describe the programs; raises BytecodeError, ExpressionError, and what listing filters raises."""
    form = command.form
    if command.source.mode != "filter":
        return [program_document(load_program(context, command.source), form)]
    attached = attached_programs(context, command.source)
    with_comments = form == ASM and len(attached) > 1
    return [
        [Field("filter", name, f"; {name}\n" if with_comments else ""), *program_document(program, form)]
        for name, program in attached.items()
    ]
