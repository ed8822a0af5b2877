"""Help texts taken apart: what is to be shown line by line, what explains a word, and what is running text."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TERM = re.compile(r"(\S+(?: \S+)*) {2,}(\S.*)")


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


Part = Verbatim | Item | Prose


def parts(text: str) -> Iterator[Part]:
    """What a help text consists of, in order."""
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
