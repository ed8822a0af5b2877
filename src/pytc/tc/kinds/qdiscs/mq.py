"""The ``mq`` qdisc: a class for each transmit queue of a device (net/sched/sch_mq.c). It has no options."""

from pytc.netlink.schema import Schema
from pytc.tc.kinds.interface import QdiscKind
from pytc.tc.kinds.shared.no_options import encode_nothing, no_document, nothing_to_parse

_USAGE = """\
Usage: ... mq

A qdisc below it for each transmit queue of the device. It has no options.
"""

KIND: QdiscKind[None, None] = QdiscKind(
    "mq",
    Schema(),
    nothing_to_parse("mq", 'Unknown qdisc "mq", hence option "{}" is unparsable'),
    encode_nothing,
    no_document,
    _USAGE,
)
