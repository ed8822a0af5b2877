"""Warnings about programs of tcx that do not do what they appear to do."""

from __future__ import annotations

from pytc.bpf.analyse.verdicts import TCX, verdict_names
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.shared.device_hooks import TCX_NEXT
from pytc.commands.shared.program_results import (
    PEER_AT_EGRESS,
    program_label,
    redirects_to_peer,
    returned_by,
    returned_by_id,
)
from pytc.commands.tcx.hidden_filters import warn_of_hidden_filters
from pytc.contexts import suppress
from pytc.errors import PytcError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import DeviceHook
    from pytc.tc.kinds.interface import OpenedProgram


def warn_of_program(context: Context, hook: DeviceHook, program: OpenedProgram) -> None:
    """Warn of a program that has been attached to a hook."""
    with suppress(PytcError):  # it is attached, whatever cannot be learnt about what is beside it
        warn_of_hidden_filters(context, hook, program)
        _warn_of_effects(context, hook, program)


def _warn_of_effects(context: Context, hook: DeviceHook, program: OpenedProgram) -> None:
    if not context.warns:
        return
    if context.connection.plan is None:
        _warn_of_last_before(context, hook, program)
    if hook.kind != "tcx":
        return
    if others := returned_by(context, program).values - TCX:
        context.warn(
            f"{program_label(program)} can return {verdict_names(others)}, which tcx does not know: the packet goes on "
            "to the filters of clsact, and no later program sees it"
        )
    if hook.name == "egress" and redirects_to_peer(program):
        context.warn(PEER_AT_EGRESS.format(program_label(program)))


def _warn_of_last_before(context: Context, hook: DeviceHook, program: OpenedProgram) -> None:
    """Warn where an earlier program of the hook keeps all packets from this one."""
    try:
        own = describe_program(program.fd).id
        attached = [attachment.program for attachment in hook.query().programs]
    except PytcError:
        return
    for number in attached[: attached.index(own)] if own in attached else ():
        returned = returned_by_id(number)
        if returned.is_complete and returned.values and TCX_NEXT not in returned.values:
            about = lookup_program(number)
            name = f" ({about.name})" if about is not None and about.name else ""
            context.warn(
                f"{hook.label}: no packet reaches this program, because program id {number}{name} in front of it never "
                f"returns TCX_NEXT ({TCX_NEXT})"
            )
            return
