"""Attachments as values: programs at a place, which can be asked, replaced, kept and detached."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TypeVar

from pytc.api.calls import log, open_context, public
from pytc.api.namespaces import namespace_id
from pytc.bpf.loader.program import Program
from pytc.bpf.sys.descriptions import ProgramDescription
from pytc.bpf.sys.links import Link
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.closing import Closing
from pytc.commands.cgroup.cgroups import Cgroup, links_by_cgroup
from pytc.commands.cgroup.words import CgroupName
from pytc.commands.shared import attacher
from pytc.commands.shared.device_hooks import DeviceHook
from pytc.commands.shared.kernel_attacher import KernelAttacher
from pytc.contexts import contextmanager
from pytc.errors import ArgumentError, AttachError
from pytc.tc.kinds.interface import OpenedProgram

#: What the call that returned an attachment has done: ``found`` for one that is listed, ``unchanged`` for one that an
#: ``ensure_*`` method has left as it was.
Change = Literal["attached", "replaced", "unchanged", "found"]
_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENOLINK, errno.EINVAL)
_Self = TypeVar("_Self", bound="Attachment")


class Attachment(Closing, ABC):
    """A program at a place: a filter, or an entry of tcx, netkit, a cgroup or XDP.

    An attachment is a value: it belongs to nobody, and the program stays attached when the object is forgotten, or the
    process ends. A ``with`` block detaches at its end, unless :meth:`keep` was called. What others have detached or
    replaced meanwhile is left alone.

    ``change`` says what the call that returned it has done; ``program_id`` is the id of the attached program.

    >>> with traffic.programs.drop_icmp.attach_filter("em1", "egress", pref=7) as attachment:
    ...     attachment.replace(traffic.programs.count_protocols)
    ...     attachment
    <FilterAttachment em1 egress pref 7 handle 0x1 program ... 'count_protocols'>
    """

    def __init__(self, program_id: int, change: Change = "attached") -> None:
        self.program_id = program_id
        self.change: Change = change
        self._kept = change in ("found", "unchanged")
        self._namespace = namespace_id()

    @property
    @abstractmethod
    def kind(self) -> Literal["filter", "tcx", "netkit", "cgroup", "xdp"]:
        """The part of the kernel that runs the program."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The place in words, like ``em1 ingress pref 1 handle 0x1``."""

    @property
    def program(self) -> ProgramDescription | None:
        """The kernel's description of the program: id, name, tag; None when it is gone, and without CAP_SYS_ADMIN."""
        return lookup_program(self.program_id)

    @abstractmethod
    def is_attached(self) -> bool:
        """Ask the kernel whether the program is still there; raises PytcError."""

    @public
    def replace(self, program: Program) -> None:
        """Put another program into this place, in one step: each packet meets either the old or the new one.

        Raises AttachError when the program that was here has gone, or has been replaced by somebody else.
        """
        new = describe(program)
        self._check_namespace()
        if not self.is_attached():
            raise AttachError(f"{self}: somebody has detached or replaced it", errno=errno.ENOENT)
        self._replace(OpenedProgram(program.fd, program.name))
        log.debug("replaced program %d by %d (%s) at %s", self.program_id, new.id, new.name, self.place)
        self.program_id, self.change = new.id, "replaced"

    @abstractmethod
    def _replace(self, program: OpenedProgram) -> None: ...

    @public
    def detach(self) -> bool:
        """Detach the program; returns False where it was not there any more. Nothing else is touched.

        Raises PytcError where the kernel refuses.
        """
        self._check_namespace()
        self._kept = True
        try:
            is_detached = self.is_attached()
            if is_detached:
                self._detach()
        except AttachError as error:
            if error.errno not in _ABSENT:
                raise
            is_detached = False
        log.debug("%s %s", "detached" if is_detached else "already gone:", self)
        return is_detached

    @abstractmethod
    def _detach(self) -> None: ...

    def keep(self: _Self) -> _Self:
        """Let the program stay attached at the end of the ``with`` block; returns this attachment."""
        self._kept = True
        return self

    def close(self) -> None:
        """Detach the program unless it is kept."""
        if not self._kept:
            self.detach()

    def _check_namespace(self) -> None:
        if self._namespace != namespace_id():
            raise AttachError(f"{self} is in another network namespace than this thread: see pytc.netns()")

    def __repr__(self) -> str:
        about = self.program
        name = f" {about.name!r}" if about is not None and about.name else ""
        return f"<{type(self).__name__} {self.place} program {self.program_id}{name}>"


class XdpAttachment(Attachment):
    """A program of XDP, as :func:`pytc.hooks` finds it. It cannot be replaced; detaching needs a link."""

    kind = "xdp"

    def __init__(self, device: str, mode: str, program_id: int, link: int = 0) -> None:
        super().__init__(program_id, "found")
        self.device, self.mode, self.link = device, mode, link

    @property
    def place(self) -> str:
        return f"{self.device} xdp {self.mode}"

    def is_attached(self) -> bool:
        from pytc.netlink.xdp import xdp_programs

        with open_context() as context:
            index = context.device_index(self.device)
            return any(program.program == self.program_id for program in xdp_programs(context.session, index))

    def _replace(self, program: OpenedProgram) -> None:
        raise AttachError(f"{self}: pytc does not replace programs of XDP")

    def _detach(self) -> None:
        if not self.link:
            raise AttachError(f"{self}: pytc detaches programs of XDP by their links only, and it has none")
        with Link.from_id(self.link) as link:
            link.detach()


class ListedAttachment(Attachment):
    """A program in an ordered list of bpf(2): of tcx, netkit or a cgroup; with a ``link_id`` where it has a link.

    A link that this process holds is in ``link``: the attachment ends when that is closed, unless it is pinned.
    """

    def __init__(self, program_id: int, link_id: int = 0, change: Change = "attached") -> None:
        super().__init__(program_id, change)
        self.link_id = link_id
        self.link: Link | None = None
        self.pinned = ""

    def is_attached(self) -> bool:
        try:
            with self._target() as hook:
                return any(
                    (attached.program, attached.link) == (self.program_id, self.link_id) for attached in hook.attached()
                )
        except AttachError as error:
            if error.errno in _ABSENT:
                return False
            raise

    @abstractmethod
    def _target(self) -> AbstractContextManager[attacher.Hook]:
        """Provide the hook, with the descriptors that it needs."""

    def _replace(self, program: OpenedProgram) -> None:
        with open_context() as context, self._target() as hook:
            KernelAttacher(context).replace(hook, self._choice(hook), program, sharing=self._sharing)

    def _detach(self) -> None:
        with open_context() as context, self._target() as hook:
            KernelAttacher(context).detach(hook, self._choice(hook))
        self._forget_link()

    def _choice(self, hook: attacher.Hook) -> attacher.Choice:
        return attacher.Choice(None, (attacher.Attachment(hook, self.program_id, self.link_id),))

    @property
    def _sharing(self) -> "attacher.Sharing | None":
        return None

    def keep(self: _Self, path: str = "") -> _Self:
        """Let the program stay attached at the end of the ``with`` block; returns this attachment.

        An attachment by a link ends with the process unless the link is pinned: ``path``, in a bpffs, says where.
        Raises AttachError for a link without a path, BpfSyscallError.
        """
        assert isinstance(self, ListedAttachment)
        if self.link is not None and not self.pinned:
            if not path:
                raise ArgumentError(f"{self}: its link ends with this process; keep(PATH) pins it in a bpffs")
            self.link.pin(path)
            self.pinned = path
        self._kept = True
        return self

    def close(self) -> None:
        """Detach the program unless it is kept; close the link."""
        super().close()
        if self.link is not None:
            self.link.close()

    def _forget_link(self) -> None:
        if self.pinned:
            import os

            try:
                os.unlink(self.pinned)
            except FileNotFoundError:
                pass  # somebody else has unpinned it
            self.pinned = ""
        if self.link is not None:
            self.link.close()


class DeviceAttachment(ListedAttachment):
    """A program of tcx or netkit at a device. ``hook`` is ingress, egress, primary or peer; ``ifindex`` the index of
    the device."""

    def __init__(self, hook: DeviceHook, program_id: int, link_id: int = 0, change: Change = "attached") -> None:
        super().__init__(program_id, link_id, change)
        self.device, self.hook, self.ifindex = hook.device, hook.name, hook.index

    @property
    def kind(self) -> Literal["tcx", "netkit"]:
        """The part of the kernel that runs the program."""
        return DeviceHook(self.device, self.hook, self.ifindex).kind

    @property
    def place(self) -> str:
        return f"{self.device} {self.kind} {self.hook}"

    def _target(self) -> AbstractContextManager[attacher.Hook]:
        return nullcontext(DeviceHook(self.device, self.hook, self.ifindex))


class CgroupAttachment(ListedAttachment):
    """A program at a cgroup. ``path`` is the cgroup's directory, ``attach_type`` a word like ``egress`` or
    ``connect4``."""

    kind = "cgroup"

    def __init__(
        self,
        path: str,
        attach_type: str,
        program_id: int,
        link_id: int = 0,
        change: Change = "attached",
        *,
        sharing: "attacher.Sharing" = "multi",
    ) -> None:
        super().__init__(program_id, link_id, change)
        self.path, self.attach_type, self.sharing = path, attach_type, sharing

    @property
    def place(self) -> str:
        return f"{self.path} {self.attach_type}"

    @property
    def _sharing(self) -> "attacher.Sharing | None":
        return self.sharing

    @contextmanager
    def _target(self) -> Iterator[attacher.Hook]:
        with Cgroup(CgroupName(self.path)) as cgroup:
            (hook,) = cgroup.hooks(self.attach_type)
            yield hook

    def _check_namespace(self) -> None:
        """A cgroup is the same in every network namespace."""


def describe(program: object) -> ProgramDescription:
    """Return the kernel's description of a program to be attached; raises TypeError for anything else, and
    ClosedError."""
    if not isinstance(program, Program):
        raise TypeError(
            f"a program is wanted, and this is {program!r}; the programs of an object are pytc.load(...).programs"
        )
    return program.description


def listed(path: str) -> list[CgroupAttachment]:
    """Return the programs that are attached to a cgroup, those of each attach type in run order; raises AttachError."""
    links = links_by_cgroup()
    with Cgroup(CgroupName(path)) as cgroup:
        return [
            CgroupAttachment(path, hook.type.word, attached.program, attached.link, "found", sharing=_sharing(flags))
            for hook in cgroup.hooks()
            for queried in [hook.query(links)]
            for flags in [queried.flags]
            for attached in queried.programs
        ]


def _sharing(flags: int) -> "attacher.Sharing":
    from pytc.bpf.sys.constants import F_ALLOW_MULTI, F_ALLOW_OVERRIDE

    return "multi" if flags & F_ALLOW_MULTI else "override" if flags & F_ALLOW_OVERRIDE else "exclusive"
