"""The ``cake`` qdisc: fair queues, tins and a shaper (tc-cake(8))."""

from __future__ import annotations

from pytc.tc.kinds.shared.cake import cake

KIND = cake("cake")
