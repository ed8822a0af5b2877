"""The qdisc in the place of clsact: clsact itself, or ingress, which has no egress."""

from __future__ import annotations

from pytc.errors import NetlinkError, QdiscConflictError
from pytc.handles import CLSACT, EGRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.tc.filters.selector import FilterSelector


def kind_at_clsact(context: Context, device: str) -> str:
    """Return the kind of a device's qdisc in the place of clsact, empty for none; raises DeviceNotFoundError,
    NetlinkError."""
    from pytc.tc.qdiscs.records import qdisc_at

    index = context.device_index(device)
    try:
        qdisc = qdisc_at(context.session, index, CLSACT.number)
    except NetlinkError as error:
        if not error.means_absent:
            raise
        return ""
    return str(qdisc.attributes["TCA_KIND"]) if qdisc is not None and qdisc.handle else ""


def check_egress(context: Context, selector: FilterSelector) -> None:
    """Raise QdiscConflictError for egress filters of a device whose qdisc is ingress; also DeviceNotFoundError.

    ingress_tcf_block of net/sched/sch_ingress.c takes any minor number for ingress: the kernel would add the filter
    there, and delete those of ingress, without a word.
    """
    device = selector.device
    if selector.parent != EGRESS or not device or device in context.connection.with_egress:
        return
    kind = kind_at_clsact(context, device)
    if kind == "ingress":
        raise QdiscConflictError(
            f"{device} has an ingress qdisc instead of clsact, without egress",
            hints=(f'"pytc qdisc del dev {device} ingress" removes it and its filters',),
        )
    if kind:
        context.connection.with_egress.add(device)
