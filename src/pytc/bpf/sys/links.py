"""Attach programs by links, which have a descriptor and can be pinned (Linux 5.7; of tcx 6.6, of netkit 6.7).

An attachment ends with its link: when its last holder closes it, when it is detached, or when its device or cgroup
disappears. In the latter two cases the link lives on while it has holders, attached to nothing ("defunct").
"""

from __future__ import annotations

import errno
import sys

from pytc.bpf.sys.abi import IdAttr, LinkCreateAttr, LinkInfo, LinkUpdateAttr
from pytc.bpf.sys.attach_points import LAST
from pytc.bpf.sys.constants import F_REPLACE, Command, link_type_name
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import get_info, ids, object_kind
from pytc.bpf.sys.pins import open_pin, pin
from pytc.bpf.sys.syscall import bpf
from pytc.closing import Closing
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.sys.attach_points import AttachPoint, Position

_ATTACH_TYPE_AT = {"cgroup": (8, 12), "tcx": (4, 8), "netkit": (4, 8), "netns": (4, 8), "tracing": (0, 4)}
_DEVICE_AT = {"tcx": (0, 4), "netkit": (0, 4), "xdp": (0, 4)}


class LinkDescription(NamedTuple):
    """Fields of ``struct bpf_link_info``.

    ``type`` is the kernel's name of the link type; ``attach_type`` is None for types without one. ``ifindex`` and
    ``cgroup`` (the id of a cgroup: the inode of its directory) are 0 for other targets, and for a defunct link;
    ``netns`` is the inode of a namespace.
    """

    id: int
    type: str
    program: int
    attach_type: int | None = None
    ifindex: int = 0
    cgroup: int = 0
    netns: int = 0

    @property
    def is_defunct(self) -> bool:
        """Whether its device or cgroup is gone, or it was detached."""
        return {
            "tcx": not self.ifindex,
            "netkit": not self.ifindex,
            "xdp": not self.ifindex,
            "cgroup": not self.cgroup,
        }.get(self.type, False)


class Link(Closing):
    """A link with an open descriptor, which it owns."""

    def __init__(self, descriptor: OwnedFd) -> None:
        self.descriptor = descriptor

    @classmethod
    def create(
        cls, point: AttachPoint, program: int, *, flags: int = 0, position: Position = LAST, revision: int = 0
    ) -> Link:
        """Attach a program by a link, which ends when the result is closed: pin it to keep it.

        Arguments and errors are those of :func:`pytc.bpf.sys.attach_points.attach`.
        """
        attr = LinkCreateAttr(
            prog_fd=program,
            target=point.target,
            attach_type=point.type,
            flags=flags | position.flags,
            relative=position.relative,
            expected_revision=revision,
        )
        return cls(OwnedFd(bpf(Command.LINK_CREATE, attr, what=f"linking to {point.name}")))

    @classmethod
    def from_id(cls, number: int) -> Link:
        """Open the link with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError (ENOENT when it is gone)."""
        return cls(OwnedFd(bpf(Command.LINK_GET_FD_BY_ID, IdAttr(id=number), what=f"link with id {number}")))

    @classmethod
    def from_pin(cls, path: str) -> Link:
        """Open a pinned link; raises BpfSyscallError, also for the pin of something else."""
        link = cls(open_pin(path))
        try:
            link.description  # noqa: B018 (asks the kernel)
        except BaseException:
            link.close()
            raise
        return link

    @property
    def fd(self) -> int:
        """The descriptor's number."""
        return self.descriptor.fd

    @property
    def description(self) -> LinkDescription:
        """The kernel's description of the link; raises BpfSyscallError, also for a descriptor of something else."""
        return describe_link(self.fd)

    def update(self, program: int, *, old: int = 0) -> None:
        """Replace the link's program in one step: each packet meets either the old or the new one.

        ``old`` is the descriptor of the expected program, 0 for any. Raises BpfSyscallError (EPERM when another is
        attached, ENOLINK when the link is defunct).
        """
        attr = LinkUpdateAttr(link_fd=self.fd, new_prog_fd=program, flags=F_REPLACE if old else 0, old_prog_fd=old)
        bpf(Command.LINK_UPDATE, attr, what="updating the link")

    def detach(self) -> None:
        """End the attachment, whoever holds the link; raises BpfSyscallError (EOPNOTSUPP for types that cannot)."""
        bpf(Command.LINK_DETACH, LinkUpdateAttr(link_fd=self.fd), what="detaching the link")

    def pin(self, path: str) -> None:
        """Pin the link at a path in a bpffs; raises BpfSyscallError."""
        pin(self.fd, path)

    def close(self) -> None:
        """Close the descriptor; the attachment ends unless the link is pinned or held elsewhere."""
        self.descriptor.close()

    def __repr__(self) -> str:
        if self.descriptor.closed:
            return "<Link closed>"
        about = self.description
        return f"<Link {about.type} id {about.id} program {about.program}{' defunct' if about.is_defunct else ''}>"


def describe_link(fd: int) -> LinkDescription:
    """Return the kernel's description of a link; raises BpfSyscallError, also for a descriptor of something else."""
    if object_kind(fd) in ("map", "prog"):
        raise BpfSyscallError("OBJ_GET_INFO_BY_FD", errno.EINVAL, "this is not a link")
    info = LinkInfo()
    get_info(fd, info)
    kind, details = link_type_name(info.type), bytes(info.details)

    def number(span: tuple[int, int] | None) -> int:
        return int.from_bytes(details[span[0] : span[1]], sys.byteorder) if span is not None else 0

    span = _ATTACH_TYPE_AT.get(kind)
    return LinkDescription(
        info.id,
        kind,
        info.prog_id,
        number(span) if span is not None else None,
        number(_DEVICE_AT.get(kind)),
        number((0, 8) if kind == "cgroup" else None),
        number((0, 4) if kind == "netns" else None),
    )


def links() -> Iterator[LinkDescription]:
    """Yield all links of this machine, in the order of their ids (needs CAP_SYS_ADMIN); raises BpfSyscallError."""
    for number in ids(Command.LINK_GET_NEXT_ID):
        try:
            with Link.from_id(number) as link:
                yield link.description
        except BpfSyscallError as error:
            if error.errno not in (errno.ENOENT, errno.EAGAIN):  # gone meanwhile, or not set up yet (bpf_link_by_id)
                raise
