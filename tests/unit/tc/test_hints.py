"""Causes of refusals that depend on the kernel's version alone."""

from __future__ import annotations

import errno

import pytest

from pytc.errors import NetlinkError
from pytc.tc.actions.action import Action
from pytc.tc.hints import actions_hint
from pytc.tc.kinds.actions.mirred import MirredOptions

NO_DEVICE = "Specified device does not exist"
TO_BLOCK = Action("mirred", MirredOptions("egress", "mirror", block=22))
TO_DEVICE = Action("mirred", MirredOptions("egress", "mirror", "lo"))


@pytest.mark.parametrize(
    ("sentence", "actions", "said"),
    [
        (NO_DEVICE, [TO_BLOCK], '"blockid" came with Linux 6.8, and this is '),
        (NO_DEVICE, [TO_DEVICE, TO_BLOCK], 'mirred needs "dev NAME" here'),
        (NO_DEVICE, [TO_DEVICE], ""),
        ("Must specify device or block", [TO_BLOCK], ""),
        ("Failed to load TC action module", [TO_BLOCK], "CONFIG_NET_ACT_MIRRED"),
        ("Failed to load TC action module", [], ""),
    ],
)
def test_what_the_kernel_lacks_of_actions(sentence: str, actions: list[Action], said: str) -> None:
    hint = actions_hint(NetlinkError(errno.EINVAL, sentence), actions)
    assert said in hint if said else not hint
