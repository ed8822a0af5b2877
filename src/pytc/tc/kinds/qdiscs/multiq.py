"""The ``multiq`` qdisc: a class for each transmit queue of a device (include/uapi/linux/pkt_sched.h,
net/sched/sch_multiq.c). It has no options."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View


def _show(values: Values, view: View) -> list[Field]:
    bands, most = values["bands"], values["max_bands"]
    return [Field("bands", bands, f"bands {bands}"), Field("max_bands", most, f"/{most} ")]


KIND = qdisc(
    "multiq",
    Declared(
        sent="HEADER",
        shown=(_show,),
        notes="A class for each transmit queue of the device, MAJOR:1 and so on. It has no options.",
    ),
    # struct tc_multiq_qopt: the kernel demands it, and fills it in itself.
    header=Layout("2H", "bands max_bands"),
)
