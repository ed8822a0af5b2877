"""Runs commands inside a namespace, one at a time, in a process that stays: ``python -m tests.compat.stepping``.

It reads lists of words, one JSON value a line, and writes [status, stdout, stderr] for each. A list that begins with
``pytc`` is run in this process, because Python is slow to start; any other is a command to run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.compat.runner import run

_SECONDS = 120


def execute(words: list[str]) -> tuple[int, str, str]:
    if words[0] == "pytc":
        return run(words[1:])
    done = subprocess.run(words, text=True, capture_output=True, timeout=_SECONDS, check=False,
                          stdin=subprocess.DEVNULL, errors="surrogateescape")
    return done.returncode, done.stdout, done.stderr


if __name__ == "__main__":
    requests, sys.stdin = sys.stdin, open(os.devnull)  # noqa: SIM115 (until the end)
    for line in requests:
        sys.stdout.write(json.dumps(execute(json.loads(line))) + "\n")
        sys.stdout.flush()
