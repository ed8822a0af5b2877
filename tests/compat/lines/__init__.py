"""Command lines to compare tc and pytc with: tables of text, so that any suite can take them up.

A table has a case on each line: commands of ``qdisc``, ``class`` and so on, joined with ``;``, with ``D`` for the
device. ``[KIND ...]`` names the qdiscs that the kernel must have for the cases below it. ``#`` starts a comment.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent


class Case(NamedTuple):
    """``kinds`` are qdiscs of the kernel; ``commands`` have their words."""

    kinds: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]

    def on(self, device: str) -> list[list[str]]:
        """The commands for a device."""
        return [[device if word == "D" else word for word in command] for command in self.commands]

    def __str__(self) -> str:
        return " ; ".join(" ".join(command) for command in self.commands)


def cases(table: str) -> list[Case]:
    """All cases of the table NAME.txt."""
    kinds: tuple[str, ...] = ()
    found = []
    for line in (_HERE / f"{table}.txt").read_text().splitlines():
        if line.startswith("["):
            kinds = tuple(line.strip("[]").split())
        elif line and not line.startswith("#"):
            found.append(Case(kinds, tuple(tuple(command.split()) for command in line.split(";"))))
    return found
