"""Likely causes of refused requests about filters."""

from __future__ import annotations

import errno

from pytc.handles import ROOT, UNSPEC, Handle
from pytc.tc.filters.requests import POINTS
from pytc.tc.hints import actions_hint, general_hint, kind_hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.errors import NetlinkError
    from pytc.tc.filters.requests import FilterChange
    from pytc.tc.filters.selector import FilterSelector

_INGRESS_QDISC = Handle(0xFFFF, 0)
#: Kinds whose filters the kernel does not number.
_NEED_HANDLES = ("cgroup", "flow")


def _kind_hint(error: NetlinkError, change: FilterChange | None) -> str:
    """Return that the kernel lacks the filter, or what its actions want; empty where it has them."""
    if change is None:
        return ""
    if "action" in error.ext_ack or "Specified device" in error.ext_ack:
        return actions_hint(error, change.options.actions) if change.options is not None else ""
    return kind_hint(error, "filter", change.kind)


def _words_hint(error: NetlinkError, selector: FilterSelector, change: FilterChange | None) -> str:
    """Return the word that is missing, or in the place of another, where the kernel says no more than EINVAL."""
    if error.ext_ack:
        return ""
    if change is not None:
        from pytc.tc.constraints import broken_filter_rule

        if rule := broken_filter_rule(error, change.kind, change.options):
            return rule
    if error.errno != errno.EINVAL:
        return ""
    if change is None:
        return _place_hint(selector)
    if (
        change.kind == "bpf"
        and change.verb in ("add", "replace")
        and (change.options is None or change.options.source is None)
    ):
        return (
            "name the program: object-file FILE, object-pinned PATH, id NUMBER, name NAME, bytecode TEXT or "
            "expression TEXT"
        )
    if change.kind == "flower" and change.verb in ("change", "replace") and selector.handle:
        return "a filter of flower keeps its keys and their masks: delete it first, where these are to change"
    if change.kind in _NEED_HANDLES and change.verb in ("add", "replace") and not selector.handle:
        return f'a new {change.kind} filter needs a number: "handle 1 {change.kind}"'
    return _place_hint(selector)


def _place_hint(selector: FilterSelector) -> str:
    if selector.parent == _INGRESS_QDISC:
        return '"parent ffff:" is the place of an ingress qdisc; the places of clsact are "ingress" and "egress"'
    return ""


def _hardware_hint(error: NetlinkError, change: FilterChange | None) -> str:
    """Return what is wrong with skip_hw and skip_sw, where the kernel says no more than an error number."""
    if error.ext_ack or change is None or error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
        return ""
    from pytc.tc.kinds.filter import DeclaredFilterOptions
    from pytc.tc.kinds.shared.filter_parts import SKIP_HW, SKIP_SW

    if not isinstance(change.options, DeclaredFilterOptions):
        return ""
    flags = change.options.values.get("FLAGS", 0)
    if error.errno == errno.EINVAL and flags & SKIP_HW and flags & SKIP_SW:
        return '"skip_hw" and "skip_sw" exclude each other: nobody would be left to run the filter'
    if error.errno == errno.EOPNOTSUPP and flags & SKIP_SW:
        return f'"skip_sw" needs hardware that takes the filter, which {change.selector.device or "the block"} has not'
    return ""


def explain_refusal(error: NetlinkError, selector: FilterSelector, change: FilterChange | None = None) -> NetlinkError:
    """Return a refusal of a request about filters, or of a change, with its likely cause."""
    error.operation = "filter"
    hook = POINTS.get(selector.parent, "") if selector.parent != ROOT else ""
    missing = error.errno in (errno.ENOENT, errno.EINVAL) and "Parent Qdisc" in error.ext_ack
    if hook and missing:
        error.with_hints(
            f"{selector.device} has no clsact qdisc, which {hook} filters need: "
            f'"pytc qdisc add dev {selector.device} clsact" makes it'
        )
    elif missing:
        error.with_hints(f"there is no qdisc {selector.parent} on {selector.device}")
    elif selector.parent == UNSPEC and "not classful" in error.ext_ack:
        error.with_hints(
            "without ingress, egress or parent, a filter goes to the root qdisc, and that of "
            f"{selector.device} takes none"
        )
    elif selector.block and "Block of given index" in error.ext_ack:
        error.with_hints(f'a qdisc makes it: "pytc qdisc add dev NAME ingress_block {selector.block} clsact"')
    elif (
        hint := _kind_hint(error, change)
        or _hardware_hint(error, change)
        or _words_hint(error, selector, change)
        or general_hint(error, selector.device or str(selector.block or ""))
    ):
        error.with_hints(hint)
    return error
