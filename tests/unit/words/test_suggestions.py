"""Words that may have been meant."""

from __future__ import annotations

import pytest

from pytc.words.suggestions import nearest, suggestion

KINDS = ("hfsc", "htb", "cake", "cake_mq", "fq_codel")


@pytest.mark.parametrize(("word", "found"), [("hfcs", "hfsc"), ("hbt", "htb"), ("fqcodel", "fq_codel"), ("x", "")])
def test_the_nearest_name_is_suggested(word: str, found: str) -> None:
    assert nearest(word, KINDS) == ([found] if found else [])
    assert suggestion(word, KINDS, "none") == (f'did you mean "{found}"?' if found else "none")
