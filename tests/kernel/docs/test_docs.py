"""Every command and every snippet that the documentation shows is run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import ROOT, run

pytestmark = pytest.mark.kernel

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "bpf" / "README.md"]
#: Commands that something else runs, and what.
ELSEWHERE = {
    "make test": "continuous integration runs it, and with it this test",
    "make demo": "test_demo runs what it runs",
    "make check": "a part of make test",
    "make test-all": "make test, and more of the same",
    "sudo env PYTHONPATH=src .venv/bin/python -m tests.golden": "it would write a new record",
    "git diff tests/golden/records": "it only shows",
    "make bench": "the script is run by test_bench",
    "python3 -m pip install .": "make test and make demo install the checkout",
}
#: What is in blocks that need more of a kernel than clsact, htb and cls_bpf: tests/vm/docs/test_docs.py runs them.
NEEDS_MODULES = " action bpf "


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """The commands of a block, continuation lines joined."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line.partition(" # ")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def inline_commands(page: Path) -> list[str]:
    """Commands in running text, like `make demo`."""
    return re.findall(r"`(make [a-z]+)`", page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_shown_command_works(
    network: Network, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory that looks like the checkout: what commands write stays out of that."""
    for path in ROOT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "sh"):
        if NEEDS_MODULES in block:
            continue
        if block.startswith("pytc filter add dev em1 ingress"):
            network.tc("qdisc", "add", "dev", "em1", "clsact")
        for command in commands(block):
            if command in ELSEWHERE:
                continue
            words = shlex.split(command)
            if words[0] == "make":
                assert run(*words[:1], "-n", *words[1:]).status == 0, command
                continue
            assert words[0] == "pytc", f"nothing runs {command!r}"
            outcome = network.pytc(*words[1:])
            assert outcome.status == 0, (command, outcome.err)
        network.tc("qdisc", "del", "dev", "em1", "root")
        network.tc("qdisc", "del", "dev", "em1", "clsact")


def test_make_targets_that_the_text_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for command in inline_commands(page):
            assert f"\n{command.split()[1]}:" in makefile, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_snippet_works(network: Network, page: Path) -> None:
    for snippet in blocks(page, "python"):
        outcome = run("ip", "netns", "exec", network.name, sys.executable, "-c", snippet, cwd=ROOT, env=network.env)
        assert outcome.status == 0, (snippet, outcome.err)
        assert outcome.err == ""
