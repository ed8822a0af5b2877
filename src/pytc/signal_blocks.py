"""Blocks in which the signals that end a process unwind the stack, or wait until the block is done."""

from __future__ import annotations

import os

from pytc.contexts import contextmanager
from pytc.cpython import signals as signal
from pytc.signals import ENDING, ENDING_AND_INTERRUPT, SignalReceived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def _end(number: int, _: FrameType | None) -> None:
    raise SignalReceived(number)


@contextmanager
def unwind_on_signals(*, quietly: bool = False) -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind the stack within the block as Ctrl-C does; the process then ends by the signal,
    for its parent to see. With ``quietly``, signals and Ctrl-C are the ordinary end of the block, and only end it.

    Does nothing outside the main thread, which alone may handle signals; an ignored signal stays ignored (nohup).
    """
    former = {}
    try:
        for number in ENDING:
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
def defer_signals() -> Iterator[list[int]]:
    """Defer the signals that would end the process to the end of the block, and list those that have arrived.

    Does nothing outside the main thread, which alone may handle signals; an ignored signal stays ignored.
    """
    arrived: list[int] = []
    former = {}
    try:
        for number in ENDING_AND_INTERRUPT:
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
