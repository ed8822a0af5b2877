"""Names that a user gave: what a line of C assigns, dereferences, or passes by address."""

from __future__ import annotations

import re

_ASSIGNED = re.compile(r"(?:^|[\s*(,;])([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?=(?!=)")
_ARROW = re.compile(r"\b([A-Za-z_]\w*)\s*->")
_INDEXED = re.compile(r"\b([A-Za-z_]\w*)\s*\[([^\]]*)\]")
_STARRED = re.compile(r"\*\s*\(?(?:\([^()]*\*\)\s*)?\(?([A-Za-z_]\w*)")
_ADDRESS = re.compile(r"&\s*([A-Za-z_]\w*)\b(?!\s*\()")
_NO_CODE = re.compile(r'/\*.*?(?:\*/|$)|//.*$|"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS = frozenset(
    "if else for while do return switch case goto break continue sizeof struct union enum const volatile static inline "
    "void char short int long unsigned signed bool NULL true false".split()
)


def _code(line: str) -> str:
    """Return a line without its comments and strings, at the same columns."""
    return _NO_CODE.sub(lambda match: " " * len(match[0]), line)


def assigned_name(line: str) -> str:
    """Return the variable that a line assigns first; empty for none."""
    match = _ASSIGNED.search(_code(line))
    return match[1] if match and match[1] not in _KEYWORDS else ""


def dereferenced_names(line: str, column: int = 0) -> list[str]:
    """Return the variables that a line follows as pointers, those at or behind a column first."""
    found = [
        (match.start(1) + 1, match[1])
        for pattern in (_ARROW, _INDEXED, _STARRED)
        for match in pattern.finditer(_code(line))
        if match[1] not in _KEYWORDS
    ]
    found.sort(key=lambda pair: (pair[0] < column, pair[0]))
    return list(dict.fromkeys(name for _, name in found))


def index_expression(line: str) -> str:
    """Return what stands between the first brackets of a line; empty for none, and for a number."""
    match = _INDEXED.search(_code(line))
    return match[2].strip() if match and not match[2].strip().isdigit() else ""


def addressed_names(line: str) -> list[str]:
    """Return the variables whose address a line takes."""
    return list(dict.fromkeys(_ADDRESS.findall(_code(line))))


def words(line: str) -> list[str]:
    """Return the identifiers of a line, without keywords."""
    return [word for word in _WORD.findall(_code(line)) if word not in _KEYWORDS]
