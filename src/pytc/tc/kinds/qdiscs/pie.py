"""The ``pie`` qdisc: drops by the delay of the queue and its trend (tc-pie(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_pie.c)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import PACKETS, Declared, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import counter, six_digits
from pytc.tc.kinds.shared.pie import ALPHA, BETA, SWITCHES, TARGET, TUPDATE, restored_target
from pytc.tc.rates import format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document

_CERTAIN = 2**64
#: struct tc_pie_xstats.
_STATISTICS = Layout("Q8I", "prob delay rate estimating pkts_in dropped overlimit maxq ecn_mark")


def _statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    values = _STATISTICS.unpack(raw)
    share = values["prob"] / _CERTAIN
    fields = [
        Field("prob", six_digits(share), f"  prob {share:g}"),
        Field("delay", values["delay"], f" delay {format_time(values['delay'])}"),
    ]
    if values["estimating"]:
        fields.append(counter("avg_dq_rate", values["rate"]))
    fields.append(counter("pkts_in", values["pkts_in"], "\n  "))
    return [*fields, *(counter(name, values[name]) for name in ("overlimit", "dropped", "maxq", "ecn_mark"))]


KIND = qdisc(
    "pie",
    Declared(
        options=(
            Option("limit", "LIMIT", PACKETS, "how many packets may wait {1000}", omit=0),
            TARGET,
            TUPDATE,
            ALPHA,
            BETA,
            *SWITCHES,
        ),
        sent="LIMIT TUPDATE TARGET ALPHA BETA ECN BYTEMODE DQ_RATE_ESTIMATOR",
        shown=("limit target tupdate alpha beta ecn bytemode dq_rate_estimator",),
    ),
    prefix="TCA_PIE",
    attributes=rows("uint32", "TARGET LIMIT TUPDATE ALPHA BETA ECN BYTEMODE DQ_RATE_ESTIMATOR"),
    statistics=_statistics,
    restoration=Restoration(resent={"TCA_PIE_TARGET": restored_target}),
)
