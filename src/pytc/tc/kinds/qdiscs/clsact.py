"""The ``clsact`` qdisc: hooks for filters on ingress and egress (net/sched/sch_ingress.c). It has no options."""

from __future__ import annotations

from pytc.handles import CLSACT, Handle
from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc

#: Of clsact and ingress alike: a device has one of the two.
HANDLE = Handle(0xFFFF, 0)

KIND = qdisc(
    "clsact",
    Declared(sends_nothing=True, notes="A place for filters on ingress and egress. It has no options."),
    default_handle=HANDLE,
    default_parent=CLSACT,
    restoration=Restoration(),
)
