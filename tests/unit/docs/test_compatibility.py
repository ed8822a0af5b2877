"""What ``make docs`` writes is what is in docs/, and what the parsers say."""

from __future__ import annotations

import re

import pytest

from docs.manual.compatibility import document
from docs.manual.words import ANY, SECTIONS, Entry, Place, places, supported, takes
from pytc.tc.kinds import actions, filters, qdiscs
from tests.processes import ROOT

EVERY = [(place, entry) for section in SECTIONS for place in places(section) for entry in place.entries]
OLD = 'run "make docs"'


def test_the_page_of_words_is_up_to_date() -> None:
    assert document() == (ROOT / "docs" / "compatibility.md").read_text(), OLD


def test_the_page_says_of_each_word_what_the_parser_says() -> None:
    """Read as a reader does: the second column is taken, the third refused."""
    rows: dict[str, tuple[set[str], set[str]]] = {}
    section = ""
    for line in document().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        if line.startswith("| `"):
            title, known, lacking, _ = (set(re.findall("`(.+?)`", cell)) for cell in line.strip("|").split("|"))
            rows[f"{section}: {title.pop()}"] = known, lacking
    for name in SECTIONS:
        for place in places(name):
            known, lacking = rows[f"{name}: {place.title}"]
            for entry in place.entries:
                assert (entry.word in known) != (entry.word in lacking), (place.title, entry.word)
                assert takes(place.line(entry)) or entry.word in lacking, place.line(entry)
                if " ".join(place.line(entry)) not in ANY:
                    assert not takes(place.line(entry, broken=True)), place.line(entry, broken=True)


def test_there_are_enough_words() -> None:
    assert len(EVERY) > 1000
    assert sum(supported(place, entry) for place, entry in EVERY) > 500


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("Qdiscs", qdiscs.names()),
        ("Filters", filters.names()),
        ("Actions", actions.names()),
    ],
)
def test_all_kinds_of_pytc_are_on_the_page_and_of_no_other_a_word(section: str, known: list[str]) -> None:
    named = {place.kind for place in places(section)}
    assert set(known) <= named
    with_words = {place.kind for place in places(section) for entry in place.entries if supported(place, entry)}
    assert with_words <= set(known)


def test_a_word_that_is_taken_because_any_is_does_not_count() -> None:
    """A kind of qdisc that pytc does not know is added without options, whatever its name."""
    place, entry = Place("qdisc", ("qdisc", "add", "dev", "em1", "root")), Entry("nosuchkind")
    assert takes(place.line(entry))
    assert not supported(place, entry)
