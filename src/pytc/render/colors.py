"""Colours of text: sorts of names, and of lines in texts that are made in one piece.

The parameters are those of SGR (ECMA-48), with the eight colours that every terminal has: the user's theme decides what
they look like. Bold ones are for dark backgrounds, as in iproute2. Yellow is left out: it cannot be read on white, and
few terminals tell their background.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from re import Match

#: SGR parameters of each sort, on a light and on a dark background.
COLORS: Mapping[str, tuple[str, str]] = {
    "device": ("36", "1;36"),
    "name": ("1", "1"),
    "error": ("1;31", "1;31"),
    "warning": ("1;35", "1;35"),
    "hint": ("1;34", "1;36"),
    "source": ("1", "1"),
    "good": ("32", "1;32"),
    "bad": ("31", "1;31"),
    "added": ("32", "1;32"),
    "removed": ("31", "1;31"),
}
_VERDICTS = r"(?:TC_ACT_)?(?:OK|PIPE|UNSPEC|RECLASSIFY|REDIRECT)|(?:TCX_|XDP_)?(?:NEXT|PASS|TX|REDIRECT)"
_REFUSALS = r"(?:TC_ACT_)?(?:SHOT|STOLEN)|(?:TCX_|XDP_)?(?:DROP|ABORTED)"
#: For texts in one piece: patterns, of which the first group is coloured, and its sort.
RULES: Mapping[str, Sequence[tuple[str, str]]] = {
    "findings": ((r": (error): ", "error"), (r": (warning): ", "warning"), (r": (note): ", "hint")),
    "code": ((r"^(; .*)$", "source"), (r"^(\S.*:)$", "name")),
    "test": (
        (r"(FAILED)\b", "error"),
        (r"^  (- .*)$", "removed"),
        (r"^  (\+ .*)$", "added"),
        (rf"^(?:packet \d+: )?({_VERDICTS})\b", "good"),
        (rf"^(?:packet \d+: )?({_REFUSALS})\b", "bad"),
    ),
    "error": (
        (r"\A(Error:|Warning:)", "error"),
        (r"\A(?!Error:|Warning:)(.*)$", "bad"),
        (r"^ *(Hint:|Reason:|Path:|Suggestion:|More:)", "hint"),
        (r"^ *(; .*)$", "source"),
        (r"^ +\d+ \| (.*)$", "source"),
        (r"^ *at (.+?:\d+(?::\d+)?)(?= in |: )", "name"),
        (r"^ +\| +(\^+)", "bad"),
        (r"(did you mean) ", "hint"),
    ),
    "remark": ((r"^(Warning:)", "warning"), (r"^(Note:)", "hint"), (r"^(; .*)$", "source")),
}


def colored(text: str, sort: str, colors: Mapping[str, str]) -> str:
    """Return text with the colours of its sort; ``colors`` are SGR parameters by sort of name."""
    if sort not in RULES:
        return f"\x1b[{colors[sort]}m{text}\x1b[0m" if sort in colors and text else text
    import re

    for pattern, of_group in RULES[sort]:
        if of_group in colors:
            text = re.sub(pattern, _Painter(colors[of_group]), text, flags=re.MULTILINE)
    return text


class _Painter:
    """Puts the first group of a match into a colour."""

    def __init__(self, parameters: str) -> None:
        self._parameters = parameters

    def __call__(self, match: Match[str]) -> str:
        whole, begin = match[0], match.start(1) - match.start()
        end = begin + len(match[1])
        return f"{whole[:begin]}\x1b[{self._parameters}m{whole[begin:end]}\x1b[0m{whole[end:]}"
