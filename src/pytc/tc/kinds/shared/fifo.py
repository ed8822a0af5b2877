"""Qdiscs with one queue (include/uapi/linux/pkt_sched.h: struct tc_fifo_qopt; net/sched/sch_fifo.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import SIZE, Declared, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.render.documents import Field
    from pytc.tc.kinds.interface import AnyQdiscKind


def fifo(name: str, what: str, field: Callable[[int], Field]) -> AnyQdiscKind:
    """Return a kind whose option ``limit`` is in packets or bytes."""
    limit = SIZE._replace(name="NUMBER", show=lambda key, value, display: field(value))
    return qdisc(
        name,
        Declared(
            options=(Option("limit", "limit", limit, what),),
            sent="HEADER",
            shown=("limit",),
            sends_nothing=True,
            unknown=f'{name}: unknown parameter "{{}}"',
            wrong=f'{name}: Illegal value for "limit": "{{}}"',
        ),
        header=Layout("I", "limit"),
        restoration=Restoration(),
    )
