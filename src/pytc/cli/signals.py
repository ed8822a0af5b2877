"""SIGTERM and SIGHUP end a command as Ctrl-C does: what it has half made is removed on the way out."""

# What the module signal is made of, without the enums that it defines at every start.
import _signal as signals  # type: ignore[import-not-found]
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_ENDING = (signals.SIGTERM, signals.SIGHUP)


class Ended(BaseException):
    """Unwinds the stack, so that whoever made something removes it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_to_the_end(run: Callable[[], int]) -> int:
    """Runs a command; returns its exit status. When a signal ends it, so does the process, for its parent to see.

    A signal that is ignored stays so (nohup). Only for the main thread of a process of our own.
    """
    for number in _ENDING:
        if signals.getsignal(number) != signals.SIG_IGN:
            signals.signal(number, _end)
    try:
        return run()
    except Ended as ended:
        number = ended.number
    # only now, when the exception holds on to nothing any more
    signals.signal(number, signals.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _end(number: int, _: "FrameType | None") -> None:
    for one in _ENDING:
        signals.signal(one, signals.SIG_IGN)  # a second one would break what the first has us tidy up
    raise Ended(number)
