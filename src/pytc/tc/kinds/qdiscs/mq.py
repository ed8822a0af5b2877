"""The ``mq`` qdisc: a class for each transmit queue of a device (net/sched/sch_mq.c). It has no options."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.qdisc import qdisc

KIND = qdisc(
    "mq",
    Declared(
        sends_nothing=True,
        unknown='Unknown qdisc "mq", hence option "{}" is unparsable',
        notes="A qdisc below it for each transmit queue of the device. It has no options.",
    ),
)
