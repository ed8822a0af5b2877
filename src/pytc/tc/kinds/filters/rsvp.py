"""The ``rsvp`` filter: sessions of the resource reservation protocol, IPv4 (net/sched/cls_rsvp.h).

Linux 6.3 has dropped it, and tc 6.3 with it.
"""

from __future__ import annotations

from pytc.tc.kinds.shared.rsvp import rsvp

KIND = rsvp("rsvp", is_ipv6=False)
