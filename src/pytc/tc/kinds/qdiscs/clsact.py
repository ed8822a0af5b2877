"""The ``clsact`` qdisc: hooks for filters on ingress and egress (net/sched/sch_ingress.c). It has no options."""

from pytc.handles import CLSACT, Handle
from pytc.netlink.schema import Schema
from pytc.tc.kinds.interface import QdiscKind
from pytc.tc.kinds.shared.no_options import encode_nothing, no_document, nothing_to_parse

#: Of clsact and ingress alike: a device has one of the two.
HANDLE = Handle(0xFFFF, 0)
_USAGE = """\
Usage: ... clsact

A place for filters on ingress and egress. It has no options.
"""

KIND: QdiscKind[None, None] = QdiscKind(
    "clsact",
    Schema(),
    nothing_to_parse("clsact"),
    encode_nothing,
    no_document,
    _USAGE,
    default_handle=HANDLE,
    default_parent=CLSACT,
)
