"""Deleting, showing, listing and flushing with the words of every kind: what tc takes, finds and prints, pytc does."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from docs.manual.words import places
from tests.compat.stepping import TC
from tests.network import Network
from tests.processes import PYTC

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

_FAILED = re.compile(r"^Command failed -:(\d+)$", re.MULTILINE)
_NEEDS_FILE = {"FILE", "CODE", "PIN", "PATH", "NEW", "NAME", "EMPTY"}
VERBS = {
    "Qdiscs": ("del {words}",),
    "Classes": ("del {words}", "show {words}"),
    "Filters": ("del {words}", "show {words}"),
    "Actions": (
        "list {words}",
        "list action {kind} index 100",
        "flush action {kind}",
        "get action {kind} index 100",
        "delete action {kind} index 100",
    ),
}


def lines(section: str) -> list[str]:
    """Return a line with each word that the oldest and the newest tc have, and each verb."""
    found: dict[str, None] = {}
    for place in places(section):
        for entry in place.entries:
            words = place.line(entry)
            if _NEEDS_FILE & set(words) or entry.since or place.since:
                continue
            rest = " ".join(f"'{word}'" if " " in word or "(" in word else word for word in words[2:])
            for verb in VERBS[section]:
                found[f"{words[0]} {verb.format(words=rest, kind=place.kind)}"] = None
    return [*found]


def batch(network: Network, program: tuple[str, ...], commands: list[str]) -> tuple[list[int], str]:
    """Return the numbers of the lines that fail, and what all print."""
    done = subprocess.run(
        ["ip", "netns", "exec", network.name, *program, "-force", "-batch", "-"],
        input="".join(f"{line}\n" for line in commands),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **network.env},
        timeout=120,
    )
    return [int(number) for number in _FAILED.findall(done.stderr)], done.stdout


@pytest.mark.parametrize("section", VERBS)
def test_each_word(network: Network, section: str) -> None:
    commands = lines(section)
    assert len(commands) > 10
    failed, printed = batch(network, (TC,), commands)
    assert max(failed, default=0) > len(commands) // 2, "tc went through all lines"
    mine, shown = batch(network, PYTC, commands)
    assert [commands[number - 1] for number in mine] == [commands[number - 1] for number in failed]
    assert shown.split() == printed.split()
