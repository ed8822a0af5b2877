"""Help texts taken apart: grammar that is shown line by line, words with an explanation, and running text."""

from __future__ import annotations

import re

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TERM = re.compile(r"(\S+(?: \S+)*) {2,}(\S.*)")
#: A line of grammar that goes on with the line before it, and stands below its words.
_CONTINUED = re.compile(r" {8,}(?![| ]|pytc )")
_LEAST_FILLED = 0.3


class Verbatim(NamedTuple):
    """Lines to be shown as they are."""

    lines: list[str]


class Item(NamedTuple):
    """A word, or several, and what it means."""

    term: str
    text: str


class Prose(NamedTuple):
    """Running text."""

    text: str


if TYPE_CHECKING:
    Part = Verbatim | Item | Prose


def parts(text: str) -> Iterator[Part]:
    """The parts of a help text, in order."""
    for paragraph in text.strip("\n").split("\n\n"):
        found: list[Part] = []
        for line in paragraph.splitlines():
            _take(line, found)
        yield from found


def _take(line: str, found: list[Part]) -> None:
    """Adds a line to the last part, or as a new one."""
    last = found[-1] if found else None
    if line.startswith(" ") and isinstance(last, Item):
        found[-1] = last._replace(text=f"{last.text} {line.strip()}")
    elif line.startswith((" ", "Usage:", "where ")) or ":= " in line:
        if isinstance(last, Verbatim):
            last.lines.append(line)
        else:
            found.append(Verbatim([line]))
    elif term := _TERM.fullmatch(line):
        found.append(Item(term[1], term[2]))
    elif isinstance(last, Prose):
        found[-1] = Prose(f"{last.text} {line}")
    else:
        found.append(Prose(line))


def wrap_grammar(lines: list[str], width: int) -> Iterator[str]:
    """Yield lines of grammar that are no longer than ``width``, broken between brackets where that is possible."""
    for line in _joined(lines, width):
        indent = len(line) - len(line.lstrip(" "))
        if len(line) > width and not indent:
            indent = line.find(":= ") + 3 if ":= " in line[: width // 3] else 11 if line.startswith("Usage:") else 4
        elif line.startswith("       pytc "):
            indent = 11
        elif line[indent : indent + 1] == "|":
            indent += 2
        first, rest = "", line
        while len(rest) > width:
            at = _break(rest, width)
            first, rest = rest[:at], " " * indent + rest[at:].lstrip(" ")
            yield first.rstrip(" ")
        yield rest


def _joined(lines: list[str], width: int) -> Iterator[str]:
    """Yield lines with those that go on joined to them, where one of a group is too long for the width."""
    group: list[str] = []
    for line in [*lines, ""]:
        if group and line and _CONTINUED.match(line):
            group.append(line)
            continue
        if any(len(part) > width for part in group):
            yield " ".join([group[0], *(part.strip() for part in group[1:])])
        else:
            yield from group
        group = [line]


def _break(line: str, width: int) -> int:
    """Return where to break a line: outside of brackets, or in as few as possible; at the last such place."""
    depth, best, least = 0, 0, 0
    begun = len(line) - len(line.lstrip(" "))
    for at, character in enumerate(line[: width + 1]):
        if character == " " and at > begun + (width - begun) * _LEAST_FILLED:
            follows = line[at + 1 : at + 2]
            cost = depth * 2 + (follows not in "[{|")
            if not best or cost <= least:
                best, least = at, cost
        depth += (character in "[{") - (character in "]}")
    if best:
        return best
    at = line.rfind(" ", begun + 1, width + 1)
    return at if at > 0 else len(line)
