"""``LINE hold COMMAND``: what a line adds or attaches lasts as long as another command runs.

The line is carried out like an atomic batch of one, whose journal takes it back when the command has ended.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess

from pytc.bpf.loader.object_cache import ObjectCache
from pytc.cli import streams
from pytc.cli.command_line import HOLD
from pytc.cli.execute import Runner
from pytc.cli.output import say
from pytc.closing import Closing
from pytc.errors import AtomicError, PytcError, UsageError
from pytc.signal_blocks import defer_signals
from pytc.transaction.journal import Preflight
from pytc.transaction.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.cli.command_line import Options
    from pytc.commands.shared.command import Command

#: What attaches, and can be taken back; other verbs of that effect detach.
_ATTACHING = ("tcx.attach", "tcx.replace", "cgroup.attach", "netns.attach", "map.attach")
#: Exit statuses of shells for commands that a signal has ended begin here.
_SIGNALLED = 128
_PIECE = 512


def split_hold(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words of a line and those of the command behind its first ``hold``, which are empty without one.

    Raises UsageError where no command follows.
    """
    at = words.index(HOLD) if HOLD in words[1:] else len(words)
    if at == len(words) - 1:
        raise UsageError('which command? "hold COMMAND" stands at the end of a line')
    return [*words[:at]], [*words[at + 1 :]]


def run_held(options: Options, command: Command, words: Sequence[str]) -> int:
    """Carry out a line, run a command, and take back what the line did; returns the command's exit status, or 1 where
    something is left.

    Raises PytcError and what a signal raises, after the line has been taken back.
    """
    if options.dry_run:
        raise UsageError('"hold" does not go with --dry-run')
    with ObjectCache() as objects:
        _check(options, command, objects)
        with Runner(options, is_atomic=True, objects=objects) as runner, defer_signals() as arrived:
            journal, left = runner.journal, list[str]()
            assert journal is not None
            try:
                runner.run(command)
                streams.write("", flush=True)
                directory = journal.pin_lock.release()  # other commands are not to wait for this one
                try:
                    status = _run(words, arrived)
                finally:
                    if directory:
                        journal.pin_lock.acquire(directory)
            finally:
                left += [f"Error: {sentence}" for sentence in journal.undo()]
                say(left, as_json=options.json, color=options.color)
    return 1 if left else status


def _check(options: Options, command: Command, objects: ObjectCache) -> None:
    """Raise AtomicError for a line that could not be taken back, before anything is done."""
    module = type(command).__module__.removeprefix("pytc.commands.")
    if command.effect != "requests" and module not in _ATTACHING:
        raise AtomicError('"hold" is for lines that add, change or attach something, which can be taken back')
    plan = Plan(is_preflight=True)
    with Runner(options, plan=plan, objects=objects) as runner:
        runner.context.warns = False  # the second time through warns
        preflight = Preflight(runner.context.session)
        runner.plan(command)
        preflight.check(plan)


def _run(words: Sequence[str], arrived: Sequence[int]) -> int:
    """Run a command to its end; returns its exit status. Raises PytcError for one that cannot be run.

    SIGTERM and SIGHUP are handed to it; Ctrl-C it gets from the terminal, as this process does.
    """
    try:
        process = subprocess.Popen([*words])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PytcError(f'cannot run "{words[0]}": {reason}', errno=getattr(error, "errno", None)) from error
    with process, _Alarm() as alarm:
        ended = os.pidfd_open(process.pid)
        try:
            handed = 0
            while process.poll() is None:
                for number in arrived[handed:]:
                    handed += 1
                    if number != signal.SIGINT:
                        process.send_signal(number)
                alarm.wait(ended)  # also for a signal that has come since
        finally:
            os.close(ended)
    return _SIGNALLED - process.returncode if process.returncode < 0 else process.returncode


class _Alarm(Closing):
    """Wakes whoever waits for a descriptor when a signal has been handled."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._former = signal.set_wakeup_fd(self._write)

    def wait(self, descriptor: int) -> None:
        """Wait until a descriptor is readable, or a signal has arrived."""
        waiting = select.poll()
        for one in (self._read, descriptor):
            waiting.register(one, select.POLLIN)
        waiting.poll()
        try:
            os.read(self._read, _PIECE)
        except BlockingIOError:
            return  # the descriptor it is

    def close(self) -> None:
        """Leave signals alone again."""
        signal.set_wakeup_fd(self._former)
        os.close(self._read)
        os.close(self._write)
