"""Instructions as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.insn import instructions as ins
from tests.elf_writer import EXIT, address, call, insn, mov


def test_an_instruction_has_five_parts() -> None:
    assert ins.decode(insn(0x61, 1, 2, -8, -1), 0) == (0x61, 1, 2, -8, -1)


def test_slots_are_counted_in_instructions() -> None:
    assert ins.decode(mov(1, 5) + EXIT, 1).opcode == 0x95


def test_the_second_half_of_a_load_is_no_instruction() -> None:
    code = address(1, 7) + call(1) + address(2) + EXIT
    assert [(slot, i.opcode) for slot, i in ins.decode_all(code)] == [(0, 0x18), (2, 0x85), (3, 0x18), (5, 0x95)]


def test_a_load_without_its_second_half_ends_the_code() -> None:
    assert [slot for slot, _ in ins.decode_all(EXIT + address(1)[:8])] == [0, 1]


@given(st.binary(min_size=8, max_size=64).map(lambda data: data[: len(data) // 8 * 8]), st.integers(0, 15))
def test_setting_the_source_leaves_the_rest_alone(code: bytes, source: int) -> None:
    changed = bytearray(code)
    ins.set_source(changed, 0, source)
    assert ins.decode(changed, 0) == ins.decode(code, 0)._replace(source=source)
    assert changed[8:] == code[8:]


@given(st.binary(min_size=8, max_size=64).map(lambda data: data[: len(data) // 8 * 8]), st.integers(-(2**40), 2**40))
def test_setting_the_immediate_leaves_the_rest_alone(code: bytes, number: int) -> None:
    changed = bytearray(code)
    ins.set_immediate(changed, 0, number)
    assert ins.decode(changed, 0).immediate % 2**32 == number % 2**32
    assert changed[:4] == code[:4]
    assert changed[8:] == code[8:]


@given(st.integers(-(2**15), 2**15 - 1))
def test_setting_the_offset_leaves_the_rest_alone(offset: int) -> None:
    changed = bytearray(insn(0x61, 1, 2, 3, 4))
    ins.set_offset(changed, 0, offset)
    assert ins.decode(changed, 0) == (0x61, 1, 2, offset, 4)


@pytest.mark.parametrize(("number", "immediate"), [(0xFFFFFFFF, -1), (1 << 31, -(1 << 31)), (1 << 32, 0), (-1, -1)])
def test_immediates_are_taken_modulo_32_bits(number: int, immediate: int) -> None:
    code = bytearray(8)
    ins.set_immediate(code, 0, number)
    assert ins.decode(code, 0).immediate == immediate
