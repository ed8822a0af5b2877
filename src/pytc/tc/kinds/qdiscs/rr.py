"""The ``rr`` qdisc: bands in turn, with the words and the request of prio. Linux up to 2.6.26 had it, and tc up to 6.2
knows it."""

from __future__ import annotations

from pytc.errors import HelpRequested
from pytc.tc.kinds.qdiscs.prio import KIND as PRIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.tc.kinds.interface import AnyQdiscKind
    from pytc.words.engine import Cursor

_USAGE = """\
Usage: ... rr [ bands NUMBER ] [ priomap BAND ... ] [ multiqueue ]

bands    how many classes there are, which are served in turn {3}
priomap  the band of each of the 16 priorities of packets {1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1}

Linux has not had this kind since 2.6.27; "drr" serves classes in turn.
"""


def _parse(cursor: Cursor) -> Any:
    try:
        return PRIO.parse(cursor)
    except HelpRequested:
        raise HelpRequested("qdisc rr") from None


KIND: AnyQdiscKind = PRIO.replace(name="rr", parse=_parse, usage=lambda: _USAGE, restoration=None)
