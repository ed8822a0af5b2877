"""The ``skbprio`` qdisc: a queue of 64 priorities, in which high ones push low ones out (tc-skbprio(8);
include/uapi/linux/pkt_sched.h, net/sched/sch_skbprio.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import SIZE, Declared, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import number

KIND = qdisc(
    "skbprio",
    Declared(
        options=(
            Option(
                "limit",
                "limit",
                SIZE._replace(name="PACKETS", show=lambda key, value, display: number(key, value)),
                "how many packets may wait {64}",
            ),
        ),
        sent="HEADER",
        shown=("limit",),
        sends_nothing=True,
        unknown='skbprio: unknown parameter "{}"',
        wrong='skbprio: Illegal "limit" value:"{}"',
    ),
    header=Layout("I", "limit"),
    restoration=Restoration(),
)
