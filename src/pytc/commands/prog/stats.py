"""``pytc prog stats``: how often programs ran, and for how long."""

from __future__ import annotations

from pytc.bpf.run.statistics import are_enabled, enable_statistics
from pytc.bpf.sys.constants import program_type_name
from pytc.commands.prog.counters import growth, read_counters
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.words import TARGET, take_words
from pytc.commands.shared.command import Command
from pytc.errors import UsageError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words import values
from pytc.words.engine import Word, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.analyse.program_info import ProgramInfo
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog stats [ PROG ] [ on for TIME ]

How often programs ran, and how many nanoseconds a run took: since they were loaded, as far as statistics were on
(sysctl kernel.bpf_stats_enabled), or in a TIME for which they are switched on.
TIME := NUMBER[ ms | s | m ]
"""

_LONGEST = 86400  # seconds


class ProgramStatistics(Command):
    """Counts since programs were loaded; with ``seconds``, those of that time, in which statistics are on."""

    target: Target | None = None
    seconds: float = 0.0


def _take_duration(cursor: Cursor) -> float:
    if cursor.take() != "for":
        raise UsageError('Error: "on for TIME" is expected: statistics stay on only while a process asks for them.')
    word = cursor.take()
    try:
        duration = values.seconds(word)
    except ValueError:
        duration = 0.0
    if not 0 < duration <= _LONGEST:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid time')
    return duration


WORDS = (*TARGET, Word("on", "seconds", read=_take_duration))


def parse(cursor: Cursor) -> ProgramStatistics:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "prog stats")
    refuse_more(cursor, "prog stats")
    return ProgramStatistics(**fields)


def run(context: Context, command: ProgramStatistics) -> list[Document]:
    """Return the counts of programs that ran, or of the one that is meant; raises PytcError."""
    opened = open_program(context, command.target) if command.target is not None else None
    if not command.seconds:
        infos = read_counters(opened)
        if not are_enabled() and not any(info.run_count for info in infos.values()):
            context.notes.append(
                'statistics are off: "on for TIME" switches them on for a while, sysctl '
                "kernel.bpf_stats_enabled=1 for good"
            )
        return [_document(info) for info in infos.values() if info.run_count or opened is not None]
    import time

    with enable_statistics():
        before = read_counters(opened)
        time.sleep(command.seconds)
        after = read_counters(opened)
    differences = [growth(before.get(number), info) for number, info in after.items()]
    return [_document(info) for info in differences if info.run_count or opened is not None]


def _document(info: ProgramInfo) -> Document:
    mean = info.run_time / info.run_count if info.run_count else 0.0
    kind = program_type_name(info.type)
    misses = f" recursion_misses {info.recursion_misses}" if info.recursion_misses else ""
    return [
        Field("id", info.id, f"prog {info.id}"),
        Field("type", kind, f" {kind}"),
        Field("name", info.name, f" name {printable(info.name)}" if info.name else ""),
        Field("run_cnt", info.run_count, f" run_cnt {info.run_count}"),
        Field("run_time_ns", info.run_time, f" run_time_ns {info.run_time}"),
        Field("ns_per_run", round(mean, 1), f" ns/run {mean:.1f}"),
        Field("recursion_misses", info.recursion_misses, misses),
        Field("", None, "\n"),
    ]
