"""Signals that end a process: unwind the stack first, or wait until a step is complete."""

from __future__ import annotations

import os

from pytc.cpython import signals as signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

#: The signals that end a process from outside, and Ctrl-C's.
ENDING = (signal.SIGTERM, signal.SIGHUP)
ENDING_AND_INTERRUPT = (*ENDING, signal.SIGINT)


class SignalReceived(BaseException):
    """A signal to end the process, raised so that the owners of sockets and files remove them."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_until_signal(run: Callable[[], int]) -> int:
    """Run a command and return its exit status. When a signal ends it, the process ends by that signal, for its parent
    to see.

    An ignored signal stays ignored (nohup). Only for the main thread of a process of our own.
    """
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end_once)
    try:
        return run()
    except SignalReceived as received:
        ending = received.number
    # Not in the handler above: while it runs, the exception keeps the frames alive, and with them what they own.
    signal.signal(ending, signal.SIG_DFL)
    os.kill(os.getpid(), ending)
    return 128 + ending


def _end_once(number: int, _: FrameType | None) -> None:
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)  # a second signal would interrupt the clean-up that the first starts
    raise SignalReceived(number)


class block_signals:
    """Block the signals that would end the process until the block is done: for steps that belong together."""

    def __enter__(self) -> None:
        self._former = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_AND_INTERRUPT)

    def __exit__(self, *error: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._former)
