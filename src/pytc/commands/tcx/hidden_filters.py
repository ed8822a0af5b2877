"""A warning about filters of clsact that programs of tcx keep packets from."""

from __future__ import annotations

from pytc.commands.shared.device_hooks import PARENTS, TCX_NEXT, attached_filters, only_returns_next

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import DeviceHook
    from pytc.tc.kinds.interface import OpenedProgram


def warn_of_hidden_filters(context: Context, hook: DeviceHook, program: OpenedProgram) -> None:
    """Note that filters wait behind a hook, unless the program attached there passes every packet on to them.

    A dry run has no program to look at, and notes nothing.
    """
    if not context.warns or context.connection.plan is not None or hook.name not in PARENTS:
        return
    count = sum(1 for _ in attached_filters(context, hook.device, PARENTS[hook.name]))
    if not count or only_returns_next(program.fd):
        return
    device = hook.device
    context.notes.append(
        f"Warning: {device} has {count} filter{'s' if count > 1 else ''} of clsact at {hook.name}, which packets meet "
        f"only after tcx: what this program passes, drops or redirects does not reach them, only what it returns "
        f'TCX_NEXT ({TCX_NEXT}) for. "pytc hooks dev {device}" shows the order.'
    )
