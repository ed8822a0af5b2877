"""Lines of a batch that are like one another: their requests are those of the words, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import HelpRequested, PytcError
from pytc.grammar.command_line import parse_words
from pytc.operations.ready_filters import ReadyFilter, make_ready
from pytc.operations.ready_patterns import Patterns

KINDS = ["bpf bytecode '1,6 0 0 7' flowid 1:2", "bpf", "u32 match ip src 10.0.0.0/8 flowid 1:1", "fw classid 1:3",
         "matchall", "u32 divisor 16", "matchall flowid 1:4", "bpf bytecode 1,6_0_0_0 da", "foo"]
SELECTORS = ["dev em1", "dev pref", "dev handle", "dev em1 ingress", "dev em1 parent 1:", "protocol ip", "protocol 5",
             "chain 3", "prio 4", "pref", "handle"]


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


NUMBERS = st.one_of(st.integers(-1, 1 << 33).map(str), st.integers(1, 0xFFFF).map(str),
                    st.sampled_from(["0", "010", "0x7", "1:", "800::", "800", "\u0667", "", "pref", "handle", "all"]))


@given(lines(), st.lists(st.lists(NUMBERS, min_size=7, max_size=7), min_size=3, max_size=6))
def test_a_request_is_that_of_the_words(template: list[str], rows: list[list[str]]) -> None:
    patterns = Patterns(make)
    for row in rows:
        numbers = iter(row)
        words = [next(numbers) if word == "{}" else word for word in template]
        found = patterns.ready(words)
        assert found is None or found == make(words)


@pytest.mark.parametrize("line", [
    "filter add dev em1 ingress pref {} bpf bytecode 1,6_0_0_0 flowid 1:1",
    "filter add dev em1 ingress pref {} handle {} protocol all bpf bytecode 1,6_0_0_0 flowid 1:1",
    "filter add dev em1 pref 7 handle {} fw flowid 1:1", "filter del dev em1 ingress pref {}",
])
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
