"""How codel and fq_codel store times: in units of 1024 ns, rounded down (include/net/codel.h)."""

from __future__ import annotations

#: A threshold in microseconds that is stored as CODEL_DISABLED_THRESHOLD, INT_MAX, which dumps leave out.
NEVER = 2_199_023_255


def restored_time(microseconds: int) -> int:
    """Return what is stored as it was, for a time that the kernel shows, rounded down a second time.

    The next microsecond is stored the same, while the one that is shown may be stored as one unit less.
    """
    return microseconds + 1
