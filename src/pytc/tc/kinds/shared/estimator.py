"""``estimator``: a rate that the kernel measures (include/uapi/linux/pkt_sched.h: struct tc_estimator)."""

from __future__ import annotations

import math
import struct

from pytc.errors import HelpRequested, UsageError
from pytc.tc.rates import parse_time
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.words.engine import Cursor

#: interval s8 (2^n seconds), ewma_log u8.
_ESTIMATOR = struct.Struct("=bB")
_QUARTER = 250_000
_LONGEST, _LOGS = 5, 32


def read(cursor: Cursor) -> bytes:
    """Return TCA_RATE for the two words after ``estimator``, an interval and the time over which rates are averaged.

    Raises UsageError, HelpRequested.
    """
    interval, average = _time(cursor, "interval"), _time(cursor, "time constant")
    power = next((power for power in range(_LONGEST + 1) if interval <= (1 << power) * _QUARTER), None)
    log = next((log for log in range(1, _LOGS) if interval / -math.log(1 - 0.5**log) > average), _LOGS) - 1
    if power is None or not 0 < log < _LOGS - 1:
        raise UsageError(
            "Error: estimator parameters are out of range.",
            hints=("INTERVAL is 250ms to 8s, TIME-CONST more than 1.45 times as long",),
        )
    return _ESTIMATOR.pack(power - 2, log)


def _time(cursor: Cursor, name: str) -> int:
    word = cursor.take()
    if matches(word, "help"):
        raise HelpRequested("qdisc estimator")
    try:
        return parse_time(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid estimator {name}') from None
