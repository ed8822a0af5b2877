"""System calls that fail, or that a signal meets, by strace: what becomes of a command then.

>>> baseline = trace(words, env)
>>> for call in baseline.calls:
...     outcome = trace(words, env, Fault(call, "error=ENOMEM")).outcome
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.processes import PYTC, ROOT, SOURCE, Outcome, cannot

#: System calls that commands make, and Python hardly for itself.
NAMES = (
    *("bpf", "socket", "bind", "connect", "listen", "accept4", "setsockopt", "getsockopt", "sendto", "sendmsg"),
    *("recvfrom", "recvmsg", "poll", "mkdir", "rmdir", "symlink", "unlink", "rename", "flock", "statfs", "fchmod"),
    *("chown", "chmod", "write", "openat", "newfstatat", "lstat", "readlink", "execve"),
)
#: Of calls that only look at something, one of the same is enough.
_QUESTIONS = ("newfstatat", "lstat", "readlink", "statfs")
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
#: What Python and the C library look at, without which a command cannot begin.
_FOREIGN = re.compile(
    r"\.py|/lib|/usr/|pyvenv|/\.venv|/etc/ld|/src/pytc|/src\"|AT_EMPTY_PATH|O_NONBLOCK\|O_CLOEXEC\|O_DIR"
)
_STARTED = "pytc/cli/main"


class Call(NamedTuple):
    """A system call: its number among those of its name, from 1 on, and its arguments as strace shows them."""

    name: str
    number: int
    arguments: str


class Fault(NamedTuple):
    """What becomes of a call: ``error=ENOMEM``, or ``signal=SIGTERM``, which it meets; of all from it on that have its
    name, where the fault ``lasts``."""

    call: Call
    what: str
    lasts: bool = False

    def __str__(self) -> str:
        return f"{self.call.name}#{self.call.number} {self.what} {self.call.arguments[:60]}"


class Trace(NamedTuple):
    """The outcome of a command, its own calls, and whether the fault took place."""

    outcome: Outcome
    calls: list[Call]
    is_met: bool


def trace(words: Sequence[str], env: Mapping[str, str], fault: Fault | None = None, *, input: str = "") -> Trace:
    """Run pytc below strace, with one fault."""
    if shutil.which("strace") is None:
        cannot("strace is not installed")
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        names = ",".join(NAMES) if fault is None else fault.call.name
        inject = []
        if fault is not None:
            when = f"{fault.call.number}{'+' * fault.lasts}"
            inject = ["-e", f"inject={fault.call.name}:{fault.what}:when={when}"]
        done = subprocess.run(
            ["strace", "-f", "-qq", "-s", "200", "-o", str(log), "-e", f"trace={names}", *inject, *PYTC, *words],
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **SOURCE, **env},
            cwd=ROOT,
        )
        text = log.read_text(errors="replace")
    is_met = any(mark in text for mark in ("INJECTED", "--- SIG", "+++ killed"))
    return Trace(Outcome(done.returncode, done.stdout, done.stderr), _calls(text), is_met)


def _calls(log: str) -> list[Call]:
    """Return the calls that a command made itself, once it had begun."""
    calls: list[Call] = []
    counts: Counter[str] = Counter()
    has_begun, asked = False, set[tuple[str, str]]()
    for line in log.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        name, arguments = match[2], match[3]
        counts[name] += 1
        has_begun = has_begun or _STARTED in arguments
        if not has_begun or _FOREIGN.search(arguments) or f'"{ROOT}"' in arguments:
            continue
        if name in _QUESTIONS and (name, arguments) in asked:
            continue
        asked.add((name, arguments))
        calls.append(Call(name, counts[name], arguments))
    return calls
