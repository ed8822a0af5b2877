"""The ``qfq`` qdisc and its classes, fair by weight (include/uapi/linux/pkt_sched.h, net/sched/sch_qfq.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import DECIMAL, Declared, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc

KIND = qdisc(
    "qfq",
    Declared(
        sends_nothing=True,
        notes="Classes that share the bandwidth by weight. It has no options. Packets that no filter classifies are "
        "dropped.",
    ),
    classes=Declared(
        options=(
            Option("weight", "WEIGHT", DECIMAL, "its share of the bandwidth, 1 to 1024 {1}"),
            Option(
                "maxpkt", "LMAX", DECIMAL._replace(name="BYTES"), "the size of its largest packet {the device's MTU}"
            ),
        ),
        sent="WEIGHT LMAX",
        shown=("weight maxpkt",),
        exact=False,
    ),
    prefix="TCA_QFQ",
    attributes=rows("uint32", "WEIGHT LMAX"),
    class_restoration=Restoration(replaces=True),
)
