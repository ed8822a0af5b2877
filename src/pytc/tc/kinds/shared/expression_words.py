"""Words that go with tcpdump expressions."""

from __future__ import annotations

from pytc.words.engine import Word, choose

#: What a program with direct-action may return, as in pytc.cbpf.translate.
VERDICTS = {"ok": 0, "pass": 0, "drop": 2, "shot": 2, "stolen": 4, "trap": 8, "continue": -1}


def verdict(word: str) -> int:
    """Return the verdict of a program with direct-action, as a converter; raises ValueError."""
    name = choose(word, tuple(VERDICTS))
    if not name:
        raise ValueError(word)
    return VERDICTS[name]


def link_type(word: str) -> str:
    """Return libpcap's name of a link type, in capitals, as a converter; raises ValueError."""
    name = word.upper().removeprefix("DLT_")
    if not (name.isascii() and name.replace("_", "").isalnum()):
        raise ValueError(word)
    return name


#: In filters, behind the expression.
WORDS = (
    Word("dlt", "link_type", link_type, exact=True, wrong="link type"),
    Word("verdict", "verdict", verdict),
)
