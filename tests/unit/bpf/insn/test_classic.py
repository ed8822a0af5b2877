"""Classic BPF bytecode: tc's text form and what can be wrong with it."""

from __future__ import annotations

import json
import os
import re
import struct
from codecs import BOM_UTF8
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.insn.classic import (
    MAX_INSTRUCTIONS,
    ClassicInstruction,
    format_bytecode,
    format_packed,
    format_packed_json,
    numbers,
    pack,
    unpack,
    whole,
)
from pytc.bpf.insn.classic_check import check, first_problem, problem_of, reachable
from pytc.bpf.insn.classic_text import parse_bytecode, parse_bytecode_file
from pytc.errors import BytecodeError
from tests.classic_programs import programs, wild_programs

RETURN = ClassicInstruction(6, 0, 0, 0xFFFFFFFF)
ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"


@given(programs())
def test_text_and_instructions_are_two_forms_of_one_thing(program: tuple[ClassicInstruction, ...]) -> None:
    assert parse_bytecode(format_bytecode(program)) == program


def read_plainly(text: str) -> tuple[ClassicInstruction, ...] | None:
    """The program of a text, read in the simplest way; None where something is wrong with it."""
    count, *parts = re.split(r"\s*,\s*", re.sub(r",\s*$", "", text)) if "," in text else text.split("\n")
    found = [re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*", part, re.ASCII) for part in parts]
    if not re.fullmatch(r"\d+", count.strip(), re.ASCII) or int(count) != len(parts) or not parts or not all(found):
        return None
    program = tuple(ClassicInstruction(*map(int, one.groups())) for one in found if one is not None)
    if any(code > 0xFFFF or max(jt, jf) > 0xFF or k > 0xFFFFFFFF for code, jt, jf, k in program):
        return None
    return program if first_problem(program) is None else None


@given(programs() | wild_programs)
def test_any_spelling_of_a_program_is_read(program: tuple[ClassicInstruction, ...]) -> None:
    text = format_bytecode(program)
    for spelled in (
        text,
        f"{text},",
        text.replace(" ", "  "),
        text.replace("6 0", "06 0"),
        text.replace(",", ", "),
        text.replace("0", "+0"),
        text[:-1],
        text.replace("4", "1_0"),
        text.replace(",", "\n"),
    ):
        expected = read_plainly(spelled)
        if expected is None:
            with pytest.raises(BytecodeError):
                parse_bytecode(spelled)
        else:
            assert parse_bytecode(spelled) == expected


@given(wild_programs)
def test_instructions_without_a_problem_are_told_at_a_glance(program: tuple[ClassicInstruction, ...]) -> None:
    each = [problem_of(program, index) for index in range(len(program))]
    first = next((index for index, text in enumerate(each) if text), None)
    found = first_problem(program)
    if first is None:
        assert found is None or found.text.startswith(("the last instruction", "it loads M["))
    else:
        assert found == (first, each[first])


@given(programs())
def test_bytes_and_instructions_are_two_forms_of_one_thing(program: tuple[ClassicInstruction, ...]) -> None:
    assert len(pack(program)) == 8 * len(program)
    assert unpack(pack(program)) == program


@given(programs() | wild_programs, st.binary(max_size=7))
def test_bytes_have_the_text_of_their_instructions(program: tuple[ClassicInstruction, ...], rest: bytes) -> None:
    packed = pack(program)
    assert whole(packed + rest) == packed
    assert format_packed(packed + rest) == format_bytecode(program)
    shown = {"length": len(program), "insns": [instruction._asdict() for instruction in program]}
    assert format_packed_json(packed + rest) == json.dumps(shown, separators=(",", ":"))
    assert [*numbers(packed + rest)] == [tuple(one) for one in program]


@given(st.text(alphabet="0123456789, -x\n", max_size=60) | programs().map(format_bytecode))
def test_any_text_gives_a_program_or_an_error_of_its_own(text: str) -> None:
    try:
        program = parse_bytecode(text)
    except BytecodeError:
        return
    assert parse_bytecode(format_bytecode(program)) == program


@given(programs())
def test_lines_are_a_form_of_it_too(program: tuple[ClassicInstruction, ...]) -> None:
    assert parse_bytecode(format_bytecode(program, "\n") + "\n") == program


def test_what_tcpdump_writes_is_understood() -> None:
    assert parse_bytecode(ARP) == (
        ClassicInstruction(40, 0, 0, 12),
        ClassicInstruction(21, 0, 1, 2054),
        RETURN,
        ClassicInstruction(6, 0, 0, 0),
    )


@pytest.mark.parametrize(
    "text",
    [
        ARP + ",",
        ARP + "\n",
        "  " + ARP,
        ARP.replace(",", " ,\n "),
        ARP.replace(",", "\n"),
        ARP.replace(",", "\r\n") + "\r\n\n",
    ],
)
def test_space_and_a_comma_at_the_end_do_no_harm(text: str) -> None:
    assert parse_bytecode(text) == parse_bytecode(ARP)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bytecode is empty"),
        (" \n", "bytecode is empty"),
        (",", 'the number of instructions: "" is not a decimal number'),
        ("0", "bytecode of 0 instructions"),
        ("0,", "bytecode of 0 instructions"),
        ("one,6 0 0 0", 'the number of instructions: "one" is not a decimal number'),
        ("-1,6 0 0 0", 'the number of instructions: "-1" is not a decimal number'),
        ("4097,6 0 0 0", "the number of instructions: 4097 is more than 4096"),
        ("2,6 0 0 0", "bytecode claims 2 instructions but has 1"),
        ("1,6 0 0 0,6 0 0 0", "bytecode claims 1 instructions but has 2"),
        ("1,,6 0 0 0", "bytecode claims 1 instructions but has 2"),
        ("1,6 0 0", 'instruction 0: "6 0 0" has 3 numbers, "c t f k" expected'),
        ("1,6 0 0 0 0", 'instruction 0: "6 0 0 0 0" has 5 numbers'),
        ("2,6 0 0 0,", "bytecode claims 2 instructions but has 1"),
        ("1,65536 0 0 0", "instruction 0: opcode: 65536 is more than 65535"),
        ("1,6 256 0 0", "instruction 0: jt: 256 is more than 255"),
        ("1,6 0 256 0", "instruction 0: jf: 256 is more than 255"),
        ("1,6 0 0 4294967296", "instruction 0: k: 4294967296 is more than 4294967295"),
        ("1,0x6 0 0 0", 'instruction 0: opcode: "0x6" is not a decimal number'),
        ("1,6 0 0 -1", 'instruction 0: k: "-1" is not a decimal number'),
        ("1,٦ 0 0 0", "is not a decimal number"),
        ("1," + "9" * 21 + " 0 0 0", "is not a decimal number"),
        ("1,40 0 0 12", "instruction 0: the last instruction is not a return"),
        ("2,21 0 1 5,6 0 0 0", "instruction 0: it jumps to 2, past the last of 2 instructions"),
        ("2,21 1 0 5,6 0 0 0", "instruction 0: it jumps to 2, past the last of 2 instructions"),
        ("2,5 0 0 1,6 0 0 0", "instruction 0: it jumps to 2, past the last of 2 instructions"),
        ("2,5 0 0 4294967295,6 0 0 0", "instruction 0: it jumps to 4294967296, past the last of 2 instructions"),
        ("2,6 0 0 0,6 0 0 0 0", 'instruction 1: "6 0 0 0 0" has 5 numbers, "c t f k" expected (at character 11)'),
        ("2\n6 0 0 0\n\n6 0 0\n", 'instruction 1: "6 0 0" has 3 numbers, "c t f k" expected (at line 4)'),
        ("2\n14 0 0 0\n6 0 0 0\n", "instruction 0: unknown opcode 14 (0xe) (at line 2)"),
        ("1,256 0 0 0", "instruction 0: unknown opcode 256 (0x100) (at character 3)"),
        ("2,52 0 0 0,6 0 0 0", "instruction 0: it divides by 0"),
        ("2,148 0 0 0,6 0 0 0", "it divides by 0"),
        ("2,100 0 0 32,6 0 0 0", "instruction 0: it shifts by 32 bits; the maximum is 31"),
        ("2,2 0 0 16,6 0 0 0", "instruction 0: no M[16]; scratch memory is M[0] to M[15]"),
        ("2,32 0 0 4294963264,6 0 0 0", "instruction 0: unknown extension 64 (load offset 4294963264)"),
        ("2,96 0 0 3,6 0 0 0", "instruction 0: it loads M[3], which some path to it has not stored"),
        ("4,21 0 1 0,2 0 0 1,96 0 0 1,6 0 0 0", "instruction 2: it loads M[1], which some path to it has not stored"),
    ],
)
def test_each_mistake_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(BytecodeError) as caught:
        parse_bytecode(text)
    assert message in str(caught.value)


@given(wild_programs)
def test_any_program_is_taken_or_refused_with_a_reason(program: tuple[ClassicInstruction, ...]) -> None:
    try:
        check(program)
    except BytecodeError as error:
        assert str(error).startswith("instruction ")


@pytest.mark.parametrize("count", [0, MAX_INSTRUCTIONS + 1])
def test_programs_of_an_impossible_size(count: int) -> None:
    with pytest.raises(BytecodeError, match=f"a program has 1 to 4096 instructions, not {count}"):
        check((RETURN,) * count)


def test_what_no_way_leads_to() -> None:
    assert reachable(parse_bytecode("5,5 0 0 1,6 0 0 1,21 0 1 0,6 0 0 2,6 0 0 3")) == {0, 2, 3, 4}


def test_the_largest_program_is_taken() -> None:
    text = format_bytecode((RETURN,) * MAX_INSTRUCTIONS)
    assert len(parse_bytecode(text)) == MAX_INSTRUCTIONS


def test_a_jump_to_the_last_instruction_is_in_bounds() -> None:
    assert len(parse_bytecode("3,21 1 0 5,6 0 0 0,6 0 0 1")) == 3


def test_an_incomplete_instruction_at_the_end_is_dropped() -> None:
    assert unpack(struct.pack("=HBBI", *RETURN) + b"1234567") == (RETURN,)
    assert unpack(b"") == ()


class TestFiles:
    def test_hold_the_text_form(self, tmp_path: Path) -> None:
        (tmp_path / "code").write_text(ARP + "\n")
        assert parse_bytecode_file(str(tmp_path / "code")) == parse_bytecode(ARP)

    def test_may_begin_with_a_byte_order_mark(self, tmp_path: Path) -> None:
        (tmp_path / "code").write_bytes(BOM_UTF8 + ARP.encode())
        assert parse_bytecode_file(str(tmp_path / "code")) == parse_bytecode(ARP)

    def test_are_named_in_errors(self, tmp_path: Path) -> None:
        path = tmp_path / "code"
        path.write_text("1,6 0 0")
        with pytest.raises(BytecodeError, match=f'^bytecode file "{path}": instruction 0'):
            parse_bytecode_file(str(path))

    def test_that_do_not_exist_give_the_number_too(self, tmp_path: Path) -> None:
        with pytest.raises(BytecodeError, match="No such file or directory") as caught:
            parse_bytecode_file(str(tmp_path / "none"))
        assert caught.value.errno == 2

    def test_of_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "code").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(BytecodeError, match="is not a decimal number"):
            parse_bytecode_file(str(tmp_path / "code"))

    def test_have_to_be_regular(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), Path("/dev")):
            with pytest.raises(BytecodeError, match="not a regular file"):
                parse_bytecode_file(str(path))

    def test_may_come_through_a_pipe_of_this_process(self) -> None:
        """As of ``<(COMMAND)``; ``-`` is a file to tc."""
        reader, writer = os.pipe()
        with open(reader, "rb"):
            with open(writer, "wb") as file:
                file.write(ARP.encode())
            assert parse_bytecode_file(f"/dev/fd/{reader}") == parse_bytecode(ARP)
        with pytest.raises(BytecodeError, match='"-": No such file'):
            parse_bytecode_file("-")

    def test_may_not_be_huge(self, tmp_path: Path) -> None:
        with (tmp_path / "code").open("wb") as file:
            file.truncate(1 << 30)
        with pytest.raises(BytecodeError, match="the limit is"):
            parse_bytecode_file(str(tmp_path / "code"))

    def test_need_a_path_that_can_be(self) -> None:
        with pytest.raises(BytecodeError, match="embedded null"):
            parse_bytecode_file("a\0b")
