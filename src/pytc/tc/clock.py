"""The kernel's clock for traffic control."""

from __future__ import annotations

from pytc.typing import NamedTuple

_PATH = "/proc/net/psched"
_NOMINAL = 1_000_000


class Clock(NamedTuple):
    """The unit of the times that bursts take, as /proc/net/psched has it."""

    ticks_per_microsecond: float = 15.625
    hertz: int = 10**9


def read_clock() -> Clock:
    """Return the clock of /proc/net/psched; that of all kernels since v2.6.31 where the file cannot be read.

    Four hex numbers: nanoseconds for a number of ticks, that number, the clock's resolution, and, when that is
    1000000, timer interrupts per second.
    """
    try:
        with open(_PATH, encoding="ascii") as file:
            ticks, unit, resolution, hertz = (int(word, 16) for word in file.read().split()[:4])
    except (OSError, ValueError):
        return Clock()
    if not ticks or not unit or not hertz:
        return Clock()
    return Clock(ticks / unit * (resolution / _NOMINAL), hertz if resolution == _NOMINAL else Clock().hertz)
