"""Runs many pytc commands in one process: ``python -m tests.compat.runner``, which reads lists of words, one JSON
value a line, and writes [status, stdout, stderr] for each."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from pytc.cli.main import main


def run(words: list[str]) -> tuple[int, str, str]:
    """(status, stdout, stderr) of a command; an exception that gets out is a status of its own."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except Exception as error:
            status = -1
            sys.stderr.write(f"Traceback: {error!r}")
    return status, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
        sys.stdout.flush()
