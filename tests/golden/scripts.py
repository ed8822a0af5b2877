"""The record of a file in tests/golden/commands, whose lines are:

- ``[TITLE]`` begins a namespace of its own.
- ``COMMAND`` is run, its words split as a shell does; ``NAME=VALUE`` before it is in its environment.
- ``* COMMAND`` is run once more with ``-j``; it changes nothing, and reads no standard input.
- ``| TEXT`` below a command is a line of its standard input.
- ``& COMMAND`` runs in a process of its own. Of the last one that was started, ``until TEXT`` waits for a text in its
  output, ``interrupt`` sends it SIGINT, and ``wait`` records what it did.
- ``$ COMMAND`` is for the shell, and has to succeed; what it prints is recorded.
- ``# TEXT`` is a comment.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.golden import machine
from tests.golden.blocks import block, printed
from tests.golden.pytc_process import Process, Runner
from tests.golden.rules import without_variations

COMMANDS = Path(__file__).parent / "commands"
_SECONDS = 60


def script_record(runner: Runner, path: Path) -> Iterator[str]:
    """The lines of the record."""
    lines = path.read_text().splitlines()
    background: list[tuple[str, Process]] = []
    for number, line in enumerate(lines):
        first, _, rest = line.partition(" ")
        if not line or first in ("#", "|"):
            continue
        if line.startswith("["):
            yield line
            machine.renew()
        elif first == "$":
            yield f"$ {rest}"
            yield from _shell(rest)
        elif first == "&":
            env, words = _words(rest)
            background.append((rest, runner.start(words, env=env)))
            yield f"& {rest}"
        elif first == "until":
            background[-1][1].wait_for(rest)
        elif line == "interrupt":
            background[-1][1].interrupt()
        elif line == "wait":
            command, process = background.pop()
            yield from block(f"(end of) {command}", process.wait())
        else:
            command = rest if first == "*" else line
            env, words = _words(command)
            stdin = _stdin(lines[number + 1 :])
            yield from block(command, runner.run(words, stdin=stdin, env=env), stdin=stdin)
            if first == "*":
                yield from block(f"-j {command}", runner.run(["-j", *words], env=env))
        yield ""


def _stdin(lines: list[str]) -> bytes:
    """The lines of standard input below a command."""
    text = []
    for line in lines:
        if not line.startswith("|"):
            break
        text.append(line[2:] + "\n")
    return "".join(text).encode()


def _words(command: str) -> tuple[dict[str, str], list[str]]:
    words = shlex.split(command)
    env = {}
    while words and re.match(r"[A-Z_]+\w*=", words[0]):
        name, _, env[name] = words.pop(0).partition("=")
    return env, words


def _shell(command: str) -> Iterator[str]:
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return printed("out", without_variations(done.stdout))
