"""``hooks``: what a packet meets at a device, from its arrival to its leaving, in order."""

from collections.abc import Iterator

from pytc.commands.shared.attach_values import ShowHooks
from pytc.commands.shared.attached_programs import link_parts, link_pins, program_parts
from pytc.commands.shared.context import Context
from pytc.commands.tcx.show import classic, of_hook
from pytc.errors import BpfSyscallError
from pytc.handles import CLSACT, ROOT, UNSPEC, Handle
from pytc.netlink.xdp import xdp_programs
from pytc.render.documents import DEVICE, Document, Field, Part
from pytc.tc.classes.records import class_records
from pytc.tc.qdiscs.records import qdisc_records


def show_hooks(context: Context, command: ShowHooks) -> list[Document]:
    """In: XDP, tcx, then the filters of clsact or ingress. Out: tcx, clsact, the filters of classful qdiscs and of
    their classes from the root on, and netkit, whose device hands the packet over behind its qdisc. Raises
    DeviceNotFoundError, AttachError, NetlinkError."""
    device = command.device
    index = context.device_index(device)
    pins = link_pins(context)
    documents: list[Document] = [*_xdp(context, device, index, pins)]
    for name in ("ingress", "egress"):
        documents += of_hook(context, device, name, pins, must_be=False)
    for parent in _classful(context, index):
        documents += classic(context, device, parent)
    for name in ("primary", "peer"):
        documents += of_hook(context, device, name, pins, must_be=False)
    return documents


def _xdp(context: Context, device: str, index: int, pins: dict[int, list[str]]) -> Iterator[Document]:
    for one in xdp_programs(context.session, index):
        parts: list[Part] = [
            Field("", text="xdp dev "),
            Field("dev", device, f"{device} ", color=DEVICE),
            Field("hook", "ingress", "ingress "),
            Field("kind", "xdp"),
            Field("mode", one.mode, f"{one.mode} "),
        ]
        yield [
            *parts,
            *link_parts(_xdp_link(index, one.program), pins),
            *program_parts(context, one.program),
            Field("", text="\n"),
        ]


def _xdp_link(index: int, program: int) -> int:
    """The id of the link that holds a program there; 0 for none, and where links cannot be listed."""
    from pytc.bpf.sys.links import links

    try:
        return next(
            (link.id for link in links() if (link.type, link.ifindex, link.program) == ("xdp", index, program)), 0
        )
    except BpfSyscallError:
        return 0


def _classful(context: Context, index: int) -> Iterator[Handle]:
    """The qdiscs that packets leave through, each before those below it, and behind each its classes."""
    records = [
        record
        for record in qdisc_records(context.session, index)
        if record.handle != UNSPEC and record.handle.major != CLSACT.major
    ]
    if not records:
        return
    inner = _inner_classes(context, index)
    reached = {ROOT}
    while records:
        next_ones = [
            record
            for record in records
            if record.parent in reached or record.parent.major in {handle.major for handle in reached if handle != ROOT}
        ]
        if not next_ones:
            return
        for record in next_ones:
            yield record.handle
            yield from inner.get(record.handle.major, ())
        reached |= {record.handle for record in next_ones}
        records = [record for record in records if record not in next_ones]


def _inner_classes(context: Context, index: int) -> dict[int, list[Handle]]:
    """The classes that have classes, each before those below it, by the major number of their qdisc. No others are
    asked for their filters: at a leaf, the way through the classes has ended."""
    parents = {record.handle: record.parent for record in class_records(context.session, index)}
    inner = {parent for handle, parent in parents.items() if parent in parents and parent.major == handle.major}

    def depth(handle: Handle) -> int:
        steps = 0
        while handle in parents and steps < len(parents):
            handle, steps = parents[handle], steps + 1
        return steps

    found: dict[int, list[Handle]] = {}
    for handle in sorted(inner, key=lambda one: (depth(one), one)):
        found.setdefault(handle.major, []).append(handle)
    return found
