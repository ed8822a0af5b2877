"""The word engine and the command line: exact words, prefixes in the order of the table, values, duplicates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.command_line import Options, parse_options
from pytc.cli.exit_status import exit_status
from pytc.cli.usage import topics, usage
from pytc.commands.dispatch import parse_words
from pytc.commands.filter.get import GetFilter
from pytc.commands.filter.show import ShowFilters
from pytc.commands.shared.command import Help
from pytc.errors import HelpRequested, PytcError, UsageError
from pytc.handles import EGRESS, INGRESS, ROOT, Handle
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.shared.programs import BpfSource
from pytc.words.engine import Cursor, Word, fill, unsigned


def parse(line: str) -> Any:
    return parse_words(line.split())


@pytest.mark.parametrize(
    ("line", "selector"),
    [
        ("filter add dev em1 p 5", FilterSelector("em1", pref=5, protocol=3)),
        ("filter add dev em1 pr 5", FilterSelector("em1", pref=5, protocol=3)),
        ("filter add dev em1 pri 5", FilterSelector("em1", pref=5, protocol=3)),
        ("filter add dev em1 pro ip", FilterSelector("em1", protocol=0x800)),
        ("filter add dev em1 proto ip", FilterSelector("em1", protocol=0x800)),
        ("filter add dev em1 c 4", FilterSelector("em1", protocol=3, chain=4)),
        ("filter add dev em1 root", FilterSelector("em1", ROOT, protocol=3)),
        ("filter add dev em1 ingress", FilterSelector("em1", INGRESS, protocol=3)),
        ("filter add dev em1 egress", FilterSelector("em1", EGRESS, protocol=3)),
        ("filter add dev em1 parent 1:a", FilterSelector("em1", Handle(1, 10), protocol=3)),
        ("f a dev em1", FilterSelector("em1", protocol=3)),
        ("fil replace dev em1 pref 0x10", FilterSelector("em1", pref=16, protocol=3)),
        ("filter change dev em1", FilterSelector("em1")),
        ("filter del dev em1 handle 0x8", FilterSelector("em1", handle="0x8")),
    ],
)
def test_abbreviations_mean_what_tc_means(line: str, selector: FilterSelector) -> None:
    command = parse(line)
    assert isinstance(command, FilterChange)
    assert command.selector == selector


@pytest.mark.parametrize("word", ["de", "roo", "ing", "eg", "par", "han"])
def test_some_words_are_not_abbreviated(word: str) -> None:
    """They are taken for the kind then."""
    command = parse(f"filter add dev em1 {word}")
    assert command.kind == word


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("obj f.o", BpfOptions(BpfSource("object-file", "f.o"))),
        ("object-file f.o sec a", BpfOptions(BpfSource("object-file", "f.o", section="a"))),
        (
            "o f.o s a program b verb",
            BpfOptions(BpfSource("object-file", "f.o", section="a", program="b", verbose=True)),
        ),
        ("da obj f.o", BpfOptions(BpfSource("object-file", "f.o"), direct_action=True)),
        ("d o f.o da", BpfOptions(BpfSource("object-file", "f.o"), direct_action=True)),
        ("f.o flowid 1:2", BpfOptions(BpfSource("bare", "f.o"), Handle(1, 2))),
        ("run f.o sec x", BpfOptions(BpfSource("bare", "f.o", section="x"))),
        ("pinned m:x c 1:", BpfOptions(BpfSource("object-pinned", "m:x"), Handle(1, 0))),
        ("fd /x skip_sw", BpfOptions(BpfSource("object-pinned", "/x"), skip_sw=True)),
        ("object-p /x s", BpfOptions(BpfSource("object-pinned", "/x"), skip_hw=True)),
        ("bcf /x", BpfOptions(BpfSource("bytecode-file", "/x"))),
        ("flowid 1:1", BpfOptions(None, Handle(1, 1))),
        ("", None),
    ],
)
def test_words_of_a_bpf_filter(words: str, options: BpfOptions | None) -> None:
    assert parse(f"filter add dev em1 bpf {words}").options == options


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("help", ""),
        ("", ""),
        ("filter help", "filter"),
        ("qdisc help", "qdisc"),
        ("class help", "class"),
        ("h", ""),
    ],
)
def test_help_is_a_command(line: str, topic: str) -> None:
    assert parse(line) == Help(topic)


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("filter add help", "filter add"),
        ("filter add dev em1 bpf help", "filter bpf"),
        ("filter show help", "filter show"),
        ("filter add bpf obj x.o help", "filter bpf"),
        ("qdisc add dev em1 clsact help", "qdisc clsact"),
        ("qdisc add htb help", "qdisc htb"),
        ("class add htb help", "class htb"),
    ],
)
def test_help_is_known_everywhere(line: str, topic: str) -> None:
    with pytest.raises(HelpRequested) as request:
        parse(line)
    assert request.value.topic == topic
    assert topic in topics()


def test_every_topic_has_a_text() -> None:
    for topic in topics():
        assert usage(topic).startswith("Usage: ")
        assert usage(topic).endswith("\n")


def test_show_and_get() -> None:
    assert parse("filter show dev em1 ingress pref 3") == ShowFilters(FilterSelector("em1", INGRESS, 3))
    assert parse("filter") == ShowFilters(FilterSelector())
    assert parse("filter get dev em1 ingress protocol all pref 1 handle 2 bpf") == GetFilter(
        FilterSelector("em1", INGRESS, 1, 3, None, "2"), "bpf"
    )


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("-s -d filter", Options(statistics=True, details=True)),
        ("-stat -details", Options(statistics=True, details=True)),
        ("-j -p", Options(json=True, pretty=True)),
        ("--json --pretty", Options(json=True, pretty=True)),
        ("-V", Options(version=True)),
        ("-h", Options(help=True)),
        ("--help", Options(help=True)),
        ("-n blue filter", Options(netns="blue")),
        ("-netns blue", Options(netns="blue")),
    ],
)
def test_options_before_the_object(words: str, options: Options) -> None:
    found, rest = parse_options(words.split())
    assert found == options
    assert rest == (["filter"] if "filter" in words else [])


def test_the_word_tc_in_front_of_the_options_is_left_out() -> None:
    assert parse_options(["tc", "-s", "tcx"]) == (Options(statistics=True), ["tcx"])


@pytest.mark.parametrize("option", ["-n", "-conf", "--install-alias", "-b"])
def test_an_empty_name_is_not_the_usual_one(option: str) -> None:
    with pytest.raises(PytcError, match='""') as refused:
        parse_options([option, "", "qdisc"])
    assert exit_status(refused.value) == (1 if option == "-b" else 255)


@pytest.mark.parametrize("words", ["-x", "-", "--", "-jx", "-n"])
def test_unknown_options(words: str) -> None:
    with pytest.raises(UsageError):
        parse_options([words])


TABLE = (Word("same", "a", unsigned(9)), Word("sample", "b"), Word("sort", "c", exact=True))


def test_the_first_row_that_matches_wins() -> None:
    assert fill(Cursor(["sa", "1"]), TABLE, {}, topic="t") == {"a": 1}
    assert fill(Cursor(["samp"]), TABLE, {}, topic="t") == {"b": True}


def test_reading_stops_at_the_first_word_that_is_not_in_the_table() -> None:
    cursor = Cursor(["sort", "so", "x"])
    assert fill(cursor, TABLE, {}, topic="t") == {"c": True}
    assert cursor.rest() == ["so", "x"]


@pytest.mark.parametrize("words", [["same"], ["same", "1", "same", "2"], ["sample", "sample"], ["same", "10"]])
def test_missing_double_and_wrong_values(words: list[str]) -> None:
    with pytest.raises(UsageError):
        fill(Cursor(words), TABLE, {}, topic="t")


@pytest.mark.parametrize(("word", "number"), [("0", 0), ("12", 12), ("0x1f", 31), ("010", 8), ("0X1F", 31)])
def test_numbers_as_strtoul_reads_them(word: str, number: int) -> None:
    assert unsigned(100)(word) == number


@pytest.mark.parametrize("word", ["1_0", " 1", "1\n", "\uff11", "0b1", "0o7", "08", ""])
def test_words_that_only_python_reads_as_numbers(word: str) -> None:
    with pytest.raises(ValueError):
        unsigned(0xFF)(word)


@given(st.text())
def test_a_number_is_a_number_or_a_value_error(word: str) -> None:
    try:
        assert 0 <= unsigned(0xFFFF)(word) <= 0xFFFF
    except ValueError:
        pass


WORDS = st.lists(
    st.one_of(
        st.sampled_from(
            "filter qdisc class add del show get dev em1 ingress egress root parent 1: handle 5 pref prio protocol ip "
            "chain bpf obj f.o sec x da help bytecode 1,6_0_0_0 flowid 1:1 htb rate 1mbit default clsact classid ceil "
            "burst 15k fd m:x skip_hw action police export verbose run".split()
        ),
        st.text(max_size=8),
    ),
    max_size=12,
)


@given(WORDS)
def test_any_words_give_a_command_or_a_clean_error(words: list[str]) -> None:
    try:
        _, rest = parse_options(words)
        parse_words(rest)
    except PytcError as error:
        assert exit_status(error) in (0, 1, 255)


def test_a_namespace_without_a_name_is_not_this_one() -> None:
    with pytest.raises(UsageError, match="netns"):
        parse_options(["-n", "", "qdisc", "show"])


def test_a_parameter_without_a_value() -> None:
    with pytest.raises(PytcError, match='Illegal "set": "counting" is not NAME=VALUE'):
        parse_words("filter add dev em1 ingress bpf obj f.o set counting".split())
