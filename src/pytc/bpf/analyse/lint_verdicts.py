"""Checks of what programs of traffic control return, and of what hooks make of it."""

from __future__ import annotations

from pytc.bpf.analyse.findings import NOTE, WARNING
from pytc.bpf.analyse.guards import kernel_dependent_slots
from pytc.bpf.analyse.returns import returned_values
from pytc.bpf.analyse.unloaded import peer_redirection, unloaded_values
from pytc.bpf.analyse.verdicts import CLS_BPF, TCX, verdict_names
from pytc.bpf.sys.constants import ProgramType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.analyse.findings import Case, Finding
    from pytc.bpf.analyse.inspect import ProgramFacts

#: BPF_TCX_EGRESS, which sections tc/egress and tcx/egress imply.
_TCX_EGRESS = 47
_TCX_SECTION = "tcx/"
#: Values with names that cls_bpf takes for TC_ACT_UNSPEC; other numbers may be classes.
_UNKNOWN_VERDICTS = frozenset({1, 3, 5, 6})


def check_verdicts(case: Case) -> Iterator[Finding]:
    """Find return values that the hook of a program does not know.

    Whether a filter has direct-action, without which TC_ACT_SHOT drops nothing, is said when it is added.
    """
    for program in _filters(case):
        values = _values(case, program)
        if program.spec.section.removeprefix("?").startswith(_TCX_SECTION):
            if others := values - TCX:
                text = f"can return {verdict_names(others)}, which tcx does not know: the packet goes on to the filters"
                yield case.in_program(WARNING, "verdict", f"{text} of clsact, and no later program sees it", program)
            continue
        if others := values & _UNKNOWN_VERDICTS - CLS_BPF:
            text = f"can return {verdict_names(others)}, which a filter with direct-action takes for TC_ACT_UNSPEC"
            yield case.in_program(NOTE, "verdict", text, program)


def check_peer(case: Case) -> Iterator[Finding]:
    """Find programs for egress that call bpf_redirect_peer."""
    for program in _filters(case):
        if program.spec.expected_attach_type == _TCX_EGRESS:
            slot = peer_redirection(case.spec, program.spec)
            if slot is not None:
                yield case.in_program(
                    WARNING,
                    "redirect-peer",
                    "calls bpf_redirect_peer, which works at ingress only: at egress, the kernel drops the packets "
                    "that it redirects",
                    program,
                    slot,
                )


def _filters(case: Case) -> Iterator[ProgramFacts]:
    for program in case.inspection.programs:
        if program.linked is not None and (program.spec.type or case.type) == ProgramType.SCHED_CLS:
            yield program


def _values(case: Case, program: ProgramFacts) -> frozenset[int]:
    """Return what a program can return with its object's constants, which are followed only where they may matter."""
    if program.linked is None:
        return frozenset()
    values = returned_values(program.linked.code, unknown=kernel_dependent_slots(case.spec, program.linked)).values
    return values if values <= CLS_BPF & TCX else unloaded_values(case.spec, program.spec).values


CHECKS = (check_verdicts, check_peer)
