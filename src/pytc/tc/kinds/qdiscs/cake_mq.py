"""The ``cake_mq`` qdisc: cake for devices of several queues (tc-cake(8))."""

from __future__ import annotations

from pytc.tc.kinds.shared.cake import cake

KIND = cake("cake_mq")
