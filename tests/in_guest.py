"""The command ``pytc`` without a new interpreter, which takes half a second to start in a guest."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NoReturn

_SECONDS = 180
#: Commands that become other programs, or end by a signal.
_APART = ("exec", "monitor")


def run_pytc(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> tuple[int, str, str]:
    """Return the exit status, as subprocess has it, the output and the errors; ``env`` is added to the environment."""
    return (_in_child if any(word in words for word in _APART) else _in_process)(words, env, cwd)


def _in_process(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> tuple[int, str, str]:
    """Call the command in this process: even a child costs a fifth of a second there."""
    from pytc.cli.main import main

    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with _surroundings(env, cwd), redirect_stdout(output), redirect_stderr(errors):
        status = main(words)
    texts = []
    for stream in (output, errors):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        texts.append(stream.buffer.getvalue().decode())
    return status, texts[0], texts[1]


@contextmanager
def _surroundings(env: Mapping[str, str], cwd: Path | None) -> Iterator[None]:
    """Set what a process of its own would get, for a while."""
    before, place, stdin = dict(os.environ), os.getcwd(), sys.stdin
    os.environ.update(env)
    if cwd is not None:
        os.chdir(cwd)
    try:
        with open(os.devnull) as sys.stdin:
            yield
    finally:
        sys.stdin = stdin
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


def _in_child(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            _be_command(words, env, cwd, output.fileno(), errors.fileno())
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
        return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def _be_command(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None, output: int, errors: int) -> NoReturn:
    """Run the command; the child of a fork never comes back into the test."""
    status = 1
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.closerange(3, 4096)  # as a new interpreter does not have them
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        os.environ.update(env)
        if cwd is not None:
            os.chdir(cwd)
        signal.alarm(_SECONDS)
        sys.argv = ["pytc", *words]
        from pytc.cli.main import console

        console()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
