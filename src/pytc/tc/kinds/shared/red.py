"""Random early detection, for red, gred, choke and sfq (net/sched/sch_red.c, include/net/red.h)."""

from __future__ import annotations

import math

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U32, Form
from pytc.tc.kinds.shared.fields import flag, number, six_digits
from pytc.tc.kinds.shared.ratespec import ticks
from pytc.tc.rates import split_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.layout import Values

#: TC_RED_*.
ECN, HARDDROP, ADAPTIVE, NODROP = 1, 2, 4, 8
_FLAGS = (("ecn", ECN), ("harddrop", HARDDROP), ("adaptive", ADAPTIVE), ("nodrop", NODROP))
_LOGS = 32
_DEFAULT_PROBABILITY = 0.02
#: The rate that tc takes where no bandwidth is given: 10 Mbit/s, in bytes.
DEFAULT_RATE = 10_000_000 // 8
#: The table of idle times has a shift for each cell, of which the last one is the largest.
_CELLS, _LARGEST_SHIFT = 256, 31


def parse_probability(word: str) -> float:
    """Return the number at the start of a word; as in tc, the rest does not count.

    Raises ValueError for none, and for one that is too large for 32 bits behind the point.
    """
    probability = split_number(word)[0]
    if math.isinf(probability * 2**32):
        raise ValueError(word)
    return probability


PROBABILITY = Form("CHANCE", parse_probability)


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


def logarithms(kind: str, values: Values, packet: int, unit: int = 1) -> None:
    """Add ``Wlog``, ``Plog`` and ``MAX_P`` for ``min``, ``max``, ``burst`` and ``probability``.

    ``unit`` is what min and max are counted in, in bytes. Raises InvalidOptionsError, with tc's name of the kind.
    """
    low, high, burst = values["min"] * unit & U32, values["max"] * unit & U32, values["burst"]
    probability = values.get("probability", _DEFAULT_PROBABILITY)
    weight = weight_log(low, burst, packet)
    if weight is None:
        least = math.ceil(low / packet) if packet else 0
        hint = f"a burst of {burst} packets is too small: it has to be {least} or more"
        raise InvalidOptionsError(f"{kind}: failed to calculate EWMA constant.", hints=(hint,) if burst < least else ())
    log = probability_log(low, high, probability)
    if log is None:
        raise InvalidOptionsError(
            f"{kind}: failed to calculate probability.",
            hints=("min has to be less than max, and the probability more than 0 and not too small",),
        )
    values.update(Wlog=weight, Plog=log, MAX_P=int(probability * 2**32) & U32)


def idle_table(values: Values, packet: int, rate: int, clock: Clock) -> None:
    """Add ``Scell_log`` and ``STAB``, by which the average ages while nothing is sent."""
    time = ticks(rate, packet, clock)
    decay = -math.log(1 - 0.5 ** values["Wlog"]) / (time or 1)
    limit = _LARGEST_SHIFT / decay / (2 * _CELLS)
    cell = next((log for log in range(_LOGS - 1) if limit < 1 << log), _LOGS - 1)
    shifts = (int(_signed(number << cell) * decay) & U32 for number in range(1, _CELLS - 1))
    values.update(Scell_log=cell, STAB=bytes(min(shift, _LARGEST_SHIFT) for shift in (0, *shifts, _LARGEST_SHIFT)))


def _signed(number: int) -> int:
    """Return the low 32 bits of a number with their sign: what a slow device's times are in tc."""
    return (number & U32 ^ 1 << 31) - (1 << 31)


def detail_fields(values: Values, probability: int | None) -> list[Field]:
    """Return what is shown with details; ``probability`` is in parts of 2^32, None where the kernel does not say it."""
    fields = [number("ewma", values["Wlog"])]
    if probability is not None:
        share = probability / 2**32
        fields.append(Field("probability", six_digits(share), f"probability {share:g} "))
    else:
        fields.append(number("Plog", values["Plog"]))
    cell = values["Scell_log"]
    return [*fields, Field("Scell_log", cell, f"Scell_log {cell}")]
