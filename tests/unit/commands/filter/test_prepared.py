"""Lines of a batch that are like one another: their requests are those of their words, whatever these are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytc.cli.batch import split_words
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


def make(text: str) -> Command | PreparedFilter | None:
    """Return what a line asks for by itself."""
    command = parsed(split_words(text))
    return prepare(command) if command is not None else None


class Batch:
    """Prepares lines one after another; ``parses`` counts those that had to be parsed."""

    def __init__(self) -> None:
        self.filters = RepeatedFilters()
        self.parses = 0

    def line(self, text: str) -> Command | PreparedFilter | None:
        """Return what a line asks for when it is known from lines before."""
        found = self.filters.match(text)
        if found is None:
            self.parses += 1
            words = split_words(text)
            command = parsed(words)
            if command is not None:
                self.filters.learn(text, words, command)
        return found


def quoted(words: list[str]) -> str:
    """Return the words as a line, in quotes where they need some."""
    return " ".join(word if word and " " not in word else f"'{word}'" for word in words) + "\n"


def same(one: Command | PreparedFilter, other: Command | PreparedFilter | None) -> bool:
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


#: With ``{}`` where constants may go.
PROGRAMS = [
    "1,6 0 0 {}",
    "1,6 0 0 {},",
    "2,6 0 0 {},6 0 0 {}",
    "2,48 0 0 {},6 0 0 4294967295",
    "3,48 0 0 9,21 0 0 {},6 0 0 {}",
    "3,21 0 1 {},4 0 0 {},6 0 0 0",
    "2,5 0 0 {},6 0 0 0",
    "2,52 0 0 {},22 0 0 0",
    "3,2 0 0 1,96 0 0 {},6 0 0 1",
    "2,100 0 0 {},6 0 0 0",
    "2,21 {} 0 0,6 0 0 0",
    "{},6 0 0 0",
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
    st.integers(0, 40).map(str),
    st.sampled_from(["0", "010", "0x7", "1:", "800::", "800", "\u0667", "", "pref", "handle", "all", "1 handle 2"]),
)
ROWS = st.tuples(
    st.lists(NUMBERS, min_size=7, max_size=7), st.sampled_from(PROGRAMS), st.lists(NUMBERS, min_size=2, max_size=2)
)


@settings(max_examples=500)
@given(lines(), st.lists(ROWS, min_size=3, max_size=9), st.booleans())
def test_a_request_is_that_of_the_words(
    template: list[str], rows: list[tuple[list[str], str, list[str]]], is_one_program: bool
) -> None:
    batch = Batch()
    for row, program, constants in rows:
        numbers = iter(row)
        program = (rows[0][1] if is_one_program else program).format(*constants)  # noqa: PLW2901
        text = quoted([next(numbers) if word == "{}" else program if word == "B" else word for word in template])
        found = batch.line(text)
        assert found is None or same(found, make(text))


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
        text = quoted([word.replace("_", " ") for word in line.replace("{}", str(number)).split()])
        found = batch.line(text)
        assert (found is None) == (number <= 2)
        assert found is None or same(found, make(text))
    assert batch.parses == 2


@pytest.mark.parametrize(
    ("program", "known"),
    [
        ("3,48 0 0 9,21 0 0 {},6 0 0 0", True),  # a comparison
        ("2,4 0 0 {},6 0 0 65538", True),  # an addition
        ("3,4 0 0 {},21 0 0 {},6 0 0 0", True),
        ("2,48 0 0 {},6 0 0 0", False),  # a load: there are constants that mean no offset
        ("1,6 0 0 {}", False),  # remarks depend on it
        ("2,52 0 0 {},6 0 0 0", False),  # a division
        ("2,100 0 0 {},6 0 0 0", False),  # a shift
        ("2,21 {} 0 0,6 0 0 0", False),  # where it jumps
    ],
)
def test_constants_that_differ_are_put_into_the_request(program: str, known: bool) -> None:
    """Without parsing the line, where they change neither whether the kernel takes it nor the remarks on it."""
    batch = Batch()
    for number in range(100):
        text = f"filter add dev em1 pref {number + 1} bpf bytecode '{program.replace('{}', str(number))}' flowid 1:1\n"
        found = batch.line(text)
        assert (found is not None) == (known and number >= 2)
        assert found is None or same(found, make(text))
    assert batch.line(text.replace(" flowid", " da flowid")) is None


def test_without_a_class_there_are_no_remarks_that_depend_on_what_a_program_returns() -> None:
    batch = Batch()
    texts = [f"filter add dev em1 pref 1 bpf da bytecode '1,6 0 0 {number}'\n" for number in range(9)]
    assert [batch.line(text) is not None for text in texts] == [False] * 2 + [True] * 7


def test_programs_of_another_length_are_lines_of_their_own() -> None:
    batch = Batch()
    for count in (1, 1, 1, 2, 2, 3, 1, 2, 3, 2, 3):
        program = ",".join([str(count), *["48 0 0 9"] * (count - 1), "6 0 0 4294967295"])
        text = f"filter add dev em1 pref 7 bpf bytecode '{program}' flowid 1:1\n"
        found = batch.line(text)
        assert found is None or same(found, make(text))


def test_handles_that_depend_on_options_are_left_to_the_parser() -> None:
    batch = Batch()
    lines = (f"filter add dev em1 handle {number} u32 match u8 0 0" for number in range(800, 820))
    assert [batch.line(line) for line in lines] == [None] * 20


def test_lines_that_are_all_different_are_not_kept() -> None:
    batch = Batch()
    for number in range(1000):
        assert batch.line(f"filter add dev em1 pref 1 matchall flowid 1:{number:x}\n") is None
    assert not batch.filters._templates
