"""The debugger at a terminal, or fed from a file."""

import contextlib
import sys

from pytc.cli import streams
from pytc.commands.cbpf.cbpf import debugger
from pytc.commands.shared.context import Context
from pytc.commands.values import StepProgram

_PROMPT = "> "


def step_through(context: Context, command: StepProgram) -> int:
    """Reads commands until there are no more; returns the exit status. Raises PytcError."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  # gives input() a history
    with debugger(context, command) as machine:
        _say(machine.greeting)
        while not machine.done:
            try:
                line = input(_PROMPT if is_terminal else "")
            except EOFError:
                break
            _say(machine.execute(line))
    return 0


def _say(text: str) -> None:
    streams.write(text, flush=True)
