"""Lines of a batch that are like one another: their requests are those of the words, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytc.commands.dispatch import parse_words
from pytc.commands.filter.prepared import PreparedFilter, RepeatedFilters, prepare
from pytc.commands.shared.command import Command
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
    "bpf da obj a.o",
    "bpf obj a.o sec cls flowid 1:1",
    "basic match meta(rt_iif_eq_lo) flowid 1:1",
    "matchall action bpf obj a.o",
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


def parsed(words: list[str]) -> Command | None:
    try:
        return parse_words(words)
    except (PytcError, HelpRequested):
        return None


def make(words: list[str]) -> Command | None:
    """Return the command of a line by itself."""
    command = parsed(words)
    return prepare(command) if command is not None else None


class Batch:
    """Prepares lines one after another; ``parses`` counts those that had to be parsed."""

    def __init__(self) -> None:
        self.filters = RepeatedFilters()
        self.parses = 0

    def line(self, words: list[str]) -> Command | None:
        """Return the command of a line when it is known from lines before."""
        found = self.filters.match(words)
        if found is None:
            self.parses += 1
            command = parsed(words)
            if command is not None:
                self.filters.learn(words, command)
        return found


def same(one: Command, other: Command | None) -> bool:
    """Report whether two commands do the same; their selectors may differ in what is in a request already."""
    if not isinstance(one, PreparedFilter):
        return one == other
    return (
        isinstance(other, PreparedFilter)
        and (one.request, one.remarks) == (other.request, other.remarks)
        and one.change.selector.replace(pref=0, handle="") == other.change.selector.replace(pref=0, handle="")
    )


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A line about filters with ``{}`` where numbers may go, right or wrong."""
    parts = draw(
        st.lists(st.sampled_from([*SELECTORS, "pref {}", "handle {}", "prio {}", "p {}", "handle {}"]), max_size=6)
    )
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


@settings(max_examples=500)
@given(
    lines(),
    st.lists(st.tuples(st.lists(NUMBERS, min_size=7, max_size=7), st.sampled_from(PROGRAMS)), min_size=3, max_size=9),
)
def test_a_request_is_that_of_the_words(template: list[str], rows: list[tuple[list[str], str]]) -> None:
    batch = Batch()
    for row, program in rows:
        numbers = iter(row)
        words = [next(numbers) if word == "{}" else program if word == "B" else word for word in template]
        found = batch.line(words)
        assert found is None or same(found, make(words))


@pytest.mark.parametrize(
    "line",
    [
        "filter add dev em1 ingress pref {} bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 ingress prio {} bpf bytecode 1,6_0_0_0 flowid 1:1",
        "f a dev em1 ingress p {} bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 ingress bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 ingress pref {} handle {} protocol all bpf bytecode 1,6_0_0_0 flowid 1:1",
        "filter add dev em1 pref {} matchall",
        "filter del dev em1 ingress priority {}",
        "filter replace dev em1 ingress pref {} handle {} bpf da obj a.o sec cls",
        "filter add dev em1 ingress prio {} matchall action bpf obj a.o",
    ],
)
def test_the_third_line_is_not_parsed_any_more(line: str) -> None:
    batch = Batch()
    for number in range(1, 200):
        words = [word.replace("_", " ") for word in line.replace("{}", str(number)).split()]
        found = batch.line(words)
        assert (found is None) == (number <= 2)
        assert found is None or same(found, make(words))
    assert batch.parses == 2


def test_programs_that_differ_are_put_into_the_request() -> None:
    """With the remark on what they return, where there is one."""
    batch, found = Batch(), []
    for number in range(100):
        program = f"2,48 0 0 {number},6 0 0 {65538 if number % 3 else 4294967295}"
        words = ["filter", "add", "dev", "em1", "pref", str(number + 1), "bpf", "bytecode", program, "flowid", "1:1"]
        one = batch.line(words)
        assert one is None or same(one, make(words))
        found.append(one)
    assert [number for number, one in enumerate(found) if one is None] == [0, 1]
    assert [bool(one.remarks) for one in found[2:5] if isinstance(one, PreparedFilter)] == [True, False, True]
    words[8] = "2,48 0 0 9,7 0 0 1"  # the last instruction is no return
    assert batch.line(words) is None


def test_programs_of_another_length_are_lines_of_their_own() -> None:
    batch = Batch()
    for count in (1, 1, 1, 2, 2, 3, 1, 2, 3, 2, 3):
        program = ",".join([str(count), *["48 0 0 9"] * (count - 1), "6 0 0 4294967295"])
        words = ["filter", "add", "dev", "em1", "pref", "7", "bpf", "bytecode", program, "flowid", "1:1"]
        found = batch.line(words)
        assert found is None or same(found, make(words))


def test_handles_that_depend_on_options_are_left_to_the_parser() -> None:
    batch = Batch()
    lines = (f"filter add dev em1 handle {number} u32 match u8 0 0" for number in range(800, 820))
    assert [batch.line(line.split()) for line in lines] == [None] * 20


def test_lines_that_are_all_different_are_not_kept() -> None:
    batch = Batch()
    for number in range(1000):
        assert batch.line(f"filter add dev em1 pref 1 matchall flowid 1:{number:x}".split()) is None
    assert not batch.filters._templates
