"""Describe maps, programs and BTF objects in the kernel: BPF_OBJ_GET_INFO_BY_FD."""

from __future__ import annotations

import ctypes
import errno
import os

from pytc.bpf.sys.abi import BtfInfo, IdAttr, InfoAttr, MapInfo, ProgInfo
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptions import MapDescription, ProgramDescription
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pytc.bpf.sys.abi import LinkInfo


def describe_map(fd: int) -> MapDescription:
    """Return the kernel's description of a map; raises BpfSyscallError, also for a descriptor of something else."""
    info = MapInfo()
    check_kind(fd, "map")
    get_info(fd, info)
    return MapDescription(
        info.id,
        info.type,
        info.key_size,
        info.value_size,
        info.max_entries,
        info.map_flags,
        info.name.decode("ascii", "replace"),
        info.btf_id,
        info.btf_key_type_id,
        info.btf_value_type_id,
        info.map_extra,
    )


def describe_program(fd: int) -> ProgramDescription:
    """Return the kernel's description of a program; raises BpfSyscallError, also for a descriptor of something else."""
    info = ProgInfo()
    check_kind(fd, "prog")
    get_info(fd, info)
    return ProgramDescription(
        info.id,
        info.type,
        info.name.decode("ascii", "replace"),
        bytes(info.tag).hex(),
        bool(info.jited_prog_len),
        info.load_time,
        info.created_by_uid,
        info.btf_id,
    )


class RunStatistics(NamedTuple):
    """The number of runs of a program, and their total time; counted while kernel.bpf_stats_enabled is 1."""

    runs: int
    nanoseconds: int


def run_statistics(fd: int) -> RunStatistics:
    """Return the run statistics of a program; raises BpfSyscallError."""
    info = ProgInfo()
    get_info(fd, info)
    return RunStatistics(info.run_cnt, info.run_time_ns)


def translated_instructions(fd: int) -> bytes:
    """Return a program as the kernel translated it, with map ids where descriptors were (needs CAP_SYS_ADMIN).

    Raises BpfSyscallError.
    """
    info = ProgInfo()
    get_info(fd, info)
    buffer = ctypes.create_string_buffer(max(info.xlated_prog_len, 1))
    request = ProgInfo(xlated_prog_len=info.xlated_prog_len, xlated_prog_insns=ctypes.addressof(buffer))
    get_info(fd, request)
    return buffer.raw[: request.xlated_prog_len]


def program_map_ids(fd: int) -> list[int]:
    """Return the ids of the maps that a program uses; raises BpfSyscallError."""
    info = ProgInfo()
    get_info(fd, info)
    ids = (ctypes.c_uint32 * max(info.nr_map_ids, 1))()
    request = ProgInfo(nr_map_ids=info.nr_map_ids, map_ids=ctypes.addressof(ids))
    get_info(fd, request)
    return list(ids[: request.nr_map_ids])


class ArrayOwner(NamedTuple):
    """The programs that a program array accepts: of this type, JIT-compiled or not."""

    type: int
    jited: bool


def array_owner(fd: int) -> ArrayOwner | None:
    """Return the owner of a program array from /proc/self/fdinfo (bpf_map_show_fdinfo); None before its first
    program."""
    try:
        with open(f"/proc/self/fdinfo/{fd}") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return None
    if "owner_prog_type" not in fields:
        return None
    return ArrayOwner(int(fields["owner_prog_type"]), fields.get("owner_jited", "").strip() == "1")


def program_by_id(number: int) -> OwnedFd:
    """Open the program with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError (ENOENT when it is gone)."""
    return OwnedFd(bpf(Command.PROG_GET_FD_BY_ID, IdAttr(id=number), what=f"program with id {number}"))


def map_by_id(number: int) -> OwnedFd:
    """Open the map with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError (ENOENT when it is gone)."""
    return OwnedFd(bpf(Command.MAP_GET_FD_BY_ID, IdAttr(id=number), what=f"map with id {number}"))


def btf_by_id(number: int) -> OwnedFd:
    """Open the BTF object with an id (needs CAP_SYS_ADMIN); raises BpfSyscallError (ENOENT when it is gone)."""
    return OwnedFd(bpf(Command.BTF_GET_FD_BY_ID, IdAttr(id=number), what=f"types with id {number}"))


def btf_image(number: int) -> bytes:
    """Return the type information with an id, in the form BPF_BTF_LOAD took it; raises BpfSyscallError."""
    with btf_by_id(number) as descriptor:
        info = BtfInfo()
        get_info(descriptor.fd, info)
        buffer = ctypes.create_string_buffer(max(info.btf_size, 1))
        request = BtfInfo(btf_size=info.btf_size, btf=ctypes.addressof(buffer))
        get_info(descriptor.fd, request)
        return buffer.raw[: min(info.btf_size, request.btf_size)]


def ids(command: Command) -> Iterator[int]:
    """Yield all ids of a kind: MAP_GET_NEXT_ID, PROG_GET_NEXT_ID, BTF_GET_NEXT_ID, LINK_GET_NEXT_ID (need
    CAP_SYS_ADMIN).

    Raises BpfSyscallError.
    """
    attr = IdAttr()
    while True:
        try:
            bpf(command, attr, size=ctypes.sizeof(attr), what="listing ids")
        except BpfSyscallError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        yield attr.next_id
        attr = IdAttr(id=attr.next_id)


if TYPE_CHECKING:
    ObjectKind = Literal["map", "prog", "link"]
# Names of anonymous inodes. Links have two: kernel/bpf/syscall.c spells them differently in bpf_link_prime and
# bpf_link_new_fd.
_OBJECT_KINDS: dict[str, ObjectKind] = {"bpf-map": "map", "bpf-prog": "prog", "bpf-link": "link", "bpf_link": "link"}
_KINDS = {"map": "map", "prog": "program", "link": "link"}


def object_kind(fd: int) -> ObjectKind | None:
    """Return the kind of BPF object that a descriptor refers to; None for anything else, and without /proc."""
    try:
        name = os.readlink(f"/proc/self/fd/{fd}").removeprefix("anon_inode:").strip("[]")
    except OSError:
        return None
    return _OBJECT_KINDS.get(name)


def check_kind(fd: int, kind: Literal["map", "prog"]) -> None:
    """Raise BpfSyscallError for a descriptor that is not a ``map`` or ``prog``.

    The kernel answers for a BPF object of any kind, and another kind's bytes would pass as numbers.
    """
    try:
        name = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return  # no /proc
    if name != f"anon_inode:bpf-{kind}":
        other = object_kind(fd)
        actual = f"a {_KINDS[other]}" if other is not None else name
        raise BpfSyscallError("OBJ_GET_INFO_BY_FD", errno.EINVAL, f"not a {_KINDS[kind]} but {actual}")


def get_info(fd: int, info: MapInfo | ProgInfo | BtfInfo | LinkInfo) -> None:
    """Fill ``info`` with the kernel's description (BPF_OBJ_GET_INFO_BY_FD); raises BpfSyscallError."""
    attr = InfoAttr(bpf_fd=fd, info_len=ctypes.sizeof(info), info=ctypes.addressof(info))
    bpf(Command.OBJ_GET_INFO_BY_FD, attr)
