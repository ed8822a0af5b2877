"""The ``ingress`` qdisc: a hook for filters on ingress (net/sched/sch_ingress.c). It has no options."""

from __future__ import annotations

from pytc.handles import CLSACT
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.qdiscs.clsact import HANDLE

KIND = qdisc(
    "ingress",
    Declared(
        options=(Option("handle", "handle", Form("HANDLE", str), "ignored: it is ffff: in any case"),),
        shown=(lambda values, view: (Field("", None, "---------------- "),),),
        check=lambda values: values.clear(),
        sends_nothing=True,
        notes="A place for filters on ingress.",
    ),
    default_handle=HANDLE,
    default_parent=CLSACT,
    restoration=Restoration(),
)
