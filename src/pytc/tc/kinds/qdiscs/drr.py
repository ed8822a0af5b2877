"""The ``drr`` qdisc and its classes, served in turn (tc-drr(8); net/sched/sch_drr.c)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import SIZE, Declared, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.rates import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document

#: struct tc_drr_stats.
_STATISTICS = Layout("I", "deficit")


def _class_statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    deficit = _STATISTICS.unpack(raw)["deficit"]
    return (Field("deficit", deficit, f" deficit {format_size(deficit)} "),)


KIND = qdisc(
    "drr",
    Declared(
        sends_nothing=True,
        notes="Classes that are served in turn. It has no options. Packets that no filter classifies are dropped.",
    ),
    classes=Declared(
        options=(Option("quantum", "QUANTUM", SIZE, "how much the class may send in a turn {the MTU of the device}"),),
        sent="QUANTUM",
        shown=("quantum",),
    ),
    prefix="TCA_DRR",
    attributes=rows("uint32", "QUANTUM"),
    class_statistics=_class_statistics,
    class_restoration=Restoration(),
)
