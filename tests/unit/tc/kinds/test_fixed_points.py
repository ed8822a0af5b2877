"""For every kind, words -> request -> show -> words reaches a fixed point: the kernel is left out.

tests/vm/tc/kinds/test_fixed_points.py does the same with the kernel and the real tc.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytc.cli.main import main
from pytc.tc.kinds.shared.shown_words import words_of
from tests.fixed_points import lines, readable_kinds
from tests.tiers import examples

_OPTIONS = "\toptions: "
#: How often words may change: numbers are rounded once.
_ROUNDS = 3
#: Requests of these show nothing: the kernel fills in what is shown.
_SILENT = ("ets",)


def _shown(words: list[str]) -> str | None:
    """Return what show would print of the options, None where the words are refused."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        status = main(["--dry-run", *("lo" if word == "em1" else word for word in words)])
    if status:
        return None
    return next((line.removeprefix(_OPTIONS) for line in out.getvalue().splitlines() if line.startswith(_OPTIONS)), "")


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        (section, kind)
        for section in ("Qdiscs", "Classes", "Filters")
        for kind in readable_kinds(section)
        if kind not in _SILENT
    ],
)
@settings(max_examples=examples(0.4))
@given(data=st.data())
def test_what_is_shown_makes_itself(section: str, kind: str, data: st.DataObject) -> None:
    words = data.draw(lines(section, kind))
    shown = _shown(words)
    assume(shown)
    beginning = words[: words.index(kind) + 1]
    texts = [shown]
    for _ in range(_ROUNDS):
        again = _shown([*beginning, *words_of(kind, str(texts[-1]))])
        assert again is not None, (words, texts)
        if again == texts[-1]:
            return
        texts.append(again)
    raise AssertionError((words, texts))
