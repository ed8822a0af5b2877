"""eBPF as text and back. What the kernel itself prints is asked in tests/compat/bpf/insn/test_disassemble.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.insn.disassemble import disassemble
from pytc.errors import BytecodeError
from tests.ebpf_assembler import assemble, assemble_statement
from tests.ebpf_statements import STATEMENTS, statements

_WORDS = st.sampled_from(
    [
        "r1",
        "w2",
        "r0",
        "=",
        "+=",
        "s>>=",
        "*(u32 *)(r1 +0)",
        "goto",
        "pc+1",
        "if",
        "0x10",
        "7",
        "map[id:1]",
        "call",
        "bpf_tail_call#12",
        "atomic64_xchg((u64 *)(r1 +0), r2)",
        "lock",
        "-r1",
        "(s8)r3",
        "be16",
        "skb[14]",
        "r99",
        "exit",
        "1" * 30,
    ]
)


def texts(code: bytes) -> list[str]:
    return [text for _, text in disassemble(code)]


@pytest.mark.parametrize(("text", "code"), STATEMENTS.items(), ids=STATEMENTS)
def test_statement_and_bytes(text: str, code: str) -> None:
    assert texts(bytes.fromhex(code)) == [text]
    assert assemble_statement(text) == bytes.fromhex(code)


@given(st.lists(statements(), max_size=20))
def test_bytes_to_text_and_back(code: list[bytes]) -> None:
    whole = b"".join(code)
    dump = "".join(f"{slot:4d}: {text}\n" for slot, text in disassemble(whole))
    assert "BUG" not in dump
    assert assemble(dump) == whole


@given(st.binary(max_size=64))
def test_any_bytes_have_a_text(code: bytes) -> None:
    """A text that can be read back gives the same text again; reserved fields and bits have none."""
    for text in texts(code):
        assert text.isprintable()
        if not text.startswith("BUG_"):
            assert [same[5:] for same in texts(assemble_statement(text))] == [text[5:]]


@given(st.one_of(st.text(), st.lists(_WORDS).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        code = assemble(text)
    except BytecodeError:
        return
    assert not len(code) % 8
    assert assemble("\n".join(texts(code))) == code


def test_lines_that_are_not_instructions_are_left_out() -> None:
    text = "int cls(struct __sk_buff *skb):\n; return 0;\n\n   0: (b7) r0 = 0\n1: (95) exit\n"
    assert assemble(text) == bytes.fromhex("b7000000000000009500000000000000")


@pytest.mark.parametrize(
    "text",
    [
        "r16 = 1",
        "r1 = 5000000000",
        "goto pc+32768",
        "r1 = 0x10000000000000000",
        "nothing",
        "r1 += (s8)r2",
        "r1 = atomic_fetch_add((u64 *)(r2 +0), r1)",
        "r1 = atomic64_xchg((u64 *)(r2 +0), r3)",
        "r1 = addr_space_cast(r2, 70000, 0)",
    ],
)
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(BytecodeError, match="line 2: "):
        assemble(f"exit\n{text}\n")


def test_a_wide_load_that_is_cut_off() -> None:
    assert texts(bytes.fromhex("1801000005000000")) == ["(18) r1 = 0x5"]
