"""Cgroups with their hooks, one for each attach type, and the documents of what is attached to them."""

from __future__ import annotations

import errno

from pytc.bpf.sys import cgroups
from pytc.bpf.sys.attach_points import AttachPoint
from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.constants import F_ALLOW_MULTI, F_ALLOW_OVERRIDE, F_QUERY_EFFECTIVE, attach_type_name
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.links import links
from pytc.closing import Closing
from pytc.commands.shared.attacher import Attachment
from pytc.commands.shared.attachments import link_parts, program_parts, refusal
from pytc.errors import AttachError, BpfSyscallError
from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.sys.attach_points import Attachments
    from pytc.bpf.sys.cgroups import CgroupAttachType
    from pytc.bpf.sys.descriptor import OwnedFd
    from pytc.commands.cgroup.words import CgroupName
    from pytc.commands.shared.attachments import LinkPins
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document, Part

_SHARING = {F_ALLOW_MULTI: "multi", F_ALLOW_OVERRIDE: "override", 0: "exclusive"}
_SENTENCES = {
    errno.ENOENT: "there is no such program",
    errno.E2BIG: "there is no room: a cgroup takes 64 programs of a type",
}
_ANOTHER_SHARING = (
    "programs that are there already, here or in a cgroup above, are attached with another of multi, "
    "override and exclusive, which do not go together",
)


class Cgroup(Closing):
    """A cgroup, opened when it is first looked at, and closed at the end of a ``with`` block.

    A :class:`~pytc.commands.shared.attacher.Target` with the programs of all attach types.
    """

    def __init__(self, name: CgroupName) -> None:
        self._name = name
        self._path = ""
        self._descriptor: OwnedFd | None = None

    @property
    def label(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        """The path of its directory; raises AttachError for a process that does not exist."""
        if not self._path:
            self._path = cgroups.process_cgroup(self._name.pid) if self._name.pid else self._name.path
        return self._path

    def descriptor(self) -> int:
        """Return a descriptor of its directory; raises AttachError for what is not a directory of cgroup2."""
        if self._descriptor is None:
            self._descriptor = cgroups.open_cgroup(self.path)
        return self._descriptor.fd

    def words(self) -> list[Part]:
        key, value = ("pid", self._name.pid) if self._name.pid else ("cgroup", self._name.path)
        return [Field(key, value, f" {key} {value}")]

    def check(self) -> None:
        self.descriptor()

    def hooks(self, word: str = "") -> list[CgroupHook]:
        """Return the hook of the attach type that a word means, all for an empty one."""
        return [CgroupHook(self, type) for type in ([ATTACH_TYPES[word]] if word else ATTACH_TYPES.values())]

    def attached(self) -> list[Attachment]:
        links = links_by_cgroup()
        return [Attachment(hook, *program) for hook in self.hooks() for program in hook.query(links).programs]

    def close(self) -> None:
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None


class CgroupHook:
    """The :class:`~pytc.commands.shared.attacher.Hook` of a cgroup for one attach type."""

    def __init__(self, cgroup: Cgroup, type: CgroupAttachType) -> None:
        self._cgroup = cgroup
        self.type = type

    @property
    def label(self) -> str:
        return f"{self._cgroup.path} {self.type.word}"

    @property
    def point(self) -> AttachPoint:
        return AttachPoint(self._cgroup.descriptor(), self.type.number)

    def words(self) -> list[Part]:
        return [*self._cgroup.words(), Field("type", self.type.word, f" type {self.type.word}")]

    def check(self) -> None:
        self._cgroup.check()

    def close(self) -> None:
        self._cgroup.close()

    def attached(self) -> list[Attachment]:
        return [Attachment(self, *attached) for attached in self.query(links_by_cgroup()).programs]

    def query(self, links: cgroups.Links, *, effective: bool = False) -> Attachments:
        """Return the programs, with those of ``links`` links; with ``effective``, those of the cgroups above that run
        here, too. Raises AttachError."""
        try:
            return cgroups.attachments(
                self._cgroup.descriptor(), self.type, links, flags=F_QUERY_EFFECTIVE if effective else 0
            )
        except BpfSyscallError as error:
            raise self.explain(error) from error

    def explain(self, error: BpfSyscallError, *, program: int = 0, revision: int = 0) -> AttachError:
        if error.errno == errno.EINVAL and program and self._has(program):
            return AttachError(f"{self.label}: this program is attached there already", errno=error.errno)
        return refusal(error, self.label, _SENTENCES, _ANOTHER_SHARING)

    def _has(self, program: int) -> bool:
        """Report whether a program, by its descriptor, is attached here."""
        number = describe_program(program).id
        return any(attached.program == number for attached in self.query({}).programs)


def links_by_cgroup() -> cgroups.Links:
    """Return the links of cgroups; none where they cannot be listed: before Linux 5.8, or without CAP_SYS_ADMIN."""
    try:
        return cgroups.links_by_target(links())
    except BpfSyscallError:
        return {}


def hook_documents(
    context: Context,
    hooks: Sequence[CgroupHook],
    links: cgroups.Links,
    pins: LinkPins,
    *,
    effective: bool = False,
    indent: str = "",
) -> list[Document]:
    """Describe the programs of hooks; ``links`` are all links, ``pins`` theirs. Raises AttachError."""
    return [
        document
        for hook in hooks
        for document in _documents(context, hook, hook.query(links, effective=effective), pins, effective, indent)
    ]


def _documents(
    context: Context, hook: CgroupHook, attachments: Attachments, pins: LinkPins, effective: bool, indent: str
) -> list[Document]:
    sharing = _SHARING.get(attachments.flags & (F_ALLOW_MULTI | F_ALLOW_OVERRIDE), "")
    # with BPF_F_QUERY_EFFECTIVE the kernel returns no flags: the programs may be attached in several ways
    flags: list[Part] = [Field("attach_flags", sharing, f"{sharing} ")] if sharing and not effective else []
    return [
        [
            Field("", text=f"{indent}{hook.type.word} "),
            Field("attach_type", attach_type_name(hook.type.number)),
            *flags,
            *link_parts(program.link, pins),
            *program_parts(context, program.program),
            Field("", text="\n"),
        ]
        for program in attachments.programs
    ]
