"""Tell what a program of an object does with the constants that the object has, before it is loaded."""

from __future__ import annotations

from pytc.bpf.analyse.guards import kernel_dependent_slots
from pytc.bpf.analyse.reach import KnownValues, reachable_slots
from pytc.bpf.analyse.returns import Returned, returned_values
from pytc.bpf.analyse.verdicts import REDIRECT_PEER, may_redirect_to_peer
from pytc.bpf.link.linker import link
from pytc.bpf.link.needs import helper_calls
from pytc.bpf.object.spec import DATA, KCONFIG
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec

_LARGEST_CONSTANTS = 1 << 16
_WIDTHS = (1, 2, 4, 8)


def unloaded_values(spec: ObjectSpec, program: ProgramSpec) -> Returned:
    """Return what a program returns; unknown for one that cannot be linked."""
    try:
        linked = link(spec, program)
    except ObjectError:
        return Returned()
    return returned_values(linked.code, _reached(spec, linked), kernel_dependent_slots(spec, linked))


def peer_redirection(spec: ObjectSpec, program: ProgramSpec) -> int | None:
    """Return the slot of the first call of bpf_redirect_peer that can run; None for none.

    At egress, skb_do_redirect of net/core/filter.c drops such a packet, for which skb_at_tc_ingress is false.
    """
    if not may_redirect_to_peer(spec):
        return None
    try:
        linked = link(spec, program)
    except ObjectError:
        return None
    calls = [call.slot for call in helper_calls(linked) if call.number == REDIRECT_PEER]
    reached = _reached(spec, linked) if calls else set()
    return next((slot for slot in calls if slot in reached), None)


def _reached(spec: ObjectSpec, linked: LinkedProgram) -> set[int]:
    """Return the slots that can run with the constants of the object's read-only data."""
    starts: dict[str, int] = {}
    contents: dict[tuple[int, int], int] = {}
    for declared in spec.maps.values():
        if declared.origin != DATA or not declared.frozen or declared.name == KCONFIG:
            continue
        if not 0 < len(declared.contents) <= _LARGEST_CONSTANTS:
            continue
        start = starts[declared.name] = len(starts) * _LARGEST_CONSTANTS
        for width in _WIDTHS:
            for offset in range(0, len(declared.contents) - width + 1, width):
                value = int.from_bytes(declared.contents[offset : offset + width], "little")
                contents[start + offset, width] = value
    addresses = {use.slot: starts[use.name] + use.offset for use in linked.maps if use.name in starts}
    results: dict[int, int | None] = dict.fromkeys(kernel_dependent_slots(spec, linked))
    return reachable_slots(linked, KnownValues(results, addresses, contents))
