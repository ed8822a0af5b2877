"""The ``xt`` action: a target of iptables, which newer kernels and tc 7 have dropped."""

from __future__ import annotations

from pytc.tc.kinds.shared.xtables import xtables_action

KIND = xtables_action("xt")
