"""``tcx show``: programs of tcx and netkit in the order in which they run, and the filters that follow them."""

import errno
from collections.abc import Iterator, Sequence

from pytc.bpf.sys.attach_points import AttachPoint
from pytc.commands.shared.attach_values import ShowTcx
from pytc.commands.shared.attached_programs import link_parts, link_pins, program_parts, run_parts
from pytc.commands.shared.context import Context
from pytc.commands.tcx.attach import PARENTS, TYPES, hook, point_of
from pytc.errors import AttachError, UnsupportedError
from pytc.handles import Handle
from pytc.render.documents import DEVICE, Document, Field, Part
from pytc.tc.filters.records import FilterRecord
from pytc.tc.filters.requests import POINTS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import BpfRecord

_NETKIT = ("primary", "peer")


def show_tcx(context: Context, command: ShowTcx) -> list[Document]:
    """Raises AttachError, also where the kernel has no tcx."""
    pins = link_pins(context)
    documents: list[Document] = []
    for device in [command.device] if command.device else _devices():
        for name in (command.hook,) if command.hook else TYPES:
            asked = bool(command.device and command.hook)
            documents += of_hook(context, device, name, pins, must_be=asked or name not in _NETKIT)
    return documents


def of_hook(
    context: Context, device: str, name: str, pins: dict[int, list[str]], *, must_be: bool = True
) -> Iterator[Document]:
    """The programs of one hook, and behind them the filters of clsact; without ``must_be``, nothing where there is no
    such hook."""
    try:
        yield from _programs(context, device, name, point_of(context, device, name), pins)
    except AttachError as error:
        if must_be or (error.errno not in (errno.ENXIO, errno.EACCES) and not isinstance(error, UnsupportedError)):
            raise
    if name in PARENTS:
        yield from classic(context, device, PARENTS[name])


def _programs(
    context: Context, device: str, name: str, point: AttachPoint, pins: dict[int, list[str]]
) -> Iterator[Document]:
    there = hook(device, name, point)
    kind = "netkit" if name in _NETKIT else "tcx"
    for place, one in enumerate(there.programs, 1):
        yield [
            Field("", text=f"{kind} "),
            Field("dev", device, f"dev {device} "),
            Field("hook", name, f"{name} "),
            Field("order", place, f"order {place} "),
            Field("kind", kind),
            Field("revision", there.revision, f"revision {there.revision} "),
            *link_parts(one.link, pins),
            *program_parts(context, one.program),
            Field("", text="\n"),
        ]


def classic(context: Context, device: str, parent: Handle) -> Iterator[Document]:
    """The filters of a parent, in the order in which they are asked, with their runs; without the lines that only
    introduce a preference."""
    from pytc.tc.filters.documents import document
    from pytc.tc.filters.records import filter_records

    selector, ifindex = FilterSelector(device, parent), context.device_index(device)
    for record in filter_records(context.session, selector, ifindex, brief=context.shown.brief):
        if record.handle:
            shown = document(record, context.shown)
            yield _with_runs(context, record, _at(device, parent, shown) if record.block else shown)


def _at(device: str, parent: Handle, shown: Document) -> Document:
    """Filters of a shared block say which block it is, but not where it is used."""
    point = POINTS.get(parent, str(parent))
    place: list[Part] = [
        Field("", text="dev "),
        Field("dev", device, f"{device} ", color=DEVICE),
        Field(point, True, f"{point} "),
    ]
    return [*shown[:1], *place, *shown[1:]]


def _with_runs(context: Context, record: FilterRecord, document: Document) -> Document:
    program = record.options.program_id if isinstance(record.options, BpfRecord) else 0
    parts: Sequence[Part] = document
    return [*parts[:-1], *(run_parts(context, program) if program else ()), *parts[-1:]]


def _devices() -> list[str]:
    import socket

    return [name for _, name in socket.if_nameindex()]
