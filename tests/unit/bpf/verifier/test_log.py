"""The reason of a refusal, found in logs of five kernels and in ones that hypothesis makes up."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.verifier.log import (
    decisive_line,
    failing_instruction,
    last_lines,
    without_statistics,
)
from pytc.bpf.verifier.report import explain
from tests.processes import ROOT


class Recorded(NamedTuple):
    kernel: str
    program: str
    reason: str
    log: str


def recorded() -> list[Recorded]:
    text = (ROOT / "tests" / "golden" / "verifier_logs.txt").read_text()
    logs = []
    for part in text.split("\n== ")[1:]:
        title, _, log = part.partition("\n")
        place, _, reason = title.partition(": ")
        kernel, _, program = place.partition(" ")
        logs.append(Recorded(kernel, program, reason, log.rstrip("\n") + "\n"))
    return logs


RECORDED = recorded()
REASONS = [
    *sorted({one.reason for one in RECORDED}),
    "BPF program is too large. Processed 1000001 insn",
    "the sequence of 8193 jumps is too complex.",
    "combined stack size of 2 calls is 608. Too large",
    "R1 type=ctx expected=fp",
    "R0 min value is negative, either use unsigned index or do a if (index >=0) check.",
    "invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)",
    "insn 7 cannot be patched due to 16-bit range",
    "tail_calls are not allowed when call stack of previous frames is 300 bytes. Too large",
    "func 'bpf_lsm' doesn't have 7-th argument",
    "unreachable insn 2",
]

numbers = st.integers(0, 1 << 40).map(str)
sums = st.lists(numbers, min_size=1, max_size=6).map("+".join)
STATISTICS = [
    numbers.map("verification time {} usec".format),
    st.one_of(sums.map("stack depth {}".format), st.builds("stack depth {} max {}".format, sums, numbers)),
    sums.map("insns processed {}".format),
    st.one_of(
        st.builds("processed {} insns (limit {}), stack depth {}".format, numbers, numbers, sums),
        st.builds(
            "processed {} insns (limit {}) max_states_per_insn {} total_states 0 peak_states 0 mark_read 0".format,
            numbers,
            numbers,
            numbers,
        ),
    ),
]
#: Any of them, in any order: kernels have added some, in the middle too.
statistics = st.lists(st.one_of(STATISTICS), min_size=1, max_size=6)
#: What stands between the last instruction and the reason, or behind it.
COURSE = [
    "btf_vmlinux is malformed",
    "; return skb->len; /* stack depth 5 */ @ a.c:3",
    "0: R1=ctx() R10=fp0",
    "from 3 to 6: R1_w=0 R10=fp0",
    "from 3 to 6 (speculative execution): R1_w=invP(id=0) R10=fp0 fp-8=mmmmmmmm",
    " R1_w=invP(id=0,umax_value=24,var_off=(0x0; 0x18)) R10=fp0",
    " frame1: R1=ctx(id=0,off=0,imm=0) R10=fp0",
    "3: (7b) *(u64 *)(r10 -8) = r1         ; R1=0x700000002 R10=fp0 fp-8=0x700000002",
    "9: (85) call bpf_trace_printk#6",
    "mark_precise: frame0: last_idx 5 first_idx 0 subseq_idx -1",
    "mark_precise: frame0: regs=r1 stack= before 4: (bf) r1 = r2",
    "last_idx 5 first_idx 0",
    "regs=2 stack=0 before 4: (bf) r1 = r2",
    "parent didn't have regs=2 stack=0 marks",
    "Validating length_of() func#1...",
    "Func#1 ('length_of') is safe for any args that match its prototype",
    "func#0 @0",
    "caller:",
    "callee:",
    "from 4 to 8: safe",
    "8: safe",
    "cur state: R1=ctx() R2=scalar() R10=fp0",
    "old state: R1=ctx() R2=scalar() R10=fp0",
    "7: (5d) if r2 != r3 goto pc-6 2: R1=ctx() R10=fp0",
]
course = st.lists(st.sampled_from(COURSE), max_size=8)


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: f"{one.kernel}-{one.program}")
class TestRecordedLogs:
    def test_have_their_reason_alone_or_glued_to_the_statistics(self, one: Recorded) -> None:
        assert decisive_line(one.log) == one.reason
        at = one.log.index("verification time")
        assert decisive_line(one.log[:at].rstrip() + one.log[at:].replace("\n", "")) == one.reason

    def test_are_shown_without_statistics(self, one: Recorded) -> None:
        shown, _ = last_lines(one.log)
        assert shown[-1] == one.reason
        assert without_statistics(one.log) + "\n" == one.log[: one.log.index("verification time")]


LOOP = """\
6: (61) r3 = *(u32 *)(r1 +0)          ; R1=ctx() R3=scalar(smin=0,smax=umax=0xffffffff)
7: (5d) if r2 != r3 goto pc-6 {}infinite loop detected at insn 2
cur state: R1=ctx() R2=scalar(smin=0,smax=umax=0xffffffff) R10=fp0 fp-8=mmmm????
old state: R1=ctx() R2=scalar(smin=0,smax=umax=0xffffffff) R10=fp0 fp-8=mmmm????
verification time 197 usec
processed 19 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0
"""


@pytest.mark.parametrize("between", ["", "\n", "\n; while (1) @ a.c:2\n"])
def test_states_behind_a_sentence_are_no_reasons(between: str) -> None:
    """The sentence may be at the end of a jump's line."""
    assert decisive_line(LOOP.format(between)) == "infinite loop detected at insn 2"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)", "R1 offset is outside of the packet"),
        (
            "invalid access to map value, value_size=8 off=8 size=8",
            "R0 min value is outside of the allowed memory range",
        ),
        ("R1 type=ctx expected=fp", "Caller passes invalid args into func#1 ('f')"),
        (
            "Unreleased reference id=2 alloc_insn=5",
            "BPF_EXIT instruction in main prog would lead to reference leak",
        ),
    ],
)
def test_a_general_sentence_comes_behind_the_one_that_says_what_it_is_about(first: str, second: str) -> None:
    instruction = "1: (71) r1 = *(u8 *)(r1 +23)"
    assert explain(f"{instruction}\n{first}\n{second}\nprocessed 2 insns\n").message == f"{first}; {second}"
    assert explain(f"{instruction}\n{second}\nprocessed 2 insns\n").message == second
    assert explain(f"R0 is bad\n{instruction}\n{second}\n").message == second


def test_a_sentence_that_says_enough_stands_alone() -> None:
    """Whatever known sentence is in front of it."""
    first, second = "invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)", "R2 !read_ok"
    report = explain(f"1: (71) r1 = *(u8 *)(r1 +23)\n{first}\n{second}\nprocessed 2 insns\n")
    assert (report.message, report.category) == (second, "uninitialised-register")


def test_all_kernels_are_recorded() -> None:
    assert {one.kernel for one in RECORDED} == {"5.10", "6.1", "6.12", "6.18", "7.2"}


@given(
    st.lists(st.one_of(st.sampled_from(COURSE), st.sampled_from(REASONS)), max_size=10),
    st.sampled_from(REASONS),
    course,
    statistics,
    st.sampled_from(["\n", ""]),
    st.sampled_from(["\n", "\n\n", ""]),
)
def test_the_reason_is_the_last_sentence(
    before: list[str], reason: str, behind: list[str], numbers: list[str], end: str, last: str
) -> None:
    """Whatever the verifier did before and writes behind it, and whether the last line has a newline or not."""
    log = "\n".join([*before, reason, *behind]) + end + "\n".join(numbers) + last
    assert decisive_line(log) == reason


@given(course, statistics)
def test_a_log_without_a_sentence_has_no_reason(lines: list[str], numbers: list[str]) -> None:
    assert decisive_line("\n".join([*lines, *numbers])) == ""


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), statistics)
def test_only_statistics_are_taken_away(text: str, numbers: list[str]) -> None:
    """The rest is a beginning of the log, and a second time changes nothing."""
    log = f"{text}\n" + "\n".join(numbers)
    rest = without_statistics(log)
    assert log.startswith(rest)
    assert without_statistics(rest) == rest
    assert len(rest) <= len(text.rstrip())


def test_the_report_of_linux_7_3_stands_behind_the_reason() -> None:
    log = (
        "1: (71) r1 = *(u8 *)(r1 +23)\n"
        "R1 offset is outside of the packet\n"
        "Verification failed: MEMORY: access outside of the packet\n"
        "Reason:\n  R1 has no checked range\n"
        "At:\n  1: (71) r1 = *(u8 *)(r1 +23)\n  a.c:8  if (data[23] == 17)\n                ^\n"
        "Suggestion:\n  compare the pointer with data_end\n"
        "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
    )
    assert decisive_line(log) == "R1 offset is outside of the packet"
    assert last_lines(log)[0][-1] == "  compare the pointer with data_end"


@pytest.mark.parametrize(
    "reason", ["stack depth of 600 is too much", "verification time is over", "processed 5 of 6 insns: gave up"]
)
def test_sentences_about_the_same_things_stay(reason: str) -> None:
    assert decisive_line(f"{reason}\nprocessed 2 insns (limit 1) max_states_per_insn 0\n") == reason


@given(st.lists(st.sampled_from(COURSE), max_size=10), st.integers(0, 99999))
def test_the_failing_instruction_is_the_last_one(before: list[str], number: int) -> None:
    log = "\n".join([*before, f"{number}: (95) exit", "; source", "regs=2 before 4: (bf) r1 = r2", "R1 is bad"])
    assert failing_instruction(log) == number
