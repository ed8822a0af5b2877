"""The click application: the same commands, and completion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pytc.cli.application import application, following
from pytc.grammar.command_line import OBJECTS
from tests.conftest import ROOT


def complete(line: str) -> list[str]:
    """What a shell would offer for the last word of a line."""
    words = line.split(" ")
    env = {**os.environ, "_PYTC_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
           "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-m", "pytc"], env=env, capture_output=True, text=True, check=False,
                          timeout=60)
    return [offer.partition(",")[2] for offer in done.stdout.split()]


@pytest.mark.parametrize(("line", "offered"), [
    ("pytc fi", "filter"), ("pytc filter a", "add"), ("pytc filter add in", "ingress"),
    ("pytc filter add dev l", "lo"), ("pytc filter add dev lo ingress b", "bpf"),
    ("pytc filter add dev lo ingress bpf obj", "object-file"), ("pytc qdisc add dev lo h", "htb"),
    ("pytc filter add dev lo ingress u32 ma", "match"), ("pytc chain a", "add"), ("pytc chain add bl", "block"),
])
def test_completion_offers_what_can_follow(line: str, offered: str) -> None:
    assert offered in complete(line)


def test_a_word_that_was_said_is_not_offered_again() -> None:
    assert "chain" in following("filter", ["add"])
    assert "chain" not in following("filter", ["add", "chain", "3"])


@pytest.mark.parametrize(("words", "status", "said"), [
    ([], 0, "Usage: pytc"), (["filter", "help"], 0, "Usage: pytc filter"), (["filter", "bogus"], 255, ""),
])
def test_the_commands_are_those_of_main(words: list[str], status: int, said: str) -> None:
    result = CliRunner().invoke(application, words)
    assert result.exit_code == status
    assert said in result.output


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_has_words_to_offer(name: str) -> None:
    verbs = following(name, [])
    assert verbs
    for verb in verbs:
        assert isinstance(following(name, [verb]), list)


def test_kinds_of_actions_are_offered() -> None:
    assert {"bpf", "gact", "mirred", "drop", "pass"} <= set(following("actions", ["add", "action"]))
    assert "drop" not in following("actions", ["get", "action"])
