"""The ``pfifo_head_drop`` qdisc: a queue that is limited in packets (tc-pfifo(8))."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.shared.fifo import fifo

KIND = fifo(
    "pfifo_head_drop",
    "how many packets may wait; then the oldest is dropped {the device's txqueuelen}",
    lambda limit: Field("limit", limit, f"limit {limit}p"),
)
