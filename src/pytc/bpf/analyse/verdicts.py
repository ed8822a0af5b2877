"""Tell what the hooks of traffic control make of what a program returns."""

from __future__ import annotations

from pytc.bpf.insn.instructions import OP_CALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pytc.bpf.analyse.returns import Returned
    from pytc.bpf.object.spec import ObjectSpec

UNSPEC, OK, SHOT = -1, 0, 2
#: What cls_bpf_exec_opcode of net/sched/cls_bpf.c knows; anything else counts as UNSPEC there.
CLS_BPF = frozenset({UNSPEC, OK, SHOT, 4, 7, 8})
#: What tcx_action_code of include/net/tcx.h knows; anything else ends the list of tcx and counts as TCX_NEXT.
TCX = frozenset({UNSPEC, OK, SHOT, 7})
#: The number of bpf_redirect_peer.
REDIRECT_PEER = 155
_CALL_OF_PEER = bytes([OP_CALL, 0, 0, 0]) + REDIRECT_PEER.to_bytes(4, "little")


def never_passes_on(returned: Returned, *, direct_action: bool) -> bool:
    """Return whether a filter of cls_bpf with such a program keeps all packets from the filters behind it.

    Without direct-action, a match (a number but 0) ends the search where the filter has no actions.
    """
    if not returned.is_complete or not returned.values:
        return False
    return returned.values <= CLS_BPF - {UNSPEC} if direct_action else 0 not in returned.values


def verdict_names(values: Collection[int]) -> str:
    """Return numbers with their names: ``1 (TC_ACT_RECLASSIFY) and 77``."""
    from pytc.bpf.run.verdicts import TC

    names = [(value, TC.get(value & 0xFFFFFFFF)) for value in sorted(values)]
    return " and ".join(f"{value} ({name})" if name else str(value) for value, name in names)


def may_redirect_to_peer(spec: ObjectSpec) -> bool:
    """Return whether an object has what may be a call of bpf_redirect_peer: most have not, and that is fast to see."""
    return _CALL_OF_PEER in spec.image
