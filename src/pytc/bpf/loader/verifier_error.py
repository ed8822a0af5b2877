"""Turn a refusal of a program into an error: with a report of the verifier's log, or causes where there is none."""

from __future__ import annotations

import re

from pytc.bpf.btf.ext import line_at
from pytc.bpf.object.spec import POISON_FUNCTION, POISON_RELOCATION
from pytc.errors import VerifierError, one_line, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec
    from pytc.bpf.sys.constants import ProgramType

_POISON = re.compile(r"unknown#(\d+)")


def verifier_error(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str, lines_before: int = 0
) -> VerifierError:
    """Return the error for a refused BPF_PROG_LOAD.

    ``lines_before`` is how many lines the verifier wrote before those of ``log``.
    """
    from pytc.bpf.loader.circumstances import kernel_facts, program_causes
    from pytc.bpf.verifier.categories import CATEGORIES
    from pytc.bpf.verifier.log import failing_instruction, last_lines
    from pytc.bpf.verifier.report import explain

    program = linked.program
    what = f'program "{one_line(program.name)}" in section "{one_line(program.section)}"'
    slot = failing_instruction(log)
    report = explain(
        log,
        spec=spec,
        linked=linked,
        type=type,
        facts=kernel_facts(spec, linked, type, _poison(spec, linked, log, slot)),
    )
    line = None
    if slot is not None and spec.btf is not None and linked.line_info:
        line = line_at(linked.line_info, linked.line_info_size, slot, spec.btf)
    source = str(line or "")
    if not report.message:
        return VerifierError(
            program.name,
            number,
            f"{what}: the kernel refused to load it: {strerror(number)}",
            log=log,
            source=source,
            hints=program_causes(linked, type, number, log),
        )
    summary = f"{what}: refused by the verifier: {report.title}"
    if text := report.text():
        summary += f"\n{text}"
    shown, left_out = last_lines(log)
    left_out += lines_before
    if report.category == "other" and len(shown) > 1:
        summary += "\n  The end of its log:\n" + "\n".join(f"    {line}" for line in shown)
    else:
        left_out += len(shown)
    more = [f"pytc help verifier {report.category}"] if report.category in CATEGORIES else []
    if left_out:
        more.append(f"the log's {left_out} other lines with verbose")
    if more:
        summary += f"\n  More: {', '.join(more)}"
    return VerifierError(
        program.name,
        number,
        summary,
        log=log,
        source=source,
        hints=program_causes(linked, type, number, log),
        category=report.category,
        title=report.title,
        reason=report.reason,
        at=report.at,
        path=report.path,
        suggestion=report.suggestion,
    )


def _poison(spec: ObjectSpec, linked: LinkedProgram, log: str, slot: int | None) -> str:
    """Return what a call that pytc put in place of something missing stands for; empty where there is none."""
    from pytc.bpf.verifier.log import decisive_line

    match = _POISON.search(decisive_line(log))
    if match is None or slot is None:
        return ""
    number = int(match.group(1))
    if number == POISON_RELOCATION:
        return linked.missing.get(slot, "")
    name = next((e.name for e in spec.externs.values() if POISON_FUNCTION + e.number == number), "")
    return f"this kernel has no function {name}, which the program calls" if name else ""
