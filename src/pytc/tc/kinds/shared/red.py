"""Numbers of random early detection (net/sched/sch_red.c, include/net/red.h)."""

import math

from pytc.render.documents import Field
from pytc.tc.kinds.shared.fields import flag

#: TC_RED_*.
ECN, HARDDROP, ADAPTIVE, NODROP = 1, 2, 4, 8
_FLAGS = (("ecn", ECN), ("harddrop", HARDDROP), ("adaptive", ADAPTIVE), ("nodrop", NODROP))
_LOGS = 32


def weight_log(low: int, burst: int, packet: int) -> int | None:
    """Return the logarithm of the weight of the moving average with which ``burst`` packets of that size stay unmarked.

    None where there is none.
    """
    if not packet:
        return None
    target = float(burst) + 1 - float(low) / packet
    if target < 1:
        return None
    for log in range(1, _LOGS):
        weight = 0.5**log
        if target <= (1 - math.pow(1 - weight, burst)) / weight:
            return log
    return None


def probability_log(low: int, high: int, probability: float) -> int | None:
    """Return the logarithm of ``probability / (high - low)``, None where there is none."""
    if high == low:
        return 0
    if high < low:
        return None
    share = probability / (high - low)
    for log in range(_LOGS):
        if share > 1:
            return log
        share *= 2
    return None


def flag_fields(flags: int) -> list[Field]:
    """Return all flags in JSON, those that are set in text."""
    return [flag(name) if flags & bit else Field(name, False) for name, bit in _FLAGS]
