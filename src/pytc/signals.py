"""Handle signals that end a process: unwind the stack first, or wait until a step is complete."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


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
    for number in _ENDING:
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


def _end_once(number: int, _: "FrameType | None") -> None:
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)  # a second signal would interrupt the clean-up that the first starts
    raise SignalReceived(number)


def _end(number: int, _: "FrameType | None") -> None:
    raise SignalReceived(number)


@contextmanager
def unwind_on_signals(*, quietly: bool = False) -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind the stack within the block as Ctrl-C does; the process then ends by the signal,
    for its parent to see. With ``quietly``, signals and Ctrl-C are the ordinary end of the block, and only end it.

    Does nothing outside the main thread, which alone may handle signals; an ignored signal stays ignored (nohup).
    """
    former = {}
    try:
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                former[number] = signal.signal(number, _end)
    except ValueError:
        yield
        return
    ending = 0
    try:
        yield
    except SignalReceived as received:
        ending = received.number
    except KeyboardInterrupt:
        if not quietly:
            raise
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if ending and not quietly:  # not in the handler, where the exception keeps the frames and what they own alive
        os.kill(os.getpid(), ending)


@contextmanager
def block_signals() -> Iterator[None]:
    """Block the signals that would end the process until the block is done: for steps that belong together."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDING, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextmanager
def defer_signals() -> Iterator[list[int]]:
    """Defer the signals that would end the process to the end of the block, and list those that have arrived.

    Does nothing outside the main thread, which alone may handle signals; an ignored signal stays ignored.
    """
    arrived: list[int] = []
    former = {}
    try:
        for number in (*_ENDING, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                former[number] = signal.signal(number, lambda number, _: arrived.append(number))
    except ValueError:
        yield arrived
        return
    try:
        yield arrived
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
