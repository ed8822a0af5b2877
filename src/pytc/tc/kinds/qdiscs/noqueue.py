"""The ``noqueue`` qdisc: packets go out at once (net/sched/sch_generic.c). It has no options."""

from pytc.netlink.schema import Schema
from pytc.tc.kinds.interface import QdiscKind
from pytc.tc.kinds.shared.no_options import encode_nothing, no_document, nothing_to_parse

_USAGE = """\
Usage: ... noqueue

No queue: packets go to the driver at once, or are dropped. It has no options.
"""

KIND: QdiscKind[None, None] = QdiscKind(
    "noqueue",
    Schema(),
    nothing_to_parse("noqueue", 'Unknown qdisc "noqueue", hence option "{}" is unparsable'),
    encode_nothing,
    no_document,
    _USAGE,
)
