"""The ``pfifo_fast`` qdisc: three bands, the default of most devices (net/sched/sch_generic.c). It has no options."""

from __future__ import annotations

from pytc.errors import UsageError
from pytc.netlink.schema import Schema
from pytc.tc.kinds.interface import QdiscKind
from pytc.tc.kinds.qdiscs.prio import OPTIONS, document
from pytc.words.engine import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.words.engine import Cursor

_USAGE = """\
Usage: ... pfifo_fast

Three queues by the priority of packets. It has no options.
"""


def _parse(cursor: Cursor) -> None:
    fill(cursor, (), {}, topic="qdisc pfifo_fast")
    if not cursor.done:
        raise UsageError("qdisc 'pfifo_fast' does not support option parsing", hints=(f'"{cursor.peek()}" is left',))


KIND: QdiscKind[None, None] = QdiscKind(
    "pfifo_fast", Schema(), _parse, lambda options, env: None, document, lambda: _USAGE, header=OPTIONS.size
)
