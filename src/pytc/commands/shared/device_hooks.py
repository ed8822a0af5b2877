"""Hooks of a device that run programs of tcx or netkit, and the classic filters behind them."""

from __future__ import annotations

import errno

from pytc.bpf.analyse.returns import only_returns
from pytc.bpf.sys.attach_points import (
    NETKIT_PEER,
    NETKIT_PRIMARY,
    TCX_EGRESS,
    TCX_INGRESS,
    AttachPoint,
    query,
)
from pytc.bpf.sys.info import translated_instructions
from pytc.commands.shared.attacher import Attachment
from pytc.commands.shared.attachments import link_parts, program_parts, refusal, run_parts
from pytc.commands.shared.clsact_place import kind_at_clsact
from pytc.errors import AttachError, BpfError, BpfSyscallError, UnsupportedError
from pytc.handles import EGRESS, INGRESS
from pytc.render.documents import DEVICE, Field
from pytc.tc.filters.documents import document
from pytc.tc.filters.records import filter_records
from pytc.tc.filters.requests import POINTS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pytc.bpf.sys.attach_points import Attachments
    from pytc.commands.shared.attachments import LinkPins
    from pytc.commands.shared.context import Context
    from pytc.handles import Handle
    from pytc.render.documents import Document, Part
    from pytc.tc.filters.records import FilterRecord

    HookName = Literal["ingress", "egress", "primary", "peer"]

#: enum bpf_attach_type, in the order in which hooks are shown.
TYPES: dict[HookName, int] = {
    "ingress": TCX_INGRESS,
    "egress": TCX_EGRESS,
    "primary": NETKIT_PRIMARY,
    "peer": NETKIT_PEER,
}
#: Hooks where the filters of clsact follow.
PARENTS: dict[str, Handle] = {"ingress": INGRESS, "egress": EGRESS}
#: What a program returns to go on with the next one, and behind the last with the filters of clsact.
TCX_NEXT = -1

_SECTIONS: dict[HookName, tuple[str, ...]] = {
    "ingress": ("tcx/ingress", "classifier", "tc/ingress", "tc"),
    "egress": ("tcx/egress", "classifier", "tc/egress", "tc"),
    "primary": ("netkit/primary", "classifier", "tc"),
    "peer": ("netkit/peer", "classifier", "tc"),
}
_NOT_PRIMARY_NETKIT = (errno.ENXIO, errno.EACCES)
_MAX_PROGRAMS = 64  # BPF_MPROG_MAX


class DeviceHook(Value):
    """A hook of the device with an ``index``; the :class:`~pytc.commands.shared.attacher.Hook` of tcx and netkit."""

    device: str
    name: HookName
    index: int

    @property
    def label(self) -> str:
        return f"{self.device} {self.name}"

    @property
    def kind(self) -> Literal["tcx", "netkit"]:
        """The part of the kernel that runs its programs, tcx or netkit."""
        return "netkit" if self.name in ("primary", "peer") else "tcx"

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections of programs that go here unless another one is named, best first."""
        return _SECTIONS[self.name]

    @property
    def point(self) -> AttachPoint:
        return AttachPoint(self.index, TYPES[self.name])

    def words(self) -> list[Part]:
        return [Field("dev", self.device, f" dev {self.device}"), Field("hook", self.name, f" {self.kind} {self.name}")]

    def check(self) -> None:
        self.query()

    def close(self) -> None:
        """Close nothing: a device is addressed by its index."""

    def attached(self) -> list[Attachment]:
        return [Attachment(self, *program) for program in self.query().programs]

    def query(self) -> Attachments:
        """Return the programs and the revision; raises AttachError, UnsupportedError where the kernel lacks the
        hook."""
        try:
            return query(self.point, links=True)
        except BpfSyscallError as error:
            raise self.explain(error) from error

    def explain(self, error: BpfSyscallError, *, program: int = 0, revision: int = 0) -> AttachError:
        number = error.errno or 0
        if number == errno.EINVAL and not self._is_known():
            return self._unsupported()
        if self.kind == "netkit" and number in _NOT_PRIMARY_NETKIT:
            problem = (
                "is not a netkit device"
                if number == errno.ENXIO
                else "is the peer of a netkit device; programs are attached by way of the primary one"
            )
            return AttachError(f"{self.device} {problem}", errno=number)
        if number == errno.ESTALE:
            return AttachError(
                f"{self.label} has changed meanwhile: its revision is {self._revision()}, not {revision}", errno=number
            )
        return refusal(
            error,
            self.label,
            {
                errno.ENOENT: "a program that was there a moment ago is gone; try again",
                errno.ERANGE: f"there is no room: a hook takes {_MAX_PROGRAMS} programs",
            },
        )

    def _is_known(self) -> bool:
        """Report whether the kernel knows this type of hook."""
        try:
            query(self.point, links=True)
        except BpfSyscallError as error:
            return error.errno not in (errno.EINVAL, errno.E2BIG)
        return True

    def _revision(self) -> str:
        try:
            return str(query(self.point, links=True).revision)
        except BpfSyscallError:
            return "another one"

    def _unsupported(self) -> UnsupportedError:
        if self.kind == "netkit":
            return UnsupportedError("netkit", "6.7", hints=("netkit needs a kernel that is built with CONFIG_NETKIT",))
        return UnsupportedError(
            "tcx",
            "6.6",
            hints=(
                f'a filter of clsact does here: "pytc qdisc add dev {self.device} clsact" and "pytc filter add dev '
                f'{self.device} {self.name} bpf da obj FILE"; its order is that of its pref',
            ),
        )


def device_hook(context: Context, device: str, name: HookName) -> DeviceHook:
    """Return a hook of a device; raises DeviceNotFoundError."""
    return DeviceHook(device, name, context.device_index(device))


def only_returns_next(program: int) -> bool:
    """Report whether a program, by its descriptor, only returns TCX_NEXT; False also where that cannot be seen."""
    try:
        return only_returns(translated_instructions(program), TCX_NEXT)
    except BpfError:
        return False


def hook_documents(
    context: Context, device: str, name: HookName, pins: LinkPins, *, must_exist: bool = True
) -> Iterator[Document]:
    """Describe the programs of a hook in run order, then the filters of clsact behind them.

    Without ``must_exist``, a hook that the device or the kernel does not have is passed over. Raises AttachError,
    DeviceNotFoundError.
    """
    try:
        yield from _program_documents(context, device_hook(context, device, name), pins)
    except AttachError as error:
        is_absent = error.errno in _NOT_PRIMARY_NETKIT or isinstance(error, UnsupportedError)
        if must_exist or not is_absent:
            raise
    if name in PARENTS:
        yield from filter_documents(context, device, PARENTS[name])


def _program_documents(context: Context, hook: DeviceHook, pins: LinkPins) -> Iterator[Document]:
    attachments = hook.query()
    for order, attached in enumerate(attachments.programs, 1):
        yield [
            Field("", text=f"{hook.kind} dev "),
            Field("dev", hook.device, f"{hook.device} ", color=DEVICE),
            Field("hook", hook.name, f"{hook.name} "),
            Field("order", order, f"order {order} "),
            Field("kind", hook.kind),
            Field("revision", attachments.revision, f"revision {attachments.revision} "),
            *link_parts(attached.link, pins),
            *program_parts(context, attached.program),
            Field("", text="\n"),
        ]


def attached_filters(context: Context, device: str, parent: Handle) -> Iterator[FilterRecord]:
    """Return the filters of a parent in run order, without the entries that only introduce a preference.

    An ingress qdisc has one list of filters, which the kernel shows for any parent; they run at ingress.
    """
    if parent == EGRESS and kind_at_clsact(context, device) == "ingress":
        return iter(())
    records = filter_records(
        context.session, FilterSelector(device, parent), context.device_index(device), brief=context.display.brief
    )
    is_hook = parent in (INGRESS, EGRESS)
    return (
        record._replace(parent=parent) if is_hook and not record.block else record
        for record in records
        if record.handle
    )


def filter_documents(context: Context, device: str, parent: Handle) -> Iterator[Document]:
    """Describe the filters of a parent in run order, with the run counters of their programs."""
    for record in attached_filters(context, device, parent):
        described = document(record, context.display)
        if record.block:
            described = _with_hook(device, parent, described)
        program = record.options.program_id if isinstance(record.options, BpfRecord) else 0
        yield [*described[:-1], *(run_parts(context, program) if program else ()), *described[-1:]]


def _with_hook(device: str, parent: Handle, described: Document) -> Document:
    """Add the device and hook to a filter of a shared block, whose description only names the block."""
    point = POINTS.get(parent, str(parent))
    words: list[Part] = [
        Field("", text="dev "),
        Field("dev", device, f"{device} ", color=DEVICE),
        Field(point, True, f"{point} "),
    ]
    return [*described[:1], *words, *described[1:]]
