"""What instructions ask of a kernel."""

from __future__ import annotations

import pytest

from pytc.bpf import read_bytes
from pytc.bpf.kernel import versions as v
from pytc.bpf.kernel.versions import Feature
from pytc.bpf.link.linker import LinkedProgram, link
from pytc.bpf.link.needs import HelperCall, Need, helper_calls, instruction_needs
from tests.elf_writer import EXIT, RETURN_0, call, code, elf, function, insn, mov

JUMP, JUMP_FAR, JUMP_IF_LESS, JUMP_IF_EQUAL, JUMP_32 = 0x05, 0x06, 0xA5, 0x15, 0x16


def linked(*instructions: bytes) -> LinkedProgram:
    """A program of these instructions."""
    spec = read_bytes(elf(code("classifier", *instructions), symbols=[function("cls_main", "classifier")]))
    return link(spec, spec.programs[0])


def features(*instructions: bytes) -> list[Feature]:
    return [need.feature for need in instruction_needs(linked(*instructions))]


def test_the_first_instruction_set_needs_nothing() -> None:
    assert features(mov(0, 1), insn(JUMP_IF_EQUAL, 0, offset=0), insn(0x61, 0, 1), insn(0xDB, 1, 0), EXIT) == []


@pytest.mark.parametrize(
    ("instruction", "feature"),
    [
        (insn(JUMP_IF_LESS, 1), v.LESS_JUMPS),
        (insn(0xD5, 1), v.LESS_JUMPS),
        (insn(JUMP_32, 1), v.JUMPS_32),
        (insn(JUMP_FAR), v.CPU_V4),
        (insn(0xE5, 0), v.MAY_GOTO),
        (insn(0x81, 0, 1), v.CPU_V4),
        (insn(0xDB, 1, 0, immediate=1), v.ATOMICS),
        (insn(0xC3, 1, 0, immediate=0xF1), v.ATOMICS),
        (insn(0xDB, 1, 0, immediate=0x100), v.ORDERED_ACCESS),
        (insn(0xBF, 0, 1, offset=8), v.CPU_V4),
        (insn(0xBF, 0, 1, offset=1, immediate=1), v.ADDRESS_SPACES),
        (insn(0xD7, 0, immediate=16), v.CPU_V4),
        (insn(0x37, 0, offset=1, immediate=3), v.CPU_V4),
        (insn(0x94, 0, offset=1, immediate=3), v.CPU_V4),
    ],
)
def test_later_instructions(instruction: bytes, feature: Feature) -> None:
    assert instruction_needs(linked(mov(0, 1), instruction, EXIT)) == [Need(feature, 1)]


@pytest.mark.parametrize(
    "instruction",
    [
        insn(0xBF, 0, 1),
        insn(0xB7, 0, immediate=5),
        insn(0xDC, 0, immediate=16),
        insn(0x37, 0, immediate=3),
        insn(JUMP),
    ],
)
def test_early_instructions(instruction: bytes) -> None:
    assert features(mov(0, 1), instruction, EXIT) == []


def test_a_jump_back_is_a_loop() -> None:
    needs = instruction_needs(linked(mov(0, 9), insn(0x07, 0, immediate=-1), insn(0x55, 0, offset=-2), EXIT))
    assert needs == [Need(v.LOOPS, 2)]


def test_a_jump_back_that_nothing_comes_from_again_is_no_loop() -> None:
    """Compilers put blocks behind the exit: over it, there, and back."""
    assert features(insn(JUMP, offset=2), mov(0, 0), EXIT, insn(JUMP, offset=-3)) == []


def test_jumps_out_of_the_program_lead_nowhere() -> None:
    assert features(insn(JUMP_IF_EQUAL, 0, offset=-30000), insn(JUMP_IF_EQUAL, 0, offset=30000), EXIT) == []


def test_calls_of_functions() -> None:
    spec = read_bytes(
        elf(
            code("classifier", call(1), EXIT, RETURN_0),
            symbols=[function("cls_main", "classifier", 0, 2), function("leaf", "classifier", 2, 2, binding=0)],
        )
    )
    one = link(spec, spec.programs[0])
    assert instruction_needs(one) == [Need(v.CALLS, 0)]
    assert helper_calls(one) == []


def test_tail_calls_beside_calls() -> None:
    spec = read_bytes(
        elf(
            code("classifier", call(2), call(12, source=0), EXIT, RETURN_0),
            symbols=[function("cls_main", "classifier", 0, 3), function("leaf", "classifier", 3, 2, binding=0)],
        )
    )
    one = link(spec, spec.programs[0])
    assert set(instruction_needs(one)) == {Need(v.CALLS, 0), Need(v.CALLS_AND_TAIL_CALLS, 1)}


def test_helpers_are_called_by_number() -> None:
    one = linked(call(7, source=0), call(5, source=0), call(7, source=0), EXIT)
    assert helper_calls(one) == [HelperCall(0, 7), HelperCall(1, 5), HelperCall(2, 7)]


def test_long_programs() -> None:
    assert features(*[mov(0, 0)] * 4095, EXIT) == []
    assert features(*[mov(0, 0)] * 4096, EXIT) == [v.LONG_PROGRAMS]
