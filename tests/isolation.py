"""What keeps the tests of a run apart: signals, files that all processes build, the machine for one test alone."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def unignore_signals() -> None:
    """Give the processes that tests start the default action for signals that this process ignores.

    nohup ignores SIGHUP, a shell without job control SIGINT and SIGQUIT in its background jobs, and programs inherit
    that: "tc monitor" would never end. execve(2) sets what a process catches to the default, so catching them and
    doing nothing lets this process go on ignoring them.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def common_directory(factory: pytest.TempPathFactory) -> Path:
    """Return the directory that all processes of this run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def build_once(target: Path, build: Callable[[Path], object]) -> Path:
    """Build a file that other processes may want as well, unless it exists. It appears when it is complete."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as directory:
            part = Path(directory) / target.name
            build(part)
            part.replace(target)
    return target


@contextmanager
def machine(directory: Path, *, alone: bool) -> Iterator[None]:
    """Hold the machine together with other tests, or alone.

    Whoever waits holds the gate, so that those who share the machine cannot keep out the one who wants it alone.
    """
    with (directory / "gate").open("w") as gate, (directory / "machine").open("w") as held:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
