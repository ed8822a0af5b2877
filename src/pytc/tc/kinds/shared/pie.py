"""Options that pie and fq_pie share (include/uapi/linux/pkt_sched.h, net/sched/sch_pie.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import OFF, ON, TIME, Form, Option
from pytc.tc.kinds.shared.fields import number
from pytc.words.engine import unsigned

#: The largest alpha and beta.
_LARGEST = 32
_FACTOR = Form("NUMBER", unsigned(_LARGEST), lambda key, value, display: number(key, value))

TARGET = Option("target", "TARGET", TIME, "how long packets should wait at most {15ms}", omit=0)
TUPDATE = Option("tupdate", "TUPDATE", TIME, "how often the chance of drops is computed {15ms}", omit=0)
ALPHA = Option("alpha", "ALPHA", _FACTOR, "how much the distance from the target counts, up to 32 {2}", omit=0)
BETA = Option("beta", "BETA", _FACTOR, "how much it counts whether delays grow, up to 32 {20}", omit=0)
SWITCHES = (
    Option("ecn", "ECN", ON, "mark packets where it is possible, in place of dropping them {noecn}"),
    Option("noecn", "ECN", OFF),
    Option("bytemode", "BYTEMODE", ON, "drop larger packets more often {nobytemode}"),
    Option("nobytemode", "BYTEMODE", OFF),
    Option(
        "dq_rate_estimator",
        "DQ_RATE_ESTIMATOR",
        ON,
        "take the delay from the rate at which packets leave, not from their times {no_dq_rate_estimator}",
    ),
    Option("no_dq_rate_estimator", "DQ_RATE_ESTIMATOR", OFF),
)


def restored_target(microseconds: int) -> int:
    """Return the target that is stored as it was, for one that the kernel shows.

    It stores 64 nanoseconds as one, and rounds down both ways: but for multiples of 8, it shows one microsecond less.
    """
    return microseconds + 1 if microseconds % 8 else microseconds
