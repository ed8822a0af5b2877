"""``pytc exec bpf debug``: prints what programs write with bpf_trace_printk."""

from __future__ import annotations

from pytc.commands.shared.command import Command
from pytc.errors import HelpRequested
from pytc.words.engine import matches, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc exec bpf { debug | dbg }

Prints what programs write with bpf_trace_printk, until Ctrl-C. Each line is read by one reader only. A tracefs is
mounted at /sys/kernel/tracing when there is none.
"""


class ReadTrace(Command):
    """Reads the trace pipe until it is interrupted."""


def parse(cursor: Cursor) -> ReadTrace:
    """Return the command; raises UsageError, HelpRequested."""
    if matches(cursor.peek(), "help"):
        raise HelpRequested("exec bpf debug")
    refuse_more(cursor, "exec bpf debug")
    return ReadTrace()


def run(context: Context, command: ReadTrace) -> None:
    """Copy the trace pipe to the output until Ctrl-C or SIGTERM, which are its ordinary end; raises TraceError."""
    from pytc.exec_proxy.trace import copy_trace, open_trace_pipe
    from pytc.signal_blocks import unwind_on_signals

    with unwind_on_signals(quietly=True), open_trace_pipe() as pipe:
        copy_trace(pipe, context.write)
