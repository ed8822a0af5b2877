"""The ``codel`` qdisc: drops by how long packets wait (tc-codel(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_codel.c)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import OFF, ON, PACKETS, TIME, Declared, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import codel
from pytc.tc.kinds.shared.fields import counter, signed_time
from pytc.tc.rates import format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document

#: struct tc_codel_xstats; kernels before v4.1 do not have the last one.
_STATISTICS = Layout("4Ii4I", "maxpacket count lastcount ldelay drop_next drop_overlimit ecn_mark dropping ce_mark")


def _statistics(raw: bytes, display: Display) -> Document:
    values = _STATISTICS.unpack(raw)
    fields = [
        counter("count", values["count"], "  "),
        counter("lastcount", values["lastcount"]),
        Field("ldelay", values["ldelay"], f" ldelay {format_time(values['ldelay'])}"),
    ]
    if values["dropping"]:
        fields.append(Field("dropping", True, " dropping"))
    fields += [
        signed_time("drop_next", values["drop_next"]),
        counter("maxpacket", values["maxpacket"], "\n  "),
        counter("ecn_mark", values["ecn_mark"]),
        counter("drop_overlimit", values["drop_overlimit"]),
    ]
    return [*fields, counter("ce_mark", values["ce_mark"])] if values["ce_mark"] else fields


KIND = qdisc(
    "codel",
    Declared(
        options=(
            Option("limit", "LIMIT", PACKETS, "how many packets may wait {1000}", omit=0),
            Option("target", "TARGET", TIME, "how long packets may wait for a while {5ms}", omit=0),
            Option("ce_threshold", "CE_THRESHOLD", TIME, "mark packets that waited longer {never}"),
            Option("interval", "INTERVAL", TIME, "how long that while is {100ms}", omit=0),
            Option("ecn", "ECN", ON, "mark packets where it is possible, in place of dropping them {noecn}"),
            Option("noecn", "ECN", OFF),
        ),
        sent="LIMIT INTERVAL TARGET ECN CE_THRESHOLD",
        shown=("limit target ce_threshold interval ecn",),
    ),
    prefix="TCA_CODEL",
    attributes=rows("uint32", "TARGET LIMIT INTERVAL ECN CE_THRESHOLD"),
    statistics=_statistics,
    restoration=Restoration(
        unset={"TCA_CODEL_CE_THRESHOLD": codel.NEVER},
        resent=dict.fromkeys(("TCA_CODEL_TARGET", "TCA_CODEL_INTERVAL", "TCA_CODEL_CE_THRESHOLD"), codel.restored_time),
    ),
)
