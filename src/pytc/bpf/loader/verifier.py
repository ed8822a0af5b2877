"""Turn a refusal of the verifier into an error that names the program, the C line and the likely cause."""

import re

from pytc.bpf.btf.ext import Line, line_at
from pytc.bpf.link.linker import LinkedProgram
from pytc.bpf.loader.verifier_log import failing_instruction, last_lines, reason_of
from pytc.bpf.object.spec import POISON_FUNCTION, POISON_RELOCATION, ObjectSpec
from pytc.bpf.sys.constants import ProgramType
from pytc.errors import VerifierError, one_line, strerror

_POISON = re.compile(r"unknown#(\d+)")


def verifier_error(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str, lines_before: int = 0
) -> VerifierError:
    """Return the error for a refused BPF_PROG_LOAD, with the program, the line of C and the likely cause.

    ``lines_before`` is how many lines the verifier wrote before those of ``log``.
    """
    from pytc.bpf.loader.explain import program_causes

    program = linked.program
    what = f'program "{one_line(program.name)}" in section "{one_line(program.section)}"'
    reason = _without_poison(spec, linked, reason_of(log), log)
    line = _source(spec, linked, log)
    summary = (
        f"{what}: refused by the verifier: {reason}"
        if reason
        else f"{what}: the kernel refused to load it: {strerror(number)}"
    )
    if line is not None:
        summary += f"\n  at {one_line(f'{line}: {line.text}' if line.text else str(line))}"
    shown, left_out = last_lines(log)
    left_out += lines_before
    if len(shown) > 1:
        summary += (
            "\nVerifier log"
            + (f" (the last {len(shown)} lines; {left_out} more with verbose)" if left_out else "")
            + ":\n"
            + "\n".join(f"  {text}" for text in shown)
        )
    return VerifierError(
        program.name,
        number,
        summary,
        log=log,
        source=str(line or ""),
        hints=program_causes(spec, linked, type, number, log),
    )


def _without_poison(spec: ObjectSpec, linked: LinkedProgram, reason: str, log: str) -> str:
    """Return the verifier's reason with a call that pytc put in place of something missing in plain terms."""
    match = _POISON.search(reason)
    slot = failing_instruction(log)
    if match is None or slot is None:
        return reason
    number = int(match.group(1))
    if number == POISON_RELOCATION:
        return linked.missing.get(slot, reason)
    name = next((e.name for e in spec.externs.values() if POISON_FUNCTION + e.number == number), "")
    return f"this kernel has no function {name}, which the program calls" if name else reason


def _source(spec: ObjectSpec, linked: LinkedProgram, log: str) -> Line | None:
    instruction = failing_instruction(log)
    if instruction is None or spec.btf is None or not linked.line_info:
        return None
    return line_at(linked.line_info, linked.line_info_size, instruction, spec.btf)
