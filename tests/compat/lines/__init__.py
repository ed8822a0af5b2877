"""Command lines to compare tc and pytc with: tables of text, so that any suite can take them up.

A table is a list of sessions. ``[TITLE: KIND ...]`` begins one, with the kinds of qdiscs, filters and actions that the
kernel must have for it, and other needs, like ``tc:7.3``, or ``old_tc`` for what the newest tc has dropped; then each
line is a step:

- ``COMMAND``, with options before the object, is done after those above it, on the devices em1 to em4.
- ``COMMAND ; COMMAND ; ...`` are done one after another, and compared after the last one.
- A line with the word ``D`` has a device of its own, called D, and has nothing to do with those above it.
  ``each: COMMAND ; ...`` are done with each such device of the session first.
- ``! COMMAND => WORDS`` is refused by tc. WORDS are in pytc's message, which begins as that of tc does, or differs from
  it on purpose: ``WORDS (own words)``. ``WORDS || WORDS`` are of different kernels.
- ``@NEED,NEED COMMAND`` is only for kernels that meet the needs (tests/needs.py).
- ``send D`` sends some packets out of a device.

``_`` stands for the blanks inside bytecode, quotation marks of either sort make one word, ``#`` starts a comment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pytc.tc.kinds import actions, filters, qdiscs
from tests.toolchains import old_tc

_HERE = Path(__file__).parent
_OWN = " (own words)"
#: Kinds that all kernels have: sessions with any other are for guests, too.
EVERYWHERE = frozenset(
    "htb tbf pfifo bfifo pfifo_head_drop pfifo_fast mq noqueue ingress clsact u32 bpf mirred".split()
)
#: Kinds of filters and actions whose options pytc does not know; of qdiscs it knows those that it has a module for.
_OTHERS = {"nat": "action", "pedit": "action"}


def _family(kind: str) -> str:
    if kind.startswith("act_") or (kind in actions.names() and kind != "bpf"):
        return "action"
    return "filter" if kind in filters.names() else _OTHERS.get(kind, "qdisc")


def _is_known(kind: str) -> bool:
    found = {"action": actions, "filter": filters, "qdisc": qdiscs}[_family(kind)]
    return kind.removeprefix("act_") in found.names()


class Step(NamedTuple):
    """The last of ``commands`` is what it is about. ``wrong`` is one that tc refuses; then ``named`` is in pytc's
    message, which begins as that of tc does, unless it has ``own_words``."""

    commands: tuple[str, ...]
    wrong: bool = False
    named: str = ""
    own_words: bool = False
    needs: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """The commands that tc does not refuse."""
        return self.commands[:-1] if self.wrong else self.commands

    @property
    def has_device(self) -> bool:
        """Whether it has a device of its own."""
        return any("D" in command.split() for command in self.commands)

    @property
    def sends(self) -> bool:
        """Whether packets are sent: from then on, numbers are those of one namespace."""
        return any(command.startswith("send ") for command in self.commands)

    @property
    def changes(self) -> bool:
        """Whether it can change what is in the kernel."""
        verb = self._verb
        return not ("show".startswith(verb) or "list".startswith(verb) or verb in ("ls", "lst", "get", "dev"))

    @property
    def adds(self) -> bool:
        """Whether what was there before can be seen behind it, too."""
        return self.wrong or not self.changes or "add".startswith(self._verb)

    @property
    def _verb(self) -> str:
        words = [word for word in self.commands[-1].split() if not word.startswith("-")]
        return words[1] if len(words) > 1 else "show"

    def on(self, device: str, files: Mapping[str, str] | None = None) -> list[list[str]]:
        """The words of its commands; ``files`` stand for other words of the table."""
        return [words_of(command, {"D": device, **(files or {})}) for command in self.commands]

    def __str__(self) -> str:
        return " ; ".join(self.commands)


class Session(NamedTuple):
    """``kinds`` are what the kernel must have for it; ``each`` are commands for each device of a step's own."""

    title: str
    kinds: tuple[str, ...]
    each: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def of_the_kernel(self) -> list[str]:
        """Its kinds, without other needs."""
        return [kind for kind in self.kinds if ":" not in kind and kind != "old_tc"]

    @property
    def elsewhere(self) -> bool:
        """Whether it is for the VM."""
        return not EVERYWHERE.issuperset(self.kinds)

    @property
    def tc(self) -> str:
        """The tc that has its kinds."""
        return old_tc() if "old_tc" in self.kinds else "tc"

    @property
    def needs(self) -> tuple[str, ...]:
        """Its kinds in the words of tests/needs.py."""
        return tuple(
            kind if ":" in kind or kind == "old_tc" else f"{_family(kind)}:{kind.removeprefix('act_')}"
            for kind in self.kinds
        )

    @property
    def raw(self) -> bool:
        """Whether only the kernel's state is compared, and not what pytc shows of it."""
        return not all(map(_is_known, self.of_the_kernel))

    def __str__(self) -> str:
        return self.title


def words_of(line: str, names: Mapping[str, str] | None = None) -> list[str]:
    """Words at blanks that are not quoted; bytecode has its blanks, and some words stand for ``names``."""
    words = shlex.split(line) if '"' in line or "'" in line else line.split()
    return [(names or {}).get(word, word.replace("_", " ") if re.match(r"\d+,\d", word) else word) for word in words]


def sessions(table: str) -> list[Session]:
    """All sessions of the table NAME.txt."""
    found: list[Session] = []
    for line in (_HERE / f"{table}.txt").read_text().splitlines():
        if line.startswith("["):
            title, _, kinds = line.strip("[]").partition(": ")
            found.append(Session(title, tuple(kinds.split()), (), ()))
        elif line.startswith("each: "):
            found[-1] = found[-1]._replace(each=_commands(line.removeprefix("each: ")))
        elif line and not line.startswith("#"):
            found[-1] = found[-1]._replace(steps=(*found[-1].steps, _step(line)))
    return found


def all_sessions() -> list[Session]:
    """Return the sessions of all tables."""
    return [session for path in sorted(_HERE.glob("*.txt")) for session in sessions(path.stem)]


def steps(table: str) -> Iterator[Step]:
    """All steps of a table, whatever their session."""
    for session in sessions(table):
        yield from session.steps


def _commands(text: str) -> tuple[str, ...]:
    return tuple(command.strip() for command in text.split(" ; "))


def _step(line: str) -> Step:
    need, _, line = line.partition(" ") if line.startswith("@") else ("", "", line)
    text, _, named = line.partition(" => ")
    return Step(
        _commands(text.removeprefix("! ")),
        text.startswith("! "),
        named.removesuffix(_OWN),
        named.endswith(_OWN),
        tuple(need.removeprefix("@").split(",")) if need else (),
    )
