"""Run counters of programs, and what they grew by in a while."""

from __future__ import annotations

from pytc.bpf.analyse.program_info import program_info
from pytc.commands.shared.named_programs import all_programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.analyse.program_info import ProgramInfo
    from pytc.bpf.loader.program import Program


def read_counters(program: Program | None) -> dict[int, ProgramInfo]:
    """Return the descriptions of a program, or of all for None, by their ids; raises BpfSyscallError."""
    programs = (program,) if program is not None else all_programs()
    return {info.id: info for info in (program_info(each.fd) for each in programs)}


def growth(before: ProgramInfo | None, after: ProgramInfo) -> ProgramInfo:
    """Return a description with what its counters grew by."""
    if before is None:
        return after
    return after._replace(
        run_count=after.run_count - before.run_count,
        run_time=after.run_time - before.run_time,
        recursion_misses=after.recursion_misses - before.recursion_misses,
    )
