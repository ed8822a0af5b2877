"""``pytc prog pin``: gives a program a path in a bpffs, which keeps it."""

from __future__ import annotations

from pytc.commands.prog.targets import open_program
from pytc.commands.prog.words import TARGET, require_target, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.pins import make_pin
from pytc.errors import UsageError
from pytc.words.engine import Word, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog pin PROG { PATH | m:NAME }

m:NAME is NAME below tc's directory in the bpffs.
"""

WORDS = (*TARGET, Word("path", "path", text, wrong="invalid path"))


class PinProgram(Command):
    """A program to pin; ``path`` is absolute, or ``m:NAME``."""

    target: Target
    path: str


def parse(cursor: Cursor) -> PinProgram:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "prog pin")
    if not cursor.done and "path" not in fields:
        fields["path"] = cursor.take()
    refuse_more(cursor, "prog pin")
    require_target(fields)
    if "path" not in fields:
        raise UsageError("Error: PATH or m:NAME is needed.")
    return PinProgram(**fields)


def run(context: Context, command: PinProgram) -> None:
    """Pin the program; makes tc's directories for ``m:NAME`` where they are missing. Raises PytcError."""
    program = open_program(context, command.target)
    make_pin(context, f'program "{program.description.name}"', command.path, program.pin)
