"""``exec bpf debug``: what programs write with bpf_trace_printk."""

from pytc.commands.shared.context import Context
from pytc.commands.values import ReadTrace
from pytc.exec_proxy.trace import copy_trace, open_trace_pipe
from pytc.signals import ended_by_signals


def read_trace(context: Context, command: ReadTrace) -> None:
    """Copies the trace pipe to the output until Ctrl-C or SIGTERM, an ordinary end; raises TraceError."""
    with ended_by_signals(quietly=True), open_trace_pipe() as pipe:
        copy_trace(pipe, context.write)
