"""Lines that differ in some values only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.batch import split_words
from pytc.errors import BatchError
from pytc.words.line_pattern import LinePattern, word_spans


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("a 1 b 2 c\n", ["1", "2"]),
        ("a 77 b  c\n", ["77", ""]),
        ("a 1 b 2 b 3 c\n", ["1", "2 b 3"]),
        ("a 1 b 2 c", None),
        ("a 1 b 2 c\nd\n", None),
        ("a 1 B 2 c\n", None),
        (" a 1 b 2 c\n", None),
        ("a 1", None),
        ("", None),
    ],
)
def test_values_of_a_line(line: str, values: list[str] | None) -> None:
    assert LinePattern("a 10 b 20 c\n", [(2, 4), (7, 9)]).values(line) == values


def test_a_line_without_gaps_has_no_other_like_it() -> None:
    pattern = LinePattern("a b\n", [])
    assert (pattern.values("a b\n"), pattern.values("a b\n\n"), pattern.values("a ")) == ([], None, None)


@given(st.text("ab '\"\t\n", max_size=20), st.data())
def test_words_are_where_their_spans_are(text: str, data: st.DataObject) -> None:
    try:
        words = split_words(text)
    except BatchError:
        return
    spans = word_spans(text, words)
    if spans is None:
        assert "\n" in text
        return
    assert [text[start:end] for start, end in spans] == words
    chosen = [span for span in spans if data.draw(st.booleans())]
    values = [text[start:end] for start, end in chosen]
    if text.endswith("\n") and all(map(str.isalnum, values)):
        assert LinePattern(text, chosen).values(text) == values


@pytest.mark.parametrize("text", ["tc a b\n", "/opt/a/tc a b\n", "a,b\n", "b a\n", "", "a\n"])
def test_words_that_are_not_the_text(text: str) -> None:
    """The first word of a line may be left out."""
    spans = word_spans(text, ["a", "b"])
    assert spans == ([(3, 4), (5, 6)] if text == "tc a b\n" else None)
