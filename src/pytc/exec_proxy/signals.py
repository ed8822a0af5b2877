"""Signals that end a process: unwinding the stack first, or waiting until a step is complete."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Unwinds the stack, so that the owners of sockets and files remove them."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end(number: int, _: FrameType | None) -> None:
    raise _Ended(number)


@contextmanager
def ended_by_signals(*, quietly: bool = False) -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind the stack within the block as Ctrl-C does; the process then ends by the signal,
    for its parent to see. With ``quietly``, signals and Ctrl-C are the ordinary end of the block, and only end it.

    Does nothing outside the main thread, which alone may handle signals; a signal that is ignored stays so (nohup).
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
    except _Ended as ended:
        ending = ended.number
    except KeyboardInterrupt:
        if not quietly:
            raise
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
    if ending and not quietly:  # only now, when the exception holds on to nothing any more
        os.kill(os.getpid(), ending)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Block the signals that would end the process until the block is done: for steps that belong together."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDING, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextmanager
def deferred() -> Iterator[list[int]]:
    """Note the signals that would end the process in the list; they take effect behind the block.

    Does nothing outside the main thread, which alone may handle signals; a signal that is ignored stays so.
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
        for one, handler in former.items():
            signal.signal(one, handler)
        if arrived:
            signal.raise_signal(arrived[0])
