"""``pytc hooks show``: the programs and filters that packets meet at a device, from arriving to leaving."""

from __future__ import annotations

from pytc.bpf.sys.links import links
from pytc.commands.shared.attachments import link_parts, link_pins, program_parts
from pytc.commands.shared.command import Query
from pytc.commands.shared.device_hooks import filter_documents, hook_documents
from pytc.cpython import if_nameindex
from pytc.errors import BpfSyscallError
from pytc.handles import CLSACT, ROOT, UNSPEC
from pytc.netlink.xdp import xdp_programs
from pytc.render.documents import DEVICE, Field
from pytc.tc.classes.records import class_records
from pytc.tc.qdiscs.records import qdisc_records
from pytc.words.devices import device
from pytc.words.engine import Word, fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.attachments import LinkPins
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import HookName
    from pytc.handles import Handle
    from pytc.render.documents import Document, Part
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc hooks [ show ] [ dev NAME ]

All programs and filters that packets meet at a device, or at each device, in order. Filters of a shared block are shown
where a qdisc of the device uses it. run_cnt and run_time are shown once kernel.bpf_stats_enabled is 1.
"""

WORDS = (Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),)

_BEFORE_QDISCS: tuple[HookName, ...] = ("ingress", "egress")
#: A netkit device hands packets over behind its qdisc.
_BEHIND_QDISCS: tuple[HookName, ...] = ("primary", "peer")


class ShowHooks(Query):
    """A request for all programs and filters that packets meet at a device, or at all where it is empty."""

    device: str = ""


def parse(cursor: Cursor) -> ShowHooks:
    """Return the command; raises UsageError, HelpRequested."""
    fields = fill(cursor, WORDS, {}, topic="hooks")
    refuse_more(cursor, "hooks")
    return ShowHooks(**fields)


def run(context: Context, command: ShowHooks) -> list[Document]:
    """Describe XDP, tcx and the filters of clsact or ingress for packets that arrive; then tcx, clsact, the filters of
    classful qdiscs and their classes, and netkit for those that leave. Raises DeviceNotFoundError, AttachError,
    NetlinkError."""
    devices = [command.device] if command.device else [name for _, name in if_nameindex()]
    pins = link_pins(context)
    return [document for device in devices for document in _device_documents(context, device, pins)]


def _device_documents(context: Context, device: str, pins: LinkPins) -> list[Document]:
    index = context.device_index(device)
    documents = [*_xdp_documents(context, device, index, pins)]
    for name in _BEFORE_QDISCS:
        documents += hook_documents(context, device, name, pins, must_exist=False)
    for parent in classful_parents(context, index):
        documents += filter_documents(context, device, parent)
    for name in _BEHIND_QDISCS:
        documents += hook_documents(context, device, name, pins, must_exist=False)
    return documents


def _xdp_documents(context: Context, device: str, index: int, pins: LinkPins) -> Iterator[Document]:
    for attached in xdp_programs(context.session, index):
        parts: list[Part] = [
            Field("", text="xdp dev "),
            Field("dev", device, f"{device} ", color=DEVICE),
            Field("hook", "ingress", "ingress "),
            Field("kind", "xdp"),
            Field("mode", attached.mode, f"{attached.mode} "),
        ]
        yield [
            *parts,
            *link_parts(xdp_link(index, attached.program), pins),
            *program_parts(context, attached.program),
            Field("", text="\n"),
        ]


def xdp_link(index: int, program: int) -> int:
    """Return the id of the link that holds a program there; 0 for none, and where links cannot be listed."""
    try:
        return next(
            (link.id for link in links() if (link.type, link.ifindex, link.program) == ("xdp", index, program)), 0
        )
    except BpfSyscallError:
        return 0


def classful_parents(context: Context, index: int) -> Iterator[Handle]:
    """Return the qdiscs that packets leave through, each before those below it and followed by its inner classes."""
    remaining = [
        record
        for record in qdisc_records(context.session, index)
        if record.handle != UNSPEC and record.handle.major != CLSACT.major
    ]
    if not remaining:
        return
    inner = _inner_classes(context, index)
    reached = {ROOT}
    while remaining:
        majors = {handle.major for handle in reached if handle != ROOT}
        level = [record for record in remaining if record.parent in reached or record.parent.major in majors]
        if not level:
            return
        for record in level:
            yield record.handle
            yield from inner.get(record.handle.major, ())
        reached |= {record.handle for record in level}
        remaining = [record for record in remaining if record not in level]


def _inner_classes(context: Context, index: int) -> dict[int, list[Handle]]:
    """Return the classes that have classes, by the major number of their qdisc, each before those below it.

    The qdisc asks no other classes for filters: at a leaf, a packet has arrived.
    """
    parents = {record.handle: record.parent for record in class_records(context.session, index)}
    inner = {parent for handle, parent in parents.items() if parent in parents and parent.major == handle.major}

    def depth(handle: Handle) -> int:
        steps = 0
        while handle in parents and steps < len(parents):
            handle, steps = parents[handle], steps + 1
        return steps

    by_major: dict[int, list[Handle]] = {}
    for handle in sorted(inner, key=lambda class_: (depth(class_), class_)):
        by_major.setdefault(handle.major, []).append(handle)
    return by_major
