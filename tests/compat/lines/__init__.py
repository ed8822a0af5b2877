"""Command lines to compare tc and pytc with: tables of text, so that any suite can take them up.

A table has a case on each line: commands of ``qdisc``, ``class`` and so on, joined with ``;``, with ``D`` for the
device. ``[KIND ...]`` names the qdiscs that the kernel must have for the cases below it. ``#`` starts a comment.

A table of sessions has a command on each line, with options before the object, and ``[TITLE: KIND ...]`` at the start
of each session. ``! LINE => WORDS`` is one that tc refuses; WORDS are in pytc's message, which starts as that of tc
does, or differs from it on purpose: ``(own words)``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_OWN = " (own words)"


class Case(NamedTuple):
    """``kinds`` are qdiscs of the kernel; ``commands`` have their words. Of a case whose last command is wrong,
    ``named`` is in pytc's message."""

    kinds: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    named: str = ""

    def on(self, device: str) -> list[list[str]]:
        """The commands for a device."""
        return [[device if word == "D" else word for word in command] for command in self.commands]

    def __str__(self) -> str:
        return " ; ".join(" ".join(command) for command in self.commands)


class Step(NamedTuple):
    """One command of a session. ``wrong`` is one that tc refuses; then ``named`` is in pytc's message, which begins as
    that of tc does, unless it has ``own_words``."""

    line: str
    wrong: bool = False
    named: str = ""
    own_words: bool = False

    @property
    def shows(self) -> bool:
        """Whether it only shows something."""
        words = [word for word in self.line.split() if not word.startswith("-")]
        verb = words[1] if len(words) > 1 else "show"
        return "show".startswith(verb) or "list".startswith(verb) or verb in ("ls", "lst", "get", "dev")


class Session(NamedTuple):
    """``kinds`` are what the kernel must have for it."""

    title: str
    kinds: tuple[str, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.title


def cases(table: str) -> list[Case]:
    """All cases of the table NAME.txt."""
    kinds: tuple[str, ...] = ()
    found = []
    for line in (_HERE / f"{table}.txt").read_text().splitlines():
        if line.startswith("["):
            kinds = tuple(line.strip("[]").split())
        elif line and not line.startswith("#"):
            text, _, named = line.partition(" => ")
            found.append(Case(kinds, tuple(tuple(command.split()) for command in text.split(";")), named))
    return found


def sessions(table: str) -> list[Session]:
    """All sessions of the table NAME.txt."""
    found: list[Session] = []
    for line in (_HERE / f"{table}.txt").read_text().splitlines():
        if line.startswith("["):
            title, _, kinds = line.strip("[]").partition(": ")
            found.append(Session(title, tuple(kinds.split()), ()))
        elif line and not line.startswith("#"):
            found[-1] = found[-1]._replace(steps=(*found[-1].steps, _step(line)))
    return found


def _step(line: str) -> Step:
    text, _, named = line.partition(" => ")
    return Step(text.removeprefix("! "), text.startswith("! "), named.removesuffix(_OWN), named.endswith(_OWN))
