"""``prog stats``: how often programs ran, and for how long."""

from pytc.bpf.analyse.program_info import ProgramInfo, program_info
from pytc.bpf.codec.text import printable
from pytc.bpf.run.statistics import are_enabled, enable_statistics
from pytc.bpf.sys.constants import program_type_name
from pytc.commands.prog.targets import open_program, programs
from pytc.commands.prog.values import ProgramStatistics
from pytc.commands.shared.context import Context
from pytc.render.documents import Document, Field


def program_statistics(context: Context, command: ProgramStatistics) -> list[Document]:
    """Runs since programs were loaded, or in the seconds for which statistics are switched on; raises PytcError."""
    one = open_program(context, command.target) if command.target is not None else None

    def look() -> dict[int, ProgramInfo]:
        infos = [program_info(one.fd)] if one is not None else [program_info(program.fd) for program in programs()]
        return {info.id: info for info in infos}

    if not command.seconds:
        found = look()
        if not are_enabled() and not any(info.run_count for info in found.values()):
            context.notes.append(
                'statistics are off: "on for TIME" switches them on for a while, sysctl '
                "kernel.bpf_stats_enabled=1 for good"
            )
        return [_document(info) for info in found.values() if info.run_count or one is not None]
    import time

    with enable_statistics():
        before = look()
        time.sleep(command.seconds)
        after = look()
    gained = [_since(before.get(number), info) for number, info in after.items()]
    return [_document(info) for info in gained if info.run_count or one is not None]


def _since(before: ProgramInfo | None, after: ProgramInfo) -> ProgramInfo:
    if before is None:
        return after
    return after._replace(
        run_count=after.run_count - before.run_count,
        run_time=after.run_time - before.run_time,
        recursion_misses=after.recursion_misses - before.recursion_misses,
    )


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
