"""``pytc cbpf to-ebpf``: writes an object file with a program translated to eBPF."""

from __future__ import annotations

from pytc.cbpf.object_file import object_file
from pytc.cbpf.translate import translate
from pytc.commands.cbpf.programs import load_program, take_source
from pytc.commands.shared.command import Command
from pytc.commands.shared.output_files import replace_file
from pytc.errors import UsageError
from pytc.tc.kinds.shared.expression_words import VERDICTS, verdict
from pytc.words.engine import Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.cbpf.programs import ClassicSource
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cbpf to-ebpf PROGRAM [ verdict VERDICT ] write FILE

Writes an object file with PROGRAM as eBPF in section "classifier", which pytc and tc load.

verdict  for direct-action: what a match returns: ok | pass | drop | shot | stolen | trap; no match goes on with the
         next filter. Without it, the program returns what the classic one returns.
"""

WORDS = (
    Word("verdict", "verdict", verdict, wrong=f"unknown verdict; {', '.join(VERDICTS)} are known"),
    Word("write", "write", text, wrong="invalid file name"),
)


class TranslateProgram(Command):
    """A classic program to translate to eBPF; ``verdict`` is what a match returns with direct-action, None for what the
    classic program returns."""

    source: ClassicSource
    write: str
    verdict: int | None = None


def parse(cursor: Cursor) -> TranslateProgram:
    """Return the command; raises UsageError, HelpRequested."""
    source = take_source(cursor)
    fields = fill(cursor, WORDS, {}, topic="cbpf to-ebpf")
    refuse_more(cursor, "cbpf to-ebpf")
    if "write" not in fields:
        raise UsageError('"write FILE" is missing')
    return TranslateProgram(source, **fields)


def run(context: Context, command: TranslateProgram) -> None:
    """Write the object file; raises OutputError, and what loading or translating the program raises."""
    data = object_file(translate(load_program(context, command.source), verdict=command.verdict))
    with replace_file(command.write) as file:
        file.write(data)
