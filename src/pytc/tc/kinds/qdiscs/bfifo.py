"""The ``bfifo`` qdisc: a queue that is limited in bytes (tc-bfifo(8))."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.shared.fifo import fifo
from pytc.tc.rates import format_size

KIND = fifo(
    "bfifo",
    "how many bytes may wait {the device's txqueuelen, in packets of its MTU}",
    lambda limit: Field("limit", limit, f"limit {format_size(limit)}"),
)
