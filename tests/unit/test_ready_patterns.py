"""Lines of a batch that are like one another: their requests are those of the words, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.commands.dispatch import parse_words
from pytc.commands.filter.batch_patterns import Patterns
from pytc.commands.filter.batch_requests import ReadyFilter, make_ready
from pytc.errors import HelpRequested, PytcError

KINDS = [
    "bpf bytecode B flowid 1:2",
    "bpf da bytecode B",
    "bpf bytecode B flowid 1:7 da",
    "bpf bytecode",
    "u32 match u8 0 0 bytecode",
    "bpf bytecode '1,6 0 0 7' flowid 1:2",
    "bpf",
    "u32 match ip src 10.0.0.0/8 flowid 1:1",
    "fw classid 1:3",
    "matchall",
    "u32 divisor 16",
    "matchall flowid 1:4",
    "bpf bytecode 1,6_0_0_0 da",
    "foo",
]
SELECTORS = [
    "dev em1",
    "dev pref",
    "dev handle",
    "dev em1 ingress",
    "dev em1 parent 1:",
    "protocol ip",
    "protocol 5",
    "chain 3",
    "prio 4",
    "pref",
    "handle",
]


def make(words: list[str]) -> ReadyFilter | None:
    try:
        return make_ready(words, parse_words(words))
    except (PytcError, HelpRequested):
        return None


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A line about filters with ``{}`` where numbers may go, right or wrong."""
    parts = draw(st.lists(st.sampled_from([*SELECTORS, "pref {}", "handle {}", "pref {}", "handle {}"]), max_size=6))
    verb = draw(st.sampled_from(["add", "replace", "del", "change", "show"]))
    kind = draw(st.sampled_from(KINDS)).replace("'", "").replace("1,6 0 0 7", "1,6_0_0_7")
    text = f"filter {verb} {' '.join(parts)} {kind} {draw(st.sampled_from(['', 'handle {}', 'pref {}']))}"
    return [word.replace("_", " ") for word in text.split()]


PROGRAMS = [
    "1,6 0 0 0",
    "1,6 0 0 65538",
    "1,6 0 0 4294967295,",
    "2,6 0 0 1,6 0 0 2",
    "2,48 0 0 9,6 0 0 131079",
    "2,21 0 0 5,22 0 0 0",
    "1,6 0 0",
    "1,7 0 0 1",
    "1,6 0 0 0x7",
    "1, 6 0 0 7",
    "2,6 0 0 7",
    "0,",
    "",
    "x",
    "1,6 0 0 07",
    "99999,6 0 0 1",
    "pref",
    "1,21 0 0 1",
]


NUMBERS = st.one_of(
    st.integers(-1, 1 << 33).map(str),
    st.integers(1, 0xFFFF).map(str),
    st.sampled_from(["0", "010", "0x7", "1:", "800::", "800", "\u0667", "", "pref", "handle", "all"]),
)


@given(
    lines(),
    st.lists(st.tuples(st.lists(NUMBERS, min_size=7, max_size=7), st.sampled_from(PROGRAMS)), min_size=3, max_size=9),
)
def test_a_request_is_that_of_the_words(template: list[str], rows: list[tuple[list[str], str]]) -> None:
    patterns = Patterns(make)
    for row, program in rows:
        numbers = iter(row)
        words = [next(numbers) if word == "{}" else program if word == "B" else word for word in template]
        found = patterns.ready(words)
        assert found is None or found == make(words)


@pytest.mark.parametrize(
    "line",
    [
        "filter add dev em1 ingress pref {} bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 ingress pref {} handle {} protocol all bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 pref 7 handle {} fw flowid 1:1",
        "filter del dev em1 ingress pref {}",
    ],
)
def test_the_third_line_is_made_from_the_second(line: str) -> None:
    calls = []

    def counted(words: list[str]) -> ReadyFilter | None:
        calls.append(words)
        return make(words)

    patterns = Patterns(counted)
    for number in range(1, 200):
        words = [word.replace("_", " ") for word in line.replace("{}", str(number)).split()]
        found = patterns.ready(words)
        assert (found is None) == (number == 1)
        assert found is None or found == make(words)
    assert len(calls) == 3


def test_programs_that_differ_are_put_into_the_request() -> None:
    """With the remark on what they return, where there is one."""
    patterns, found = Patterns(make), []
    for number in range(100):
        program = f"2,48 0 0 {number},6 0 0 {65538 if number % 3 else 4294967295}"
        words = ["filter", "add", "dev", "em1", "pref", str(number + 1), "bpf", "bytecode", program, "flowid", "1:1"]
        ready = patterns.ready(words)
        assert ready is None or ready == make(words)
        found.append(ready)
    assert [number for number, ready in enumerate(found) if ready is None] == [0]
    assert [bool(ready.remarks) for ready in found[1:4] if isinstance(ready, ReadyFilter)] == [True, True, False]
    words[8] = "2,48 0 0 9,7 0 0 1"  # the last instruction is no return
    assert patterns.ready(words) is None


def test_programs_of_another_length_are_lines_of_their_own() -> None:
    patterns = Patterns(make)
    for count in (1, 1, 1, 2, 3, 1, 2, 3, 2, 3):
        program = ",".join([str(count), *["48 0 0 9"] * (count - 1), "6 0 0 4294967295"])
        words = ["filter", "add", "dev", "em1", "pref", "7", "bpf", "bytecode", program, "flowid", "1:1"]
        found = patterns.ready(words)
        assert found is None or found == make(words)
    assert found is not None


def test_lines_that_cannot_be_made_are_seldom_tried() -> None:
    calls = []

    def never(words: list[str]) -> None:
        calls.append(words)

    patterns = Patterns(never)
    for number in range(1, 1001):
        patterns.ready(f"filter add dev em1 handle {number} u32 match u8 0 0".split())
    assert len(calls) == 9


def test_handles_that_are_hexadecimal_are_left_to_the_words() -> None:
    patterns = Patterns(make)
    lines = (f"filter add dev em1 handle {number} u32 match u8 0 0" for number in range(800, 820))
    found = [patterns.ready(line.split()) for line in lines]
    assert found == [None] * 20


def test_lines_that_are_all_different_are_not_kept() -> None:
    patterns = Patterns(make)
    for number in range(1000):
        assert patterns.ready(f"filter add dev em1 pref 1 matchall flowid 1:{number:x}".split()) is None
    assert len(patterns._known) <= 64


def test_what_was_forgotten_is_found_out_again() -> None:
    patterns = Patterns(make)
    words = "filter add dev em1 pref 1 matchall".split()
    assert patterns.ready(words) is None
    assert patterns.ready(words) is not None
    patterns.forget()
    assert patterns.ready(words) is None
