"""The command ``pytc`` in a child of this process, without a new interpreter: that takes half a second in a guest."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

_SECONDS = 180


def run_pytc(words: tuple[str, ...], env: dict[str, str], cwd: Path | None) -> tuple[int, str, str]:
    """Return the exit status, as subprocess has it, the output and the errors; ``env`` is added to the environment."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            _command(words, env, cwd, output.fileno(), errors.fileno())
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
        return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def _command(words: tuple[str, ...], env: dict[str, str], cwd: Path | None, output: int, errors: int) -> NoReturn:
    """Be the command; the child of a fork never comes back into the test."""
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
