"""Commands that tests run: pytc, in a process of its own or in this one, and others.

In guests all are in this one: user-mode Linux needs 100 to 200 ms for a process of pytc's, even a forked one, and 1 ms
for what it does. Not those that have to have a process, by :func:`_can_be_here`.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from pytc.cli.command_line import parse_options
from pytc.cli.main import main
from pytc.errors import PytcError
from tests import forked

ROOT = Path(__file__).resolve().parent.parent
#: How pytc is started, wherever it is not installed.
PYTC = (sys.executable, "-m", "pytc")
#: The environment in which Python finds this checkout's pytc.
SOURCE = {"PYTHONPATH": str(ROOT / "src")}
MUST_RUN = bool(os.environ.get("PYTC_KERNEL_TESTS"))
IN_GUEST = bool(os.environ.get("PYTC_IN_VM"))


def cannot(reason: str) -> NoReturn:
    """Skip the test with a reason; fail it where PYTC_KERNEL_TESTS says that everything must run."""
    if MUST_RUN:
        pytest.fail(reason)
    pytest.skip(reason)


class Outcome(NamedTuple):
    """The exit status, standard output and standard error of a command."""

    status: int
    out: str
    err: str


def run(
    *words: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str = "",
    apart: bool = not IN_GUEST,
) -> Outcome:
    """Run a command, at most twenty minutes long: a busy machine takes its time for 10,000 qdiscs.

    With ``apart``, pytc has a process of its own: for what it says of other processes.
    """
    environment = {**os.environ, **(env or {})}
    if not apart and _can_be_here(words, environment):
        return _here(words[len(PYTC) :], environment, cwd or Path.cwd(), input)
    can_be_forked = forked.can_run(words, environment)
    if can_be_forked or IN_GUEST:
        kind = forked.PYTC if can_be_forked else forked.COMMANDS
        status, out, err = forked.run(words, environment, str(cwd or Path.cwd()), input=input, seconds=1200, kind=kind)
        return Outcome(status, out.decode(), err.decode())
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
        env=environment,
        cwd=cwd,
        input=input,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _can_be_here(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a command can run in this process: pytc, but for "exec bpf import", which may become another command.

    And not beside others: there is one environment, one directory, one standard output.
    """
    is_pytc = words[: len(PYTC)] == PYTC and forked.can_run(words, environment)
    if not is_pytc or threading.current_thread() is not threading.main_thread():
        return False
    try:
        _, rest = parse_options(words[len(PYTC) :])
    except PytcError:
        return True  # which the command says, too
    return not rest or not "exec".startswith(rest[0]) or "graft" in rest[:3]


def _here(words: Sequence[str], environment: Mapping[str, str], cwd: Path, input: str) -> Outcome:
    """Run ``pytc`` in this process as in one of its own: with files for its streams, its environment, its directory."""
    former_environment, former_streams = dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)
    for stream in former_streams[1:]:
        stream.flush()
    with ExitStack() as stack:
        directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, directory)
        stack.callback(os.fchdir, directory)
        files = [stack.enter_context(os.fdopen(os.memfd_create(name), "w+b")) for name in ("in", "out", "err")]
        files[0].write(input.encode())
        files[0].seek(0)
        for number, file in enumerate(files):
            former = os.dup(number)
            stack.callback(os.close, former)
            stack.callback(os.dup2, former, number)
            os.dup2(file.fileno(), number)
        stack.callback(_set_environment, former_environment)
        _set_environment(environment)
        os.chdir(cwd)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
            for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
        )
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except Exception:
            traceback.print_exc()
            status = 1
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdin, sys.stdout, sys.stderr = former_streams
        out, err = (os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in files[1:])
        return Outcome(status, out.decode(), err.decode())


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def must(*words: str) -> str:
    """Run a command of the test's own set-up, which has to work; return its output."""
    outcome = run(*words)
    assert outcome.status == 0, f"{' '.join(words)}: {outcome.err}"
    return outcome.out


def pytc(*words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, input: str = "") -> Outcome:
    """Run ``pytc`` as a command of its own, in this network namespace."""
    return run(*PYTC, *words, env={**SOURCE, **(env or {})}, cwd=cwd, input=input)


def pytc_here(*words: str | os.PathLike[str]) -> Outcome:
    """Run ``pytc`` in this process: for what looks into it, and in guests, where a process of its own takes long."""
    before = sys.stdout, sys.stderr
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape", write_through=True) for _ in before]
    sys.stdout, sys.stderr = streams
    try:
        status = main([os.fspath(word) for word in words])
    finally:
        sys.stdout, sys.stderr = before
    out, err = (stream.detach().getvalue().decode("utf-8", "surrogateescape") for stream in streams)
    return Outcome(status, out, err)


def printed(*words: str | os.PathLike[str], status: int = 0) -> str:
    """Run ``pytc`` in this process, which has to end with a status; return its output."""
    outcome = pytc_here(*words)
    assert outcome.status == status, f"pytc {words}: {outcome.err}"
    return outcome.out


def refused(*words: str | os.PathLike[str], status: int = 1) -> str:
    """Run ``pytc`` in this process, which has to fail without any output; return its error messages."""
    outcome = pytc_here(*words)
    assert (outcome.status, outcome.out) == (status, ""), f"pytc {words}: {outcome.err}"
    assert outcome.err and "Traceback" not in outcome.err
    return outcome.err


def json_of(*words: str | os.PathLike[str], status: int = 0) -> Any:
    """Run ``pytc -j`` in this process, which has to end with a status; return its output, parsed."""
    return json.loads(printed("-j", *words, status=status))


@contextmanager
def running(
    *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in the background, with its streams in pipes; it is killed at the end if it is still there."""
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **SOURCE, **(env or {})},
        cwd=cwd,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str], seconds: float = 30) -> Outcome:
    """Wait for a command that ends by itself."""
    out, err = process.communicate(timeout=seconds)
    return Outcome(process.returncode, out, err)
