"""Lines of the verifier's log, as kernels from 5.10 to 7.3 write them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.verifier.log import Log, branch, instruction, kind, read_log, sentence, state
from pytc.bpf.verifier.report import explain
from tests.processes import run

if TYPE_CHECKING:
    from pytc.bpf.verifier.log import Kind

registers = st.integers(0, 10).map("R{}".format)
marks = st.sampled_from(["", "_w", "_r", "_rw", "_D"])
numbers = st.integers(-(1 << 63), (1 << 64) - 1)
values = st.one_of(
    st.sampled_from(["ctx()", "ctx(off=0,imm=0)", "inv0", "inv(id=0)", "invP(id=0,umax_value=24,var_off=(0x0; 0x18))"]),
    st.sampled_from(
        ["scalar()", "scalar(umax=3,var_off=(0x0; 0x3))", "fp0", "fp-8", "pkt(r=0)", "pkt(id=1,off=4,r=8)"]
    ),
    st.sampled_from(["map_value(map=totals,ks=4,vs=8)", "map_value_or_null(id=2,off=0,ks=4,vs=8,imm=0)"]),
    st.builds("scalar(smin={},umax={},var_off=(0x0; 0xff))".format, numbers, numbers),
    numbers.map(str),
)
slots = st.integers(1, 64).map(lambda number: f"fp-{8 * number}")
contents = st.one_of(values, st.sampled_from(["mmmmmmmm", "????mmmm", "00000000", "mmmm????"]))
pairs = st.one_of(st.tuples(registers, values), st.tuples(slots, contents))
states = st.lists(st.tuples(pairs, marks), min_size=1, max_size=8, unique_by=lambda one: one[0][0])
positions = st.integers(0, 999_999)
statements = st.sampled_from(
    [
        "(b7) r0 = 0",
        "(61) r1 = *(u32 *)(r1 +76)",
        "(85) call bpf_map_lookup_elem#1",
        "(95) exit",
        "(18) r1 = 0x7e9e1b10",
    ]
)
jumps = st.builds("(15) if r0 == 0x0 goto pc{:+d}".format, st.integers(-9, 9))


def text_of(pairs: list[tuple[tuple[str, str], str]]) -> str:
    return " ".join(f"{name}{mark}={value}" for (name, value), mark in pairs)


@given(states, st.sampled_from(["", " ", "frame1: ", " frame1:", "12: ", "12: frame2: "]))
def test_states_are_read_with_any_marks(pairs: list[tuple[tuple[str, str], str]], before: str) -> None:
    line = f"{before}{text_of(pairs)}"
    assert kind(line) == "state"
    assert state(line) == {name: value for (name, value), _ in pairs}


@given(positions, st.one_of(statements, jumps), st.one_of(st.none(), states), st.integers(1, 30))
def test_instructions_are_read_with_and_without_a_state_behind_them(
    position: int, statement: str, behind: list[tuple[tuple[str, str], str]] | None, blanks: int
) -> None:
    line = f"{position}: {statement}" + (f"{' ' * blanks}; {text_of(behind)}" if behind else "")
    found = instruction(line, 7)
    assert found is not None
    assert (found.slot, found.line) == (position, 7)
    assert f"({found.opcode:02x}) {found.text}" == statement
    assert kind(line) == "instruction"


@given(positions, jumps, states)
def test_a_state_may_stand_behind_a_jump(position: int, jump: str, pairs: list[tuple[tuple[str, str], str]]) -> None:
    line = f"{position}: {jump} {position + 1}: {text_of(pairs)}"
    assert instruction(line) == (position, 0x15, jump.removeprefix("(15) "), 0)
    assert sentence(line) == ""


@given(positions, positions, st.sampled_from(["", " (speculative execution)"]), states)
def test_branches_are_read(a: int, b: int, remark: str, pairs: list[tuple[tuple[str, str], str]]) -> None:
    line = f"from {a} to {b}{remark}: {text_of(pairs)}"
    assert kind(line) == "branch"
    assert branch(line) == (a, b)
    assert kind(f"from {a} to {b}{remark}: safe") == "end"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("; data = skb->data; @ a.c:6", "source"),
        ("; data = skb->data;", "source"),
        ("12: safe", "end"),
        ("func#1 @14", "course"),
        ("caller:", "course"),
        ("to caller at 8:", "course"),
        ("returning from callee:", "course"),
        (" frame1: R1=ctx() R10=fp0", "state"),
        ("12: frame1: R1_w=scalar() cb", "state"),
        ("Validating f() func#1...", "course"),
        ("Func#1 ('f') is safe for any args that match its prototype", "course"),
        ("mark_precise: frame0: regs=r1 stack= before 4: (bf) r1 = r2", "course"),
        ("regs=2 stack=0 before 3: (18) r2 = 0x7e9e1b10", "course"),
        ("frame 0: propagating r1,r2", "course"),
        ("Live regs before insn:", "course"),
        ("R1 invalid mem access 'scalar'", "sentence"),
        ("math between pkt pointer and register with unbounded min value is not allowed", "sentence"),
    ],
)
def test_every_line_is_of_one_kind(line: str, expected: Kind) -> None:
    assert kind(line) == expected


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    log = Log(read_log(text))
    assert all(sentence(line) in line for line in log.lines)
    list(log.instructions())
    assert explain(text).category


def test_code_that_comes_from_no_line_belongs_to_the_one_before() -> None:
    log = Log("; first(); @ a.c:3\n0: (b7) r0 = 0\n;  @ a.c:0\n1: (b7) r1 = 0\n; second();\n2: (95) exit\n")
    assert [log.source_before(number) for number in (1, 3, 5)] == [
        ("first();", "a.c", 3),
        ("first();", "a.c", 3),
        ("second();", "", 0),
    ]


def test_the_nearest_state_counts() -> None:
    log = Log(
        "0: R1=ctx() R10=fp0\n0: (b7) r0 = 0 ; R0_w=0\n1: (bf) r6 = r1 ; R1=ctx() R6_w=ctx()\n"
        "2: (b7) r0 = 5 ; R0_w=5\nR0 is bad\n"
    )
    assert log.state_before(4) == {"R0": "5", "R1": "ctx()", "R6": "ctx()", "R10": "fp0"}


BOUNDS = """
import resource, time
from pytc.bpf.verifier.report import explain
from tests.processes import run
body = "".join(
    f"; sum += skb->len ^ i; @ a.c:{n % 900}\\n{n % 9000}: (07) r2 += 1                       ; R2_w={n}\\n"
    for n in range(1000)
)
text = body * (16 * (1 << 20) // len(body) + 1) + "9001: (71) r0 = *(u8 *)(r2 +0)\\nR2 invalid mem access 'scalar'\\n"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
report = explain(text)
print(report.category, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_log_of_16_mb_takes_seconds_and_100_mb_at_most() -> None:
    done = run(sys.executable, "-c", BOUNDS, env={"PYTHONPATH": os.pathsep.join(sys.path)})
    category, seconds, kilobytes = done.out.split()
    assert category == "not-a-pointer"
    assert float(seconds) < 6  # of processor time: 1.5, and twice as much beside a neighbour on the same core
    assert int(kilobytes) < 100 << 10
