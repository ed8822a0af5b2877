"""Cgroups as attach points: cgroup2's hierarchy, what can be attached there, and as which type of program.

Programs are attached to cgroup2 alone; a hybrid system has it at /sys/fs/cgroup/unified, beside hierarchies of v1 that
take none. Sources: include/uapi/linux/bpf.h, include/uapi/linux/magic.h, Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import errno
import os

from pytc.bpf.sys.attach_points import Attachment, Attachments, AttachPoint, query
from pytc.bpf.sys.constants import ProgramType, attach_type_name, attach_type_number
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.mounts import find_mounts
from pytc.errors import AttachError, BpfSyscallError
from pytc.libc import file_system_type
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytc.bpf.sys.links import LinkDescription

_CGROUP2_MAGIC, _CGROUP_MAGIC = 0x63677270, 0x27E0EB
_DEEPEST = 64
if TYPE_CHECKING:
    #: Links by the id of their cgroup and their attach type.
    Links = Mapping[tuple[int, int], Sequence[LinkDescription]]


class CgroupAttachType(NamedTuple):
    """An attach type of cgroups: its word on the command line, and the ELF sections that imply it."""

    word: str
    number: int
    program: ProgramType
    sections: tuple[str, ...]


def _types() -> Iterator[CgroupAttachType]:
    for name, word, type, *sections in (
        ("sock_ops", "sock_ops", ProgramType.SOCK_OPS, "sockops"),
        ("inet_ingress", "ingress", ProgramType.CGROUP_SKB, "cgroup_skb/ingress", "cgroup/skb"),
        ("inet_egress", "egress", ProgramType.CGROUP_SKB, "cgroup_skb/egress", "cgroup/skb"),
        ("inet_sock_create", "sock_create", ProgramType.CGROUP_SOCK, "cgroup/sock_create", "cgroup/sock"),
        ("inet_sock_release", "sock_release", ProgramType.CGROUP_SOCK, "cgroup/sock_release"),
        ("device", "device", ProgramType.CGROUP_DEVICE, "cgroup/dev"),
        ("sysctl", "sysctl", ProgramType.CGROUP_SYSCTL, "cgroup/sysctl"),
        ("getsockopt", "getsockopt", ProgramType.CGROUP_SOCKOPT, "cgroup/getsockopt"),
        ("setsockopt", "setsockopt", ProgramType.CGROUP_SOCKOPT, "cgroup/setsockopt"),
    ):
        yield CgroupAttachType(word, attach_type_number(f"cgroup_{name}"), type, tuple(sections))
    for version in "46":
        for kind, verbs in (
            ("inet", ("bind", "connect", "getpeername", "getsockname")),
            ("udp", ("sendmsg", "recvmsg")),
        ):
            for verb in verbs:
                yield CgroupAttachType(
                    f"{verb}{version}",
                    attach_type_number(f"cgroup_{kind}{version}_{verb}"),
                    ProgramType.CGROUP_SOCK_ADDR,
                    (f"cgroup/{verb}{version}",),
                )
        yield CgroupAttachType(
            f"post_bind{version}",
            attach_type_number(f"cgroup_inet{version}_post_bind"),
            ProgramType.CGROUP_SOCK,
            (f"cgroup/post_bind{version}",),
        )
    for verb in ("connect", "sendmsg", "recvmsg", "getpeername", "getsockname"):
        yield CgroupAttachType(
            f"{verb}_unix",
            attach_type_number(f"cgroup_unix_{verb}"),
            ProgramType.CGROUP_SOCK_ADDR,
            (f"cgroup/{verb}_unix",),
        )


#: The attach types of cgroups by their words on the command line.
ATTACH_TYPES: dict[str, CgroupAttachType] = {one.word: one for one in _types()}


def mounts() -> list[str]:
    """Return the mount points of cgroup2."""
    return list(find_mounts("cgroup2"))


def process_cgroup(pid: int) -> str:
    """Return the directory of a process's cgroup in cgroup2; raises AttachError."""
    try:
        with open(f"/proc/{pid}/cgroup", errors="surrogateescape") as lines:
            inside = next((line[3:].rstrip("\n") for line in lines if line.startswith("0::")), "")
    except (FileNotFoundError, ProcessLookupError):
        raise AttachError(f"there is no process {pid}", errno=errno.ESRCH) from None
    if not inside:
        raise AttachError(f"process {pid} is not in a cgroup of cgroup2")
    if inside.startswith("/.."):
        raise AttachError(f"the cgroup of process {pid}, {inside}, is outside of the cgroup namespace")
    return os.path.join(root(), inside.lstrip("/")).rstrip("/")


def root() -> str:
    """Return the first mount point of cgroup2; raises AttachError."""
    paths = mounts()
    if not paths:
        raise AttachError("no cgroup2 is mounted", hints=('"mount -t cgroup2 none DIRECTORY" mounts it',))
    return paths[0]


def open_cgroup(path: str) -> OwnedFd:
    """Open a cgroup's directory; raises AttachError, which names the mount point of cgroup2, for a directory outside of
    it."""
    try:
        opened = OwnedFd(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or errno.EINVAL
        raise AttachError(f'cgroup "{path}": {os.strerror(number)}', errno=number) from error
    kind = file_system_type(opened.fd)
    if kind == _CGROUP2_MAGIC:
        return opened
    opened.close()
    what = (
        "a cgroup of version 1, which cannot have programs" if kind == _CGROUP_MAGIC else "not a directory of cgroup2"
    )
    paths = mounts()
    hint = f"cgroup2 is mounted at {paths[0]}{_twin(path, paths[0])}" if paths else "no cgroup2 is mounted"
    raise AttachError(f'"{path}" is {what}', errno=errno.EBADF, hints=(hint,))


def _twin(path: str, mount: str) -> str:
    """Return a hint at a directory of the same name in cgroup2, empty where there is none."""
    name = os.path.join(mount, os.path.basename(os.path.abspath(path)))
    return f"; {name} exists" if os.path.isdir(name) else ""


def links_by_target(links: Iterable[LinkDescription]) -> Links:
    """Return the links of cgroups by cgroup and attach type, each list in the order of ids."""
    by_target: dict[tuple[int, int], list[LinkDescription]] = {}
    for link in links:
        if link.cgroup and link.attach_type is not None:
            by_target.setdefault((link.cgroup, link.attach_type), []).append(link)
    return by_target


def attachments(cgroup: int, type: CgroupAttachType, links: Links, *, flags: int = 0) -> Attachments:
    """Return the attachments of one type at a cgroup, given by its descriptor; none for a type that the kernel lacks.

    ``links`` are all links of cgroups, since the kernel does not tell which programs are attached by one. Raises
    BpfSyscallError.
    """
    try:
        result = query(AttachPoint(cgroup, type.number), flags=flags)
    except BpfSyscallError as error:
        if error.errno == errno.EINVAL:  # an attach type that this kernel does not know
            return Attachments()
        raise
    unmatched = list(links.get((os.fstat(cgroup).st_ino, type.number), ()))
    programs = []
    for attachment in result.programs:
        link = next((link for link in unmatched if link.program == attachment.program), None)
        if link is not None:
            unmatched.remove(link)
        programs.append(Attachment(attachment.program, link.id if link is not None else 0))
    return result._replace(programs=tuple(programs))


def cgroup_tree(path: str, depth: int = 0) -> Iterator[str]:
    """Yield a cgroup's directory and those below it, in the order of their names."""
    yield path
    try:
        names = sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except OSError:  # gone meanwhile
        return
    if depth < _DEEPEST:
        for name in names:
            yield from cgroup_tree(os.path.join(path, name), depth + 1)


def attach_type_word(number: int) -> str:
    """Return the command word for an attach type; the kernel's name for one that is not a cgroup's."""
    return next((type.word for type in ATTACH_TYPES.values() if type.number == number), attach_type_name(number))
