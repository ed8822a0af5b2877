"""Likely causes of refusals that do not depend on the command."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.errors import NetlinkError
    from pytc.tc.actions.action import Action

# Every kind of Linux 5.10 to 7.2 that a kernel can be built without (net/sched/Kconfig).
_OPTIONAL = {
    "qdisc": (
        "atm cake cake_mq cbq cbs choke clsact codel drr dsmark dualpi2 etf ets fq fq_codel fq_pie gred hfsc hhf htb "
        "ingress mqprio multiq netem pie plug prio qfq red rr sfb sfq skbprio taprio tbf teql0"
    ),
    "filter": "basic bpf cgroup flow flower fw matchall route rsvp rsvp6 tcindex u32",
    "action": (
        "bpf connmark csum ct ctinfo gact gate ife ipt mirred mpls nat pedit police sample simple skbedit "
        "skbmod tunnel_key vlan xt"
    ),
}
# The version that brought a kind, of those that are younger than 5.0.
_SINCE = {
    "ets": "5.6",
    "fq_pie": "5.6",
    "dualpi2": "6.17",
    "cake_mq": "7.0",
    "ct": "5.3",
    "ctinfo": "5.3",
    "mpls": "5.3",
    "gate": "5.8",
}
# The version that dropped a kind.
_UNTIL = {
    **dict.fromkeys("atm cbq dsmark rsvp rsvp6 tcindex".split(), "6.3"),
    **dict.fromkeys(("ipt", "xt"), "6.8"),
    "rr": "2.6.27",
}
_PREFIXES = {"qdisc": "sch", "filter": "cls", "action": "act"}
# Kinds whose module, or setting, has another name.
_MODULES = {"clsact": "sch_ingress", "cake_mq": "sch_cake", "teql0": "sch_teql", "xt": "act_ipt"}
_SETTINGS = {"clsact": "SCH_INGRESS", "cake_mq": "SCH_CAKE", "route": "CLS_ROUTE4", "simple": "ACT_SIMP"}
#: How kernels say of a request that they lack its kind; before 6.1, of a qdisc as of one that is not at its place.
_UNKNOWN = (
    "kind is unknown",
    "Specified qdisc not found",
    "TC classifier not found",
    "Failed to load TC action module",
)


def kind_hint(error: NetlinkError, what: str, kind: str) -> str:
    """Return that the kernel lacks a kind of qdisc, filter or action (``what``), and how a kernel gets it.

    Empty where the error has another reason.
    """
    if not kind or not any(text in error.ext_ack for text in _UNKNOWN):
        return ""
    lacks = f'this kernel ({os.uname().release}) has no {what} "{kind}"'
    kinds = _OPTIONAL[what].split()
    if kind not in kinds:
        from pytc.words.suggestions import suggestion

        return f"{lacks}: {meant}" if (meant := suggestion(kind, kinds)) else lacks
    module = _MODULES.get(kind, f"{_PREFIXES[what]}_{kind}")
    setting = f"CONFIG_NET_{_SETTINGS.get(kind, module.upper())}"
    if until := _UNTIL.get(kind, ""):
        others = "" if until[0] == "2" else ", and some later releases of older versions, too"  # 6.1.176 for one
        return (
            f"{lacks}: Linux {until} dropped it{others}; before, it was built with {setting} or came with the module "
            f"{module}"
        )
    since = _SINCE.get(kind, "")
    age = f" came with Linux {since}," if since else ""
    return f"{lacks}: it{age} is built with {setting} or comes with the module {module}"


def actions_hint(error: NetlinkError, actions: Sequence[Action]) -> str:
    """Return that the kernel lacks the only kind of the actions, or an option of one; empty for other reasons."""
    kinds = {action.kind for action in actions}
    hint = kind_hint(error, "action", *kinds) if len(kinds) == 1 else ""
    if not hint and not error.ext_ack:
        from pytc.tc.constraints import broken_actions_rule

        return broken_actions_rule(error, actions)
    if hint or "Specified device does not exist" not in error.ext_ack:
        return hint
    from pytc.tc.kinds.action import DeclaredActionOptions

    # Before v6.8 (commit 42f39036cda8), kernels skip TCA_MIRRED_BLOCKID, and miss a device; later ones take either.
    options = [action.options for action in actions]
    if any(isinstance(one, DeclaredActionOptions) and "BLOCKID" in one.values for one in options):
        return f'"blockid" came with Linux 6.8, and this is {os.uname().release}: mirred needs "dev NAME" here'
    return ""


def general_hint(error: NetlinkError, device: str) -> str:
    """Return the likely cause of a refusal, empty for none."""
    if error.errno == errno.EPERM:
        from pytc.bpf.kernel.permissions import CAP_NET_ADMIN, has_capability, in_user_namespace, missing_capability

        if not has_capability(CAP_NET_ADMIN):
            return f"changing traffic control needs CAP_NET_ADMIN; {missing_capability(CAP_NET_ADMIN)}"
        if in_user_namespace():
            return "this process is in a user namespace, whose CAP_NET_ADMIN counts in network namespaces of its own"
        return ""
    if error.errno == errno.ENODEV and not device:
        return '"dev NAME" is missing'
    return ""
