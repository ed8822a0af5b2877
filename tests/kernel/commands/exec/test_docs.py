"""The sessions that docs/exec.md shows, line by line."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.kernel.bpf.support import loaded
from tests.kernel.commands.exec.test_graft import compiled
from tests.kernel.docs.test_docs import blocks
from tests.network import Network
from tests.processes import PYTC, ROOT, running
from tests.waiting import until

pytestmark = pytest.mark.kernel

PAGE = ROOT / "docs" / "exec.md"


class Terminals:
    """Runs the lines of a page: what waits for maps becomes a shell, and what is not pytc's goes into it."""

    def __init__(self, network: Network, directory: Path) -> None:
        self._network = network
        self._directory = directory
        self._stack = ExitStack()
        self._shell: subprocess.Popen[str] | None = None

    def run(self, line: str) -> str:
        line = line.replace("/run/bpf.sock", f"{self._directory}/sock").replace(
            "/run/pytc/maps", f"{self._directory}/maps"
        )
        words = line.split()
        if words[0] != "pytc":
            return self._in_shell(line)
        if words[-1] == "&" or (words[1:4] == ["exec", "bpf", "import"] and len(words) == 5):
            self._shell = self._start(words[1:], self._shell)
            return ""
        return self._network.ok(*words[1:])

    def _start(self, words: list[str], shell: subprocess.Popen[str] | None) -> subprocess.Popen[str] | None:
        """Begins what goes on; returns the shell that it will be."""
        background = words[-1] == "&"
        process = self._stack.enter_context(running(*PYTC, *(words[:-1] if background else words)))
        path = Path(words[3] + ".control" if background else words[3])
        until(path.exists, "the socket")
        return shell if background else process

    def _in_shell(self, line: str) -> str:
        assert self._shell is not None and self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(f"{line}\necho end-of-command\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, "end-of-command\n"))

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def terminals(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminals]:
    assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
    monkeypatch.chdir(ROOT)
    made = Terminals(network, tmp_path)
    yield made
    made.close()


def parsed(block: str) -> list[tuple[str, str]]:
    """(command, output) pairs of a console block."""
    parts = re.split(r"^# (.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def comparable(text: str) -> str:
    """Return a text with placeholders for all that differs from run to run."""
    text = re.sub(r"\w{3} +\d+ \d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", text)
    text = re.sub(r"process \d+|map \d+$", "N", text, flags=re.MULTILINE)
    return re.sub(r"(=|DATE )\d+\b", r"\1FD", text).replace("BPF_NUM_MAPS=FD", "BPF_NUM_MAPS")


def test_the_sessions(terminals: Terminals, bpffs: Path, build: Compiler, tmp_path: Path) -> None:
    source = (ROOT / "tests/objects/legacy_tail.c").read_text()
    tail = compiled(tmp_path, source.replace(".id		= JMP_ID,", ".id = JMP_ID, .pinning = PIN_GLOBAL_NS,"))
    with loaded(tail, bpffs, section="classifier"), loaded(build("drop"), bpffs) as other:
        other.program.pin(str(bpffs / "tc/other"))
        shown = [pair for block in blocks(PAGE, "console") for pair in parsed(block)]
        assert len(shown) > 10
        for command, output in shown:
            found = terminals.run(command.replace("obj bpf.o", f"obj {tail}"))
            if output:
                assert comparable(found) == comparable(output), command


def test_the_unit_names_words_that_exist() -> None:
    from pytc.commands.dispatch import parse_words
    from pytc.commands.exec.agent import ServeMaps

    unit = (ROOT / "docs/pytc-agent.service").read_text()
    start = re.search(r"^ExecStart=(\S+) (.*)$", unit, re.MULTILINE)
    assert start is not None and start.group(1) == "pytc"  # systemd looks for it where packages and pip put it
    assert parse_words(start.group(2).split()) == ServeMaps("/run/pytc/maps")
