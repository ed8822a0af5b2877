"""Programs that do nothing but return a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.analyse.returns import Returned, only_returns, returned_values

EXIT, NEXT, OK = bytes([0x95]) + bytes(7), bytes([0xB7, 0, 0, 0]) + b"\xff" * 4, bytes([0xB7, 0, 0, 0, 0, 0, 0, 0])
NEXT64 = bytes([0x18, 0, 0, 0]) + b"\xff" * 4 + bytes(8)
TAIL = bytes([0x85, 0, 0, 0, 12, 0, 0, 0])
HELPER = bytes([0x85, 0, 0, 0]) + (0x563A0).to_bytes(4, "little")


def jump(offset: int) -> bytes:
    return bytes([0x15, 1]) + offset.to_bytes(2, "little", signed=True) + bytes(4)


@pytest.mark.parametrize(
    ("code", "only"),
    [
        (NEXT + EXIT, True),
        (NEXT64 + EXIT, True),
        (OK + EXIT, False),
        (b"", False),
        (EXIT, False),
        (NEXT, False),
        (jump(1) + NEXT + NEXT + EXIT, True),
        (jump(1) + NEXT + EXIT, False),
        (NEXT + EXIT + OK + EXIT, False),
        (NEXT + EXIT + NEXT64 + EXIT, True),
        (jump(-1) + NEXT + EXIT, True),
        (TAIL + NEXT + EXIT, False),
        (HELPER + NEXT + EXIT, True),
        (bytes([0xB7, 1, 0, 0]) + b"\xff" * 4 + EXIT, False),
        (NEXT64[8:] + EXIT, False),
    ],
)
def test_what_a_program_only_returns(code: bytes, only: bool) -> None:
    assert only_returns(code, -1) is only


@given(st.binary(max_size=64).map(lambda data: data[: len(data) // 8 * 8]))
def test_any_instructions_are_looked_at(code: bytes) -> None:
    assert only_returns(code, -1) in (True, False)


def op(opcode: int, registers: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return (
        bytes([opcode, registers]) + (offset & 0xFFFF).to_bytes(2, "little") + (immediate & _U32).to_bytes(4, "little")
    )


_U32 = 0xFFFFFFFF
SHIFT, SHIFT32, OR, NEGATE, ADD = (
    op(0x67, immediate=1),
    op(0x64, immediate=1),
    op(0x47, immediate=-1),
    op(0x87),
    op(7, immediate=1),
)
JEQ_R0, JNE_R0, JGT_R0 = 0x15, 0x55, 0x25
LOAD, TO_R6, FROM_R6 = op(0x61, 0x10), op(0xBF, 0x06), op(0xBF, 0x60)
CALL_HELPER, KFUNC = op(0x85, immediate=1), op(0x85, 0x20, immediate=5)


def put(value: int) -> bytes:
    return op(0xB7, immediate=value)


@pytest.mark.parametrize(
    ("code", "values", "is_complete"),
    [
        ([put(2), EXIT], {2}, True),
        ([op(0xB4, immediate=-5), EXIT], {-5}, True),
        ([jump(1), put(2), put(0), EXIT], {0}, True),
        ([put(0), jump(1), put(2), EXIT], {0, 2}, True),
        # x ? 2 : 0, as compilers write it
        ([put(0), jump(1), put(1), SHIFT, EXIT], {0, 2}, True),
        ([put(0), jump(1), put(1), SHIFT32, EXIT], {0, 2}, True),
        ([put(0), jump(1), put(1), OR, EXIT], {-1}, True),
        ([put(0), jump(1), put(5), NEGATE, EXIT], {0, -5}, True),
        ([op(0xAF, 0x00), EXIT], {0}, True),
        # through another register, which a call keeps
        ([put(2), TO_R6, CALL_HELPER, FROM_R6, EXIT], {2}, True),
        ([put(2), TO_R6, LOAD, FROM_R6, EXIT], {2}, True),
        ([CALL_HELPER, EXIT], set(), False),
        ([LOAD, EXIT], set(), False),
        ([put(7), jump(1), LOAD, EXIT], {7}, False),
        # a comparison tells the value of what is unknown, and sorts out what is known
        ([LOAD, op(JEQ_R0, offset=1), put(4), EXIT], {0, 4}, True),
        ([LOAD, op(JNE_R0, offset=1, immediate=2), EXIT, put(3), EXIT], {2, 3}, True),
        ([put(1), jump(1), put(0), op(JEQ_R0, offset=1, immediate=1), EXIT, put(2), EXIT], {0, 2}, True),
        ([put(9), jump(1), put(3), op(JGT_R0, offset=1, immediate=5), EXIT, put(8), EXIT], {3, 8}, True),
        # a function of the program, called by its distance in the immediate or, translated, in the offset
        ([op(0x85, 0x10, immediate=1), EXIT, put(6), EXIT], {6}, True),
        ([op(0x85, 0x10, offset=1, immediate=1), EXIT, put(6), EXIT], {6}, True),
        ([put(1), EXIT, put(6), EXIT, op(0x18, 0x40, immediate=1)], {1, 6}, True),
        # the callback of a loop returns to the loop
        ([op(0x18, 0x41, immediate=3), bytes(8), put(0), EXIT, put(1), EXIT], {0}, True),
        ([op(0x18, immediate=-1), op(0, immediate=-1), EXIT], {-1}, True),
        ([op(0x18, 0x20, immediate=3), bytes(8), EXIT], set(), False),
        # behind the end of the packet, a load of it returns 0
        ([op(0x30), put(2), EXIT], {0, 2}, True),
        ([TAIL, put(2), EXIT], {2}, False),
        ([KFUNC, put(2), EXIT], {2}, False),
        # a loop that counts: too many values to be told
        ([put(0), ADD, jump(-2), EXIT], set(), False),
        ([op(0x0D), put(2), EXIT], set(), False),
    ],
)
def test_what_a_program_returns(code: list[bytes], values: set[int], is_complete: bool) -> None:
    assert returned_values(b"".join(code)) == Returned(frozenset(values), is_complete)


def test_slots_that_cannot_run_and_values_of_the_kernel() -> None:
    code = b"".join([put(0), jump(1), put(2), EXIT])
    assert returned_values(code, {0, 1, 3}) == Returned(frozenset({0}), is_complete=True)
    assert returned_values(code, unknown={2}) == Returned(frozenset({0}), is_complete=False)


def test_what_the_kernel_puts_before_a_program_that_writes_is_left_out() -> None:
    prologue = [op(0x71, 0x16), op(0x54, 6, 0, 1), op(0x15, 6, 7), op(0xBF, 0x16), op(0xAF, 0x22), CALL_HELPER]
    prologue += [op(0x15, 0, 2), op(0xB4, immediate=2), EXIT, op(0xBF, 0x61)]
    assert returned_values(b"".join([*prologue, put(0), EXIT])) == Returned(frozenset({0}), is_complete=True)
