"""The language of bpf_asm, both ways. tests/golden/bpf_asm.txt was made by the kernel's own bpf_asm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic import MAX_INSTRUCTIONS, ClassicInstruction, format_bytecode
from pytc.bpf.insn.classic_check import is_jump
from pytc.bpf.insn.classic_text import parse_bytecode
from pytc.cbpf import assemble, disassemble, format_program, parse_program
from pytc.cbpf.assembler import MNEMONICS
from pytc.errors import BytecodeError
from tests.classic_programs import programs
from tests.processes import ROOT

EXTENSIONS = tuple(op.ANCILLARY)
GOLDEN = (ROOT / "tests" / "golden" / "bpf_asm.txt").read_text().split("=== ")[1:]
ARP = "ldh [12]\njne #0x806, drop\nret #-1\ndrop: ret #0\n"


#: Opcodes whose constant means nothing: the operand is implied, X or the packet's length.
WITHOUT_CONSTANT = {
    op.LD | op.LEN,
    op.LDX | op.LEN,
    op.ALU | op.NEG,
    op.MISC | op.TAX,
    op.MISC | op.TXA,
    op.RET | op.A,
}


def canonical(program: tuple[ClassicInstruction, ...]) -> tuple[ClassicInstruction, ...]:
    """Return a program with 0 in all fields that its instructions do not use."""
    return tuple(map(_canonical, program))


def _canonical(instruction: ClassicInstruction) -> ClassicInstruction:
    code, jt, jf, k = instruction
    if code in WITHOUT_CONSTANT or (code & 7 in (op.ALU, op.JMP) and code & op.X):
        k = 0
    if not is_jump(code) or code == op.JMP | op.JA:
        jt = jf = 0
    return ClassicInstruction(code, jt, jf, k)


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry.partition("\n")[0])
def test_the_same_as_bpf_asm(entry: str) -> None:
    source, bytecode = entry.partition("\n")[2].split("--- \n")
    assert assemble(source) == parse_bytecode(bytecode)


@given(programs(EXTENSIONS, from_headers=True))
def test_a_disassembled_program_assembles_to_itself(program: tuple[ClassicInstruction, ...]) -> None:
    assert assemble(disassemble(program)) == canonical(program)
    assert parse_program(disassemble(program)) == parse_program(format_program(program, "tcpdump"))
    assert parse_program(format_program(program, "c")) == parse_program(format_program(program, "tc")) == program


@pytest.mark.parametrize("code", sorted(op.ALLOWED))
def test_each_opcode_has_a_text_of_its_own(code: int) -> None:
    """Constants are 1, which suits them all."""
    store = ClassicInstruction(op.ST, 0, 0, 1)
    program = (store, ClassicInstruction(code, 0, 0, 1), *(ClassicInstruction(op.RET, 0, 0, k) for k in (1, 2, 3)))
    assert assemble(disassemble(program)) == canonical(program)


def test_fields_that_mean_nothing_are_forgotten() -> None:
    """The opcode of an addition of X, with a constant and offsets."""
    program = (ClassicInstruction(op.ALU | op.ADD | op.X, 7, 8, 9), ClassicInstruction(op.RET, 1, 2, 3))
    assert assemble(disassemble(program)) == (
        ClassicInstruction(op.ALU | op.ADD | op.X, 0, 0, 0),
        ClassicInstruction(op.RET, 0, 0, 3),
    )


_words = st.sampled_from(
    [
        *sorted(MNEMONICS),
        "#",
        "x",
        "a",
        "M",
        "[",
        "]",
        "(",
        ")",
        "+",
        "-",
        "*",
        "&",
        "0xf",
        "4",
        ",",
        ":",
        "there",
        "there:",
        "len",
        "proto",
        "%",
        "/*",
        "*/",
        ";",
        "\n",
        " ",
        "0",
        "99999999999",
        "-1",
        "08",
        "é",
        '"',
    ]
)


_lines = st.sampled_from(["ldh [12]", "ld #1", "tax", "jne #0x806, end", "ret #-1", "end: ret #0", "# nothing", "ret"])


@given(st.lists(_words, max_size=30).map(" ".join) | st.lists(_lines, max_size=5).map("\n".join))
def test_any_text_is_a_program_or_an_error_of_its_own(text: str) -> None:
    try:
        program = assemble(text)
    except BytecodeError as error:
        assert str(error).startswith(("line ", "there are no"))
        return
    assert assemble(disassemble(program)) == program


@given(st.text(alphabet="{}, 06x\n;(a", max_size=60).map(lambda text: "{" + text))
def test_any_braces_are_a_program_or_an_error_of_its_own(text: str) -> None:
    try:
        parse_program(text)
    except BytecodeError:
        pass


@given(st.text(max_size=80))
def test_any_characters_do_not_crash_it(text: str) -> None:
    try:
        parse_program(text)
    except BytecodeError:
        return


def test_comments_of_all_sorts() -> None:
    text = f"# a line\n/* two\nlines */ {ARP} ; the end\n#define X\nret #0 /* a * in it ** */"
    assert assemble(text) == (*assemble(ARP), ClassicInstruction(6, 0, 0, 0))


def test_line_ends_and_capitals_mean_nothing_to_instructions() -> None:
    assert assemble(" ".join(ARP.split())) == assemble(ARP.upper()) == assemble(ARP.replace(" ", "\n "))


@pytest.mark.parametrize(
    ("text", "k"),
    [
        ("0x10", 16),
        ("0X1f", 31),
        ("0b101", 5),
        ("010", 8),
        ("0", 0),
        ("+7", 7),
        ("-1", 0xFFFFFFFF),
        ("- 2", 0xFFFFFFFE),
        ("4294967295", 0xFFFFFFFF),
        ("-2147483648", 0x80000000),
        ("-0x10", 0xFFFFFFF0),
    ],
)
def test_numbers(text: str, k: int) -> None:
    assert assemble(f"ret #{text}") == (ClassicInstruction(6, 0, 0, k),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there are no instructions"),
        ("; nothing", "there are no instructions"),
        ("ret", 'line 1: "#" or "a" expected, not "the end of the text"'),
        ("ret #0\nld [", 'line 2: a number expected, not "the end of the text"'),
        ("ret #0\n\n bogus", 'line 3: an instruction expected, not "bogus"'),
        ("ld {x}", 'line 1: what is "{"?'),
        ("ret #0 /* never", "line 1: a comment without an end"),
        ("ret #09", '"09" is not an octal number'),
        ("ret #4294967296", "does not fit in 32 bits"),
        ("ret #-2147483649", "does not fit in 32 bits"),
        ("ret #" + "9" * 5000, "does not fit in 32 bits"),
        ("ret #12ab", 'what is "1"?'),
        ("ld x", '"[" expected'),
        ("ldh #len", "an extension expected"),
        ("ldh #5", "an extension expected"),
        ("ldx [5]", "4*([k]&0xf) expected"),
        ("ldx 5*([0]&0xf)", "4*([k]&0xf) expected"),
        ("ldx 4*([0]&0xe)", "4*([k]&0xf) expected"),
        ("ldxb #5", "4*([k]&0xf) expected"),
        ("ld [x 5]", '"+" expected'),
        ("add 5", '"#" or "x" expected'),
        ("st [5]", '"m" expected'),
        ("ld %a", '"[" expected'),
        ("jmp\nret #0", 'a label expected, not "ret"'),
        ("jmp x", 'a label expected, not "x"'),
        ("jmp away\nret #0", 'line 1: no label "away"'),
        ("jeq #1, b1, c1\nb1: ret #0", 'no label "c1"'),
        ("a1: ret #0\nldi #1\njmp a1", 'line 3: "a1" is before the jump'),
        ("a1: ret #0\na1: ret #1", 'line 2: duplicate label "a1"'),
        ("ret #0\nend:", "line 2: an instruction expected"),
        ("jeq #1 there\nthere: ret #0", '"," expected'),
        ("jne #1, yes, no\nyes: ret #0", "an instruction expected"),
        ("ldi #1", "line 1: the last instruction is not a return"),
        ("div #0\nret #0", "line 1: it divides by 0"),
        ("ret #0\nld M[3]\nret a", "line 2: it loads M[3]"),
        ("ret x", '"#" or "a" expected'),
        ("jeq #1, far\n" + "ldi #0\n" * 256 + "far: ret #0", 'line 1: "far" is 256 instructions away'),
        ("ret #0\n" * (MAX_INSTRUCTIONS + 1), "more than 4096 instructions"),
    ],
)
def test_each_mistake_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BytecodeError) as caught:
        assemble(text)
    assert message in str(caught.value)


def test_the_longest_program_and_the_longest_jumps() -> None:
    text = "jmp far\n" + "ldi #0\n" * (MAX_INSTRUCTIONS - 2) + "far: ret #0"
    assert assemble(text)[0] == ClassicInstruction(5, 0, 0, MAX_INSTRUCTIONS - 2)
    assert assemble("jeq #1, far\n" + "ldi #0\n" * 255 + "far: ret #0")[0].jt == 255


def test_the_forms_that_programs_are_printed_in() -> None:
    program = assemble(ARP)
    assert format_program(program) == "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0\n"
    assert format_program(program, "tcpdump") == "4\n40 0 0 12\n21 0 1 2054\n6 0 0 4294967295\n6 0 0 0\n"
    assert format_program(program, "c").splitlines()[1] == "{ 0x15, 0, 1, 0x00000806 },"
    assert format_program(program, "asm") == (
        "l0:     ldh [12]\nl1:     jne #0x806, l3\nl2:     ret #0xffffffff\nl3:     ret #0x0\n"
    )
    assert parse_program(format_bytecode(program)) == program


@pytest.mark.parametrize(
    ("instruction", "line"),
    [
        ((0x30, 0, 0, 0xFFF00009), "l0:     ldb [-1048567]          ; network header + 9"),
        ((0x28, 0, 0, 0xFFE0000C), "l0:     ldh [-2097140]          ; link-layer header + 12"),
        ((0x20, 0, 0, 0x80000000), "l0:     ld [-2147483648]        ; nowhere: the program ends with 0"),
        ((0x20, 0, 0, 0xFFFFF028), "l0:     ld [-4056]              ; A ^= X"),
        ((0x20, 0, 0, 0xFFFFF000), "l0:     ld #proto"),
        ((0x40, 0, 0, 14), "l0:     ld [x + 14]"),
        ((0xB1, 0, 0, 14), "l0:     ldxb 4*([14]&0xf)"),
    ],
)
def test_lines_explain_what_is_odd(instruction: tuple[int, int, int, int], line: str) -> None:
    assert disassemble((ClassicInstruction(*instruction), ClassicInstruction(6, 0, 0, 0))).splitlines()[0] == line
