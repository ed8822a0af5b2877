"""The ``noqueue`` qdisc: packets go out at once (net/sched/sch_generic.c). It has no options."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.qdisc import qdisc

KIND = qdisc(
    "noqueue",
    Declared(
        sends_nothing=True,
        unknown='Unknown qdisc "noqueue", hence option "{}" is unparsable',
        notes="No queue: packets go to the driver at once, or are dropped. It has no options.",
    ),
)
