"""Warnings about filters that do not do what they appear to do.

Each follows from what the kernel runs: the verifier's translation of the program, and the filters of the hook.
"""

from __future__ import annotations

from pytc.errors import PytcError
from pytc.handles import EGRESS, INGRESS, Handle
from pytc.tc.filters.requests import POINTS
from pytc.tc.kinds.filters.bpf import BpfOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.tc.filters.requests import FilterChange
    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.kinds.interface import OpenedProgram

#: Where a filter names no class: the hooks of clsact, and the qdisc ingress by its handle.
_CLASSLESS = (INGRESS, EGRESS, Handle(0xFFFF, 0))


def last_filter_before(context: Context, change: FilterChange) -> str:
    """Return the name of a filter that keeps all packets from one that is to be added; empty for none, and for another
    change."""
    if not context.warns or not change.selector.pref or change.verb not in ("add", "replace"):
        return ""
    if context.cache.search is None:
        from pytc.commands.shared.search_order import SearchOrder

        context.cache.search = SearchOrder()
    return context.cache.search.before(context, change.selector)


def warn_of_effects(context: Context, change: FilterChange, program: OpenedProgram | None, last: str) -> None:
    """Warn of a filter that has been added or changed, with its open program and the last filter in front of it."""
    if not context.warns or change.verb == "delete":
        return
    try:
        _warn(context, change, program, last)
    except PytcError:
        pass  # the filter is there, whatever cannot be learnt about its program


def _warn(context: Context, change: FilterChange, program: OpenedProgram | None, last: str) -> None:
    search = context.cache.search
    if last and search is not None:
        search.report(change.selector)
        context.warn(
            f"{_place(change.selector)}: no packet reaches this filter, because the one at {last} never passes one on"
        )
    if isinstance(change.options, BpfOptions) and program is not None and not change.options.skip_sw:
        _warn_of_program(context, change.selector, change.options, program)


def _warn_of_program(context: Context, selector: FilterSelector, options: BpfOptions, program: OpenedProgram) -> None:
    # Only now: filters of other kinds, and of bytecode, do without.
    from pytc.bpf.analyse.verdicts import CLS_BPF, SHOT, never_passes_on, verdict_names
    from pytc.commands.shared.program_results import PEER_AT_EGRESS, program_label, redirects_to_peer, returned_by

    returned = returned_by(context, program)
    has_actions = bool(options.actions) or options.police is not None
    if options.direct_action:
        if others := returned.values - CLS_BPF:
            context.warn(
                f"{program_label(program)} can return {verdict_names(others)}, which a filter does not know: it counts "
                "as TC_ACT_UNSPEC, and the next filter is asked"
            )
        if selector.parent == EGRESS and redirects_to_peer(program):
            context.warn(PEER_AT_EGRESS.format(program_label(program)))
    elif SHOT in returned.values and not has_actions and _is_classless(selector):
        context.warn(
            f"{program_label(program)} can return TC_ACT_SHOT (2), which drops nothing without direct-action "
            "(da): it counts as a match, the packet passes, and no other filter is asked"
        )
    search = context.cache.search
    if search is not None and not has_actions and never_passes_on(returned, direct_action=options.direct_action):
        search.added(selector)


def _is_classless(selector: FilterSelector) -> bool:
    return bool(selector.block) or selector.parent in _CLASSLESS


def _place(selector: FilterSelector) -> str:
    chain = f" chain {selector.chain}" if selector.chain else ""
    if selector.block:
        return f"block {selector.block}{chain}"
    return f"{selector.device} {POINTS.get(selector.parent) or f'parent {selector.parent}'}{chain}"
