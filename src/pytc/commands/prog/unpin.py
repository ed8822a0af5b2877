"""``pytc prog unpin``: removes the pin of a program."""

from __future__ import annotations

from pytc.bpf.loader.program import Program
from pytc.commands.shared.command import Command
from pytc.commands.shared.pins import remove_pin, take_pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog unpin { PATH | m:NAME }

The program is gone when nothing else holds it.
"""


class UnpinProgram(Command):
    """A program's pin to remove; ``path`` is absolute, or ``m:NAME``."""

    path: str


def parse(cursor: Cursor) -> UnpinProgram:
    """Return the command; raises UsageError, HelpRequested."""
    return UnpinProgram(take_pin(cursor, "prog unpin"))


def run(context: Context, command: UnpinProgram) -> None:
    """Remove the pin, which must be that of a program; raises PinError."""
    remove_pin(context, "program", command.path, _check_type)


def _check_type(path: str) -> None:
    with Program.from_pin(path) as program:
        program.description  # noqa: B018 - raises BpfSyscallError for what is not a program
