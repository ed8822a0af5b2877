"""Hints that name the word that is wrong in a line, and what to type instead."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from docs.manual.words import SECTIONS, places
from pytc.cli.repairs import add_repair
from pytc.commands.dispatch import parse_words
from pytc.errors import PytcError
from tests.processes import pytc_here, refused


def hints(line: str) -> tuple[str, ...]:
    words = line.split()
    with pytest.raises(PytcError) as refused:
        parse_words(words)
    add_repair(refused.value, words)
    return refused.value.hints


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("filter show dev v0 ingress -j -s", 'options go before the object: "pytc -j -s filter show dev v0 ingress"'),
        ("qdisc add dev v0 root htb -n blue", 'options go before the object: "pytc -n blue qdisc add dev v0 root htb"'),
        ("filter add dev v0 ingres bpf da obj x.o", 'did you mean "ingress"?'),
        ("fliter show", 'did you mean "filter"?'),
        ("map dmup name counts", 'did you mean "dump"?'),
        ("qdisc add dev v0 root htb defualt 10", 'did you mean "default"?'),
        ("filter add dev v0 ingress bpf da obj x.o clasid 1:1", 'did you mean "classid"?'),
        ("map dmup", 'did you mean "dump"?'),
        ("filter show lo", '"dev" is missing: dev lo'),
        ("filter add lo ingress bpf da obj x.o", '"dev" is missing: dev lo'),
    ],
)
def test_a_line_that_would_be_right(line: str, hint: str) -> None:
    assert hints(line) == (hint,)


def test_words_are_quoted_where_the_shell_needs_it() -> None:
    error = PytcError("")
    add_repair(error, ["cbpf", "compile", "ip and tcp", "-j"])
    assert error.hints == ("options go before the object: \"pytc -j cbpf compile 'ip and tcp'\"",)


@pytest.mark.parametrize(
    "line",
    [
        "filter show bogus",
        "filter add dev v0 ingres bpf da obj x.o bogus",
        "filter show -x",
        "map get id 1 key -x y",
        "actions add action police rate 1mbit burst 10k burst 20k",
    ],
)
def test_nothing_is_guessed_that_would_be_wrong_as_well(line: str) -> None:
    assert not any(hint.startswith(("did you mean", '"dev"', "options go")) for hint in hints(line))


def test_each_way_to_run_a_line_has_them(tmp_path: Path) -> None:
    batch = tmp_path / "lines"
    batch.write_text("fliter show\n")
    for words in (["fliter", "show"], ["-b", str(batch)], ["--atomic", "-b", str(batch)]):
        assert 'Hint: did you mean "filter"?\n' in pytc_here(*words).err


def test_a_batch_of_wrong_lines_is_not_slow(tmp_path: Path) -> None:
    batch = tmp_path / "lines"
    batch.write_text("filter add dev v0 ingres bpf da obj x.o\n" * 2000)
    before = time.process_time()
    assert refused("-force", "-b", batch).count("did you mean") == 10
    assert time.process_time() - before < 10


@pytest.mark.parametrize(
    ("line", "word", "hint"),
    [
        ("bpf da sec tc obj x.o", "sec", '"section" goes behind the object file: object-file FILE section ...'),
        ("bpf da verb obj x.o", "verb", '"verbose" goes behind the object file: object-file FILE verbose ...'),
        ("bpf da tag 11", "tag", "a loaded program is attached by id NUMBER, name NAME or object-pinned PATH"),
        ("bpf da file x.o", "file", '"file" is not an ELF file'),
        ("bpf da program f obj x.o", "program", '"program" goes behind the object file'),
        ("bpf da set n=1 flowid 1:1 obj x.o", "set", '"set" goes behind the object file'),
        ("u32 match u32 0 0 action bpf sec tc obj x.o", "sec", '"section" goes behind the object file'),
        ("u32 match u32 0 0 action bpf tag 11", "tag", "a loaded program is attached by id NUMBER"),
        ("bpf da x.c sec tc da bogus", "x.c", '"x.c" is not an ELF file'),
    ],
)
def test_the_word_in_the_place_of_the_program_is_blamed(line: str, word: str, hint: str) -> None:
    message = refused("filter", "add", "dev", "lo", "ingress", *line.split())
    assert message.startswith(f'What mode is "{word}"?\nHint: ')
    assert hint in message


def test_options_in_a_line_of_a_batch_are_those_of_the_batch(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("tc -s qdisc show dev lo\n")
    assert 'Hint: options are those of the whole batch: "pytc -s -b FILE"\n' in refused("-b", tmp_path / "lines")


#: Words that are short for others, which are offered, and one behind which anything may stand.
_NOT_OFFERED = {"pref", "prio", "since"}
_NEEDS_FILE = {"FILE", "CODE", "PIN", "PATH", "NEW", "NAME", "EMPTY"}
_SHORTEST = 4


@pytest.mark.parametrize("section", [section for section in SECTIONS if section != "Options"])
def test_each_word_of_each_kind_is_known_misspelt(section: str) -> None:
    """The last two letters change places; a third of the words, and others of each kind."""
    lines = [(place, entry) for place in places(section) for entry in place.entries if len(entry.word) >= _SHORTEST]
    for place, entry in lines[::3]:
        misspelt = f"{entry.word[:-2]}{entry.word[-1]}{entry.word[-2]}"
        words = [*place.beginning, misspelt, *entry.rest]
        if misspelt == entry.word or entry.word in _NOT_OFFERED or _NEEDS_FILE & set(words):
            continue
        with pytest.raises(PytcError) as caught:
            parse_words(words)
        add_repair(caught.value, words)
        assert any("did you mean" in hint for hint in caught.value.hints), words
