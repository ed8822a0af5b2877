"""``prog pin`` and ``prog unpin``."""

from pytc.bpf.loader.program import Program
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.values import PinProgram, UnpinProgram
from pytc.commands.shared.context import Context
from pytc.commands.shared.pins import make_pin, remove_pin


def pin_program(context: Context, command: PinProgram) -> None:
    """Pins a program; for ``m:NAME`` the directories of tc are made when they are missing. Raises PytcError."""
    program = open_program(context, command.target)
    make_pin(context, f'program "{program.description.name}"', command.path, program.pin)


def unpin_program(context: Context, command: UnpinProgram) -> None:
    """Removes a pin, which must be that of a program; raises PytcError."""
    remove_pin(context, "program", command.path, _check)


def _check(path: str) -> None:
    with Program.from_pin(path) as found:
        found.description  # noqa: B018 (asks the kernel)
