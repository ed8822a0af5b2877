"""Following constants: what is called unreachable does not run, says the kernel."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf import ProgramType, load, read_bytes
from pytc.bpf.analyse.reach import KnownValues, reachable_slots
from pytc.bpf.link.linker import link
from tests.conftest import cannot
from tests.elf_writer import EXIT, code, elf, function, insn, license, mov
from tests.kernel.bpf.support import verdict

pytestmark = pytest.mark.kernel
REGISTERS = st.integers(0, 3)
NUMBERS = st.one_of(st.integers(-2, 2), st.integers(-(1 << 31), (1 << 31) - 1))
#: add, sub, mul, or, and, lsh, rsh, xor, mov, arsh; by number or register, of 32 or 64 bits.
OPERATIONS = st.tuples(
    st.sampled_from((0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0)),
    st.sampled_from((0x00, 0x08)),
    st.sampled_from((4, 7)),
    REGISTERS,
    REGISTERS,
    NUMBERS,
)
JUMPS = st.tuples(
    st.sampled_from((0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0, 0xD0)),
    st.sampled_from((0x00, 0x08)),
    st.sampled_from((5, 6)),
    REGISTERS,
    REGISTERS,
    NUMBERS,
)


def instruction(row: tuple[int, ...], offset: int = 0) -> bytes:
    operation, source, kind, first, second, number = row
    if source:
        return insn(operation | source | kind, first, second, offset)
    if kind in (4, 7) and operation in (0x60, 0x70, 0xC0):
        number %= 64 if kind == 7 else 32  # the kernel takes no others
    return insn(operation | kind, first, 0, offset, number)


@pytest.fixture(scope="module", autouse=True)
def as_root() -> None:
    if os.geteuid() != 0:
        cannot("not root: BPF needs it")


@given(st.lists(NUMBERS, min_size=4, max_size=4), st.lists(OPERATIONS, max_size=8), JUMPS)
def test_a_branch_goes_the_way_that_the_kernel_takes(
    start: list[int], operations: list[tuple[int, ...]], jump: tuple[int, ...]
) -> None:
    body = [mov(register, number) for register, number in enumerate(start)]
    body += [instruction(operation) for operation in operations]
    at = len(body)
    body += [instruction(jump, offset=2), mov(0, 1), EXIT, mov(0, 2), EXIT]
    spec = read_bytes(elf(code("tc", *body), license(), symbols=[function("cls", "tc")]))
    found = reachable_slots(link(spec, spec.programs[0]), KnownValues({}, {}, {}))
    with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS) as done:
        taken = verdict(done.program)
    assert (at + 1 if taken == 1 else at + 3) in found
