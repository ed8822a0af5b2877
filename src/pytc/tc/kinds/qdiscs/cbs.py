"""The ``cbs`` qdisc: a credit-based shaper, IEEE 802.1Q-2014, 8.6.8.2 (tc-cbs(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_cbs.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import SIGNED, U8, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.words.engine import unsigned

_BYTES = SIGNED._replace(name="BYTES")
_KILOBITS = SIGNED._replace(name="KBIT")

KIND = qdisc(
    "cbs",
    Declared(
        options=(
            Option("offload", "offload", Form("{ 0 | 1 }", unsigned(U8)), "let the device's hardware shape {0}"),
            Option("hicredit", "hicredit", _BYTES, "the most credit that there can be {0}"),
            Option("locredit", "locredit", _BYTES, "the least credit that there can be, negative {0}"),
            Option("sendslope", "sendslope", _KILOBITS, "credit a second while packets go out: idleslope - speed {0}"),
            Option("idleslope", "idleslope", _KILOBITS, "credit a second while packets wait: the bandwidth {0}"),
        ),
        sent="PARMS",
        shown=("hicredit locredit sendslope idleslope offload",),
        exact=False,
        unknown='cbs: unknown parameter "{}"',
        wrong='cbs: illegal value for "{word}": "{}"',
        twice='cbs: duplicate "{word}" specification',
    ),
    prefix="TCA_CBS",
    # struct tc_cbs_qopt
    attributes=(("PARMS", Layout("B3x4i", "offload hicredit locredit idleslope sendslope")),),
    restoration=Restoration(),
)
