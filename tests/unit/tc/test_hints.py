"""Likely causes of refusals."""

from __future__ import annotations

import errno

import pytest

from pytc.errors import NetlinkError
from pytc.tc.actions.action import Action
from pytc.tc.hints import actions_hint, kind_hint
from pytc.tc.kinds import actions, filters, qdiscs
from pytc.tc.kinds.action import DeclaredActionOptions

NO_DEVICE = "Specified device does not exist"
TO_BLOCK = Action("mirred", DeclaredActionOptions({"direction": "egress", "verb": "mirror", "BLOCKID": 22}))
TO_DEVICE = Action("mirred", DeclaredActionOptions({"direction": "egress", "verb": "mirror", "ifindex": "lo"}))


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


#: Kinds of qdiscs that every kernel with traffic control has.
_ALWAYS = "bfifo mq noqueue pfifo pfifo_fast pfifo_head_drop".split()
_KINDS = [
    *(("qdisc", kind) for kind in qdiscs.names() if kind not in _ALWAYS),
    *(("filter", kind) for kind in filters.names()),
    *(("action", kind) for kind in actions.names()),
]


@pytest.mark.parametrize(("what", "kind"), _KINDS)
def test_every_kind_that_a_kernel_can_lack_has_its_module_named(what: str, kind: str) -> None:
    hint = kind_hint(NetlinkError(errno.ENOENT, "Specified qdisc kind is unknown"), what, kind)
    assert "CONFIG_NET_" in hint
    assert "the module " in hint


@pytest.mark.parametrize(
    ("what", "kind", "setting", "module"),
    [
        ("action", "pedit", "ACT_PEDIT", "act_pedit"),
        ("action", "simple", "ACT_SIMP", "act_simple"),
        ("action", "xt", "ACT_IPT", "act_ipt"),
        ("filter", "flower", "CLS_FLOWER", "cls_flower"),
        ("filter", "route", "CLS_ROUTE4", "cls_route"),
        ("filter", "tcindex", "CLS_TCINDEX", "cls_tcindex"),
        ("qdisc", "cake", "SCH_CAKE", "sch_cake"),
        ("qdisc", "clsact", "SCH_INGRESS", "sch_ingress"),
        ("qdisc", "teql0", "SCH_TEQL", "sch_teql"),
    ],
)
def test_names_of_modules(what: str, kind: str, setting: str, module: str) -> None:
    hint = kind_hint(NetlinkError(errno.ENOENT, "Failed to load TC action module"), what, kind)
    assert f" CONFIG_NET_{setting} " in hint
    assert hint.endswith(f" the module {module}")


def test_another_reason_is_not_explained_by_a_missing_kind() -> None:
    assert not kind_hint(NetlinkError(errno.EEXIST, "Exclusivity flag on, cannot modify"), "qdisc", "cake")
