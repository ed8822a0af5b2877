"""The ``pfifo`` qdisc: a queue that is limited in packets (tc-pfifo(8))."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.shared.fifo import fifo

KIND = fifo(
    "pfifo",
    "how many packets may wait {the device's txqueuelen}",
    lambda limit: Field("limit", limit, f"limit {limit}p"),
)
