"""Attach points that bpf(2) itself serves: BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY.

tcx (Linux 6.6) and netkit (6.7) keep ordered lists of programs at a device, told apart by a revision that each change
counts up; cgroups (4.10) keep theirs at a directory of cgroup2. Sources: kernel/bpf/mprog.c, kernel/bpf/tcx.c,
kernel/bpf/cgroup.c, include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno

from pytc.bpf.sys.abi import ProgAttachAttr, ProgQueryAttr
from pytc.bpf.sys.constants import (
    F_AFTER,
    F_BEFORE,
    F_ID,
    F_LINK,
    F_REPLACE,
    Command,
    attach_type_name,
    attach_type_number,
)
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TCX_INGRESS, TCX_EGRESS = attach_type_number("tcx_ingress"), attach_type_number("tcx_egress")
NETKIT_PRIMARY, NETKIT_PEER = attach_type_number("netkit_primary"), attach_type_number("netkit_peer")
_ROOM = 64


class AttachPoint(NamedTuple):
    """A device or cgroup, and an attach type.

    ``target`` is the index of a device, or a descriptor of a cgroup's directory; ``type`` is a number of enum
    bpf_attach_type.
    """

    target: int
    type: int

    @property
    def name(self) -> str:
        """The kernel's name of the attach type without its prefix: ``tcx_ingress``."""
        return attach_type_name(self.type)


class Position(NamedTuple):
    """A position in the order of an attach point: before or after another program or link, or all of them without
    ``relative``.

    ``relative`` is an id, of a link where ``link`` is set, 0 for none. Neither ``before`` nor ``after`` is at the end.
    """

    before: bool = False
    after: bool = False
    relative: int = 0
    link: bool = False

    @property
    def flags(self) -> int:
        """The flags BPF_F_BEFORE, BPF_F_AFTER, BPF_F_ID and BPF_F_LINK of this position."""
        related = F_ID | (F_LINK if self.link else 0) if self.relative else 0
        return (F_BEFORE if self.before else 0) | (F_AFTER if self.after else 0) | related


LAST = Position()
FIRST = Position(before=True)


class Attachment(NamedTuple):
    """A program at an attach point; ``link`` is the id of its link, 0 without one."""

    program: int
    link: int = 0


class Attachments(NamedTuple):
    """The programs at an attach point, in the order in which they run.

    ``flags`` are those of a cgroup's attach type; ``revision`` is 0 if the kernel reports none.
    """

    programs: tuple[Attachment, ...] = ()
    flags: int = 0
    revision: int = 0


def attach(
    point: AttachPoint,
    program: int,
    *,
    flags: int = 0,
    position: Position = LAST,
    revision: int = 0,
    replacing: int = 0,
) -> None:
    """Attach a program, given by its descriptor.

    With ``replacing``, the descriptor of an attached program, the new one takes that one's place in one step.
    ``revision`` is the expected revision of the list, 0 for any.

    Raises BpfSyscallError: EEXIST (it is attached already), ENOENT (no such relative, or nothing to replace), ESTALE
    (another revision), EINVAL (the kernel does not know the type of the point).
    """
    attr = ProgAttachAttr(
        target=point.target,
        attach_bpf_fd=program,
        attach_type=point.type,
        attach_flags=flags | position.flags | (F_REPLACE if replacing else 0),
        replace_bpf_fd=replacing,
        relative=position.relative,
        expected_revision=revision,
    )
    bpf(Command.PROG_ATTACH, attr, what=f"attaching to {point.name}")


def detach(point: AttachPoint, program: int, *, revision: int = 0) -> None:
    """Detach a program that is attached without a link; raises BpfSyscallError (ENOENT, ESTALE)."""
    attr = ProgAttachAttr(
        target=point.target, attach_bpf_fd=program, attach_type=point.type, expected_revision=revision
    )
    bpf(Command.PROG_DETACH, attr, what=f"detaching from {point.name}")


def query(point: AttachPoint, *, flags: int = 0, links: bool = False) -> Attachments:
    """Return the attachments at a point; with ``links``, also the ids of links, which only tcx and netkit report.

    ``flags`` is BPF_F_QUERY_EFFECTIVE or 0. Raises BpfSyscallError.
    """
    room = _ROOM
    while True:
        programs, ids = (ctypes.c_uint32 * room)(), (ctypes.c_uint32 * room)()
        attr = ProgQueryAttr(
            target=point.target,
            attach_type=point.type,
            query_flags=flags,
            count=room,
            prog_ids=ctypes.addressof(programs),
            link_ids=ctypes.addressof(ids) if links else 0,
        )
        try:
            bpf(Command.PROG_QUERY, attr, what=f"asking {point.name}")
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT and links:  # nothing was ever attached: no mprog entry (tcx_prog_query)
                return Attachments()
            if error.errno != errno.ENOSPC or room > 1 << 16:
                raise
            room = max(attr.count, 2 * room)
            continue
        return Attachments(_attached(programs[: attr.count], ids[: attr.count]), attr.attach_flags, attr.revision)


def _attached(programs: Sequence[int], links: Sequence[int]) -> tuple[Attachment, ...]:
    return tuple(Attachment(*pair) for pair in zip(programs, links, strict=True))
