"""Programs that do nothing but return a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.analyse.returns import only_returns

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
