"""``hooks``: what a packet meets at a device, from its arrival to its leaving, in order."""

from collections.abc import Iterator

from pytc.attach_commands import ShowHooks
from pytc.documents import Document
from pytc.handles import CLSACT, ROOT, UNSPEC, Handle
from pytc.operations.attached import link_pins
from pytc.operations.context import Context
from pytc.operations.qdiscs import qdisc_records
from pytc.operations.tcx_show import classic, of_hook


def show_hooks(context: Context, command: ShowHooks) -> list[Document]:
    """In: tcx, then the filters of clsact or ingress. Out: tcx, clsact, the filters of classful qdiscs from the root
    on, and netkit, whose device hands the packet over behind its qdisc. Raises DeviceNotFoundError, AttachError."""
    device = command.device
    context.device_index(device)
    pins = link_pins(context)
    documents: list[Document] = []
    for name in ("ingress", "egress"):
        documents += of_hook(context, device, name, pins, must_be=False)
    for parent in _classful(context, device):
        documents += classic(context, device, parent)
    for name in ("primary", "peer"):
        documents += of_hook(context, device, name, pins, must_be=False)
    return documents


def _classful(context: Context, device: str) -> Iterator[Handle]:
    """The handles of the qdiscs that packets leave through, each before those below it."""
    records = [record for record in qdisc_records(context, context.device_index(device))
               if record.handle != UNSPEC and record.handle.major != CLSACT.major]
    reached = {ROOT}
    while records:
        next_ones = [record for record in records if record.parent in reached or record.parent.major in
                     {handle.major for handle in reached if handle != ROOT}]
        if not next_ones:
            return
        for record in next_ones:
            yield record.handle
        reached |= {record.handle for record in next_ones}
        records = [record for record in records if record not in next_ones]
