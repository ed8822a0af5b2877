"""Every command and every snippet that the documentation shows is run."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import ROOT, run
from tests.shells import pytc_on_path

pytestmark = pytest.mark.kernel

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "bpf" / "README.md"]
#: Pages whose blocks follow one another: what one has made, the next one needs.
CONTINUED = ("tutorial.md", "firewall.md", "redirect.md", "shaping.md", "deployment.md")
#: Commands besides pytc, with the exit statuses that are right; nobody answers a ping.
OTHERS = {"ip": (0,), "clang": (0,), "ping": (0, 1)}
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


def sequence(page: Path) -> list[tuple[str, str]]:
    """Return the blocks of shell commands and of C, in the order of the page, with what follows the fence."""
    return re.findall(r"^```(sh|sh fails|c)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


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
    monkeypatch.setenv("PATH", f"{pytc_on_path(tmp_path)}:{os.environ['PATH']}")
    for kind, block in sequence(page):
        if kind == "c":
            save_source(block)
            continue
        if NEEDS_MODULES in block:
            continue
        if block.startswith("pytc filter add dev em1 ingress"):
            network.tc("qdisc", "add", "dev", "em1", "clsact")
        *shown, last = [command for command in commands(block) if command not in ELSEWHERE] or [""]
        for command in shown:
            run_command(network, command)
        if last:
            run_command(network, last, fails=kind == "sh fails")
        if page.name not in CONTINUED and "ip link add" not in block:
            network.tc("qdisc", "del", "dev", "em1", "root")
            network.tc("qdisc", "del", "dev", "em1", "clsact")


def save_source(block: str) -> None:
    """Write a block of C that begins with the name of its file to that file."""
    name = re.match(r"/\* (\w+\.c) \*/", block)
    if name is not None:
        Path(name[1]).write_text(block)


def run_command(network: Network, command: str, *, fails: bool = False) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        assert run(*words[:1], "-n", *words[1:]).status == 0, command
    elif words[0] in OTHERS:
        if command.startswith("ip link add em1"):  # the namespace has one already, whose peer is elsewhere
            network.execute("ip", "link", "del", "em1")
        outcome = network.execute("sh", "-c", command)
        assert outcome.status in OTHERS[words[0]], (command, outcome.err)
        if command == "ip link del em1":
            network.execute("ip", "link", "add", "em1", "type", "veth", "peer", "name", "em2")
            network.execute("ip", "link", "set", "em1", "up")
    else:
        assert words[0] == "pytc", f"nothing runs {command!r}"
        outcome = network.pytc(*words[1:])
        # Other tests have maps of that name, too, which may be gone again.
        several = re.match(r"there are \d+ maps .*?, with the ids ([\d, ]+):", outcome.err)
        for number in sorted(several[1].split(", "), key=int, reverse=True) if several else []:
            at = words.index("name")
            outcome = network.pytc(*words[1:at], "id", number, *words[at + 2 :])
            if outcome.status == 0:
                break
        assert (outcome.status == 0) != fails, (command, outcome.err)


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
