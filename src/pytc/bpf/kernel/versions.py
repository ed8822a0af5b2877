"""Versions of the kernel that brought helpers, map types, program types, BTF kinds and instructions.

For explanations, and for checks of a file without a kernel; a running kernel's abilities are found by trying. Numbers
are those of include/uapi/linux/bpf.h, versions the first release of mainline with it (distributions backport).
"""

from __future__ import annotations

import os

from pytc.bpf.btf import types as b
from pytc.bpf.sys.constants import MapType, ProgramType, attach_type_name
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.bpf.sys.helpers import Helper


class Feature(NamedTuple):
    """A feature of the kernel; ``since`` is the version that brought it, empty where it takes a loader and no
    kernel."""

    text: str
    since: str = ""


# The version, and how many types it added: in the order of their numbers, from 1 on.
_MAP_TYPES = (
    ("3.19", 2),
    ("4.2", 1),
    ("4.3", 1),
    ("4.6", 3),
    ("4.8", 1),
    ("4.10", 2),
    ("4.11", 1),
    ("4.12", 2),
    ("4.14", 2),
    ("4.15", 1),
    ("4.18", 2),
    ("4.19", 2),
    ("4.20", 3),
    ("5.2", 1),
    ("5.4", 1),
    ("5.6", 1),
    ("5.8", 1),
    ("5.10", 1),
    ("5.11", 1),
    ("5.16", 1),
    ("6.1", 1),
    ("6.2", 1),
    ("6.9", 1),
    ("6.19", 1),
)
_PROGRAM_TYPES = (
    ("3.19", 1),
    ("4.1", 3),
    ("4.7", 1),
    ("4.8", 1),
    ("4.9", 1),
    ("4.10", 5),
    ("4.13", 1),
    ("4.14", 1),
    ("4.15", 1),
    ("4.17", 3),
    ("4.18", 2),
    ("4.19", 1),
    ("4.20", 1),
    ("5.2", 2),
    ("5.3", 1),
    ("5.5", 1),
    ("5.6", 2),
    ("5.7", 1),
    ("5.9", 1),
    ("5.14", 1),
    ("6.4", 1),
)
# Settings of the configuration behind types that not every kernel has.
_MAP_SETTINGS: dict[int, str] = {
    MapType.PERF_EVENT_ARRAY: "CONFIG_PERF_EVENTS",
    MapType.STACK_TRACE: "CONFIG_PERF_EVENTS",
    MapType.CGROUP_ARRAY: "CONFIG_CGROUPS",
    MapType.SOCKMAP: "CONFIG_NET_SOCK_MSG (before Linux 5.13 CONFIG_BPF_STREAM_PARSER)",
    MapType.SOCKHASH: "CONFIG_NET_SOCK_MSG (before Linux 5.13 CONFIG_BPF_STREAM_PARSER)",
    MapType.XSKMAP: "CONFIG_XDP_SOCKETS",
    MapType.CGROUP_STORAGE: "CONFIG_CGROUP_BPF",
    MapType.PERCPU_CGROUP_STORAGE: "CONFIG_CGROUP_BPF",
    MapType.STRUCT_OPS: "CONFIG_BPF_JIT",
    MapType.INODE_STORAGE: "CONFIG_BPF_LSM",
    MapType.CGRP_STORAGE: "CONFIG_CGROUPS",
    MapType.ARENA: "CONFIG_BPF_JIT, for a processor of 64 bits",
}
_TRACING = "CONFIG_BPF_EVENTS"
_CGROUPS = "CONFIG_CGROUP_BPF"
_PROGRAM_SETTINGS: dict[int, str] = {
    ProgramType.KPROBE: _TRACING,
    ProgramType.TRACEPOINT: _TRACING,
    ProgramType.PERF_EVENT: _TRACING,
    ProgramType.RAW_TRACEPOINT: _TRACING,
    ProgramType.RAW_TRACEPOINT_WRITABLE: _TRACING,
    ProgramType.TRACING: f"{_TRACING}, CONFIG_BPF_JIT and CONFIG_DEBUG_INFO_BTF",
    ProgramType.CGROUP_SKB: _CGROUPS,
    ProgramType.CGROUP_SOCK: _CGROUPS,
    ProgramType.CGROUP_DEVICE: _CGROUPS,
    ProgramType.CGROUP_SOCK_ADDR: _CGROUPS,
    ProgramType.CGROUP_SYSCTL: _CGROUPS,
    ProgramType.CGROUP_SOCKOPT: _CGROUPS,
    ProgramType.SOCK_OPS: _CGROUPS,
    ProgramType.SK_SKB: "CONFIG_NET_SOCK_MSG",
    ProgramType.SK_MSG: "CONFIG_NET_SOCK_MSG",
    ProgramType.LIRC_MODE2: "CONFIG_BPF_LIRC_MODE2",
    ProgramType.STRUCT_OPS: "CONFIG_BPF_JIT",
    ProgramType.EXT: "CONFIG_BPF_JIT and CONFIG_DEBUG_INFO_BTF",
    ProgramType.LSM: "CONFIG_BPF_LSM",
    ProgramType.NETFILTER: "CONFIG_NETFILTER_BPF_LINK",
}
# Attach types that are younger than links; the first kernel with links, 5.7, has the others.
_ATTACH_TYPES = {
    "cgroup_inet4_getpeername": "5.8",
    "cgroup_inet6_getpeername": "5.8",
    "cgroup_inet4_getsockname": "5.8",
    "cgroup_inet6_getsockname": "5.8",
    "xdp_devmap": "5.8",
    "cgroup_inet_sock_release": "5.9",
    "xdp_cpumap": "5.9",
    "sk_lookup": "5.9",
    "xdp": "5.9",
    "sk_skb_verdict": "5.13",
    "sk_reuseport_select": "5.14",
    "sk_reuseport_select_or_migrate": "5.14",
    "lsm_cgroup": "6.0",
    "netfilter": "6.4",
    "tcx_ingress": "6.6",
    "tcx_egress": "6.6",
    "cgroup_unix_connect": "6.7",
    "cgroup_unix_sendmsg": "6.7",
    "cgroup_unix_recvmsg": "6.7",
    "cgroup_unix_getpeername": "6.7",
    "cgroup_unix_getsockname": "6.7",
    "netkit_primary": "6.7",
    "netkit_peer": "6.7",
}
_BTF_KINDS = {
    b.FUNC: "5.0",
    b.FUNC_PROTO: "5.0",
    b.VAR: "5.2",
    b.DATASEC: "5.2",
    b.FLOAT: "5.13",
    b.DECL_TAG: "5.16",
    b.TYPE_TAG: "5.17",
    b.ENUM64: "6.0",
}
#: The first kernel with BTF at all.
BTF_SINCE = "4.18"
#: BPF_F_* of map creation, by bit: the name and the version.
MAP_FLAGS = (
    ("NO_PREALLOC", "4.6"),
    ("NO_COMMON_LRU", "4.10"),
    ("NUMA_NODE", "4.14"),
    ("RDONLY", "4.15"),
    ("WRONLY", "4.15"),
    ("STACK_BUILD_ID", "4.17"),
    ("ZERO_SEED", "5.0"),
    ("RDONLY_PROG", "5.2"),
    ("WRONLY_PROG", "5.2"),
    ("CLONE", "5.4"),
    ("MMAPABLE", "5.5"),
    ("PRESERVE_ELEMS", "5.10"),
    ("INNER_MAP", "5.10"),
    ("LINK", "6.4"),
    ("PATH_FD", "6.5"),
    ("VTYPE_BTF_OBJ_FD", "6.9"),
    ("TOKEN_FD", "6.9"),
    ("SEGV_ON_FAULT", "6.9"),
    ("NO_USER_CONV", "6.9"),
)

LEGACY_MAPS = Feature("maps of struct bpf_elf_map or bpf_map_def")
BTF_MAPS = Feature("BTF maps")
PINNING = Feature("pinned maps", "4.4")
CALLS = Feature("bpf-to-bpf calls", "4.16")
GLOBAL_DATA = Feature("global data", "5.2")
LONG_PROGRAMS = Feature("more than 4096 instructions", "5.2")
LOOPS = Feature("loops", "5.3")
CORE = Feature("CO-RE (types of the kernel)", "5.4")
KERNEL_VARIABLES = Feature("typed variables of the kernel", "5.10")
CALLS_AND_TAIL_CALLS = Feature("tail calls beside bpf-to-bpf calls", "5.10")
KFUNCS = Feature("kfuncs", "5.13")
CALLBACKS = Feature("addresses of functions", "5.13")
LESS_JUMPS = Feature("jumps if less (cpu v2)", "4.14")
JUMPS_32 = Feature("32-bit jumps (cpu v3)", "5.1")
ATOMICS = Feature("atomic operations other than add", "5.12")
CPU_V4 = Feature("instructions of cpu v4", "6.6")
MAY_GOTO = Feature("may_goto", "6.9")
ADDRESS_SPACES = Feature("address spaces", "6.9")
ORDERED_ACCESS = Feature("load-acquire and store-release", "6.15")

#: Licenses that the kernel takes for compatible with the GPL (include/linux/license.h).
GPL_COMPATIBLE = frozenset(
    {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}
)


def _nth(counts: tuple[tuple[str, int], ...], number: int) -> str:
    for since, count in counts:
        if 0 < number <= count:
            return since
        number -= count
    return ""


def map_type_since(number: int) -> str:
    """Return the version that brought a map type; empty for one that pytc does not know."""
    return _nth(_MAP_TYPES, number)


def program_type_since(number: int) -> str:
    """Return the version that brought a program type; empty for one that pytc does not know."""
    return _nth(_PROGRAM_TYPES, number)


def attach_type_since(number: int) -> str:
    """Return the version that brought an attach type; empty for one that is older than links."""
    return _ATTACH_TYPES.get(attach_type_name(number), "")


def map_type_config(number: int) -> str:
    """Return the CONFIG_ settings that a kernel with a map type needs; empty for a type that every kernel has."""
    return _MAP_SETTINGS.get(number, "")


def program_type_config(number: int) -> str:
    """Return the CONFIG_ settings that a kernel with a program type needs; empty for a type that every kernel has."""
    return _PROGRAM_SETTINGS.get(number, "")


def btf_kind_since(kind: int) -> str:
    """Return the first version that takes a kind of BTF types; empty for one that pytc does not know."""
    return _BTF_KINDS.get(kind, BTF_SINCE if kind <= b.ENUM64 else "")


def map_flags(flags: int) -> list[Feature]:
    """Return the flags that are set, as features; ``0x...`` names a bit that pytc does not know."""
    return [
        Feature(*MAP_FLAGS[bit]) if bit < len(MAP_FLAGS) else Feature(hex(1 << bit))
        for bit in range(flags.bit_length())
        if flags >> bit & 1
    ]


def needs_gpl(helper: Helper, version: str = "") -> bool:
    """Return whether calling the helper needs a GPL-compatible license in a kernel version; the newest if no version is
    given."""
    return helper.gpl_only or bool(version and helper.gpl_until and precedes(version, helper.gpl_until))


def precedes(version: str, other: str) -> bool:
    """Return whether a version is older than another; versions are ``MAJOR.MINOR`` and whatever follows."""
    return version_key(version) < version_key(other)


def newest(versions: Iterable[str]) -> str:
    """Return the newest of some versions, empty for none."""
    return max(filter(None, versions), key=version_key, default="")


def version_key(version: str) -> tuple[int, int]:
    """Return a sort key; what follows the numbers, as in ``7.2-rc1``, does not count."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor.partition("-")[0])


def is_older(version: str) -> bool:
    """Return whether the running kernel is older than a version like ``5.8``; False where its own makes no sense."""
    import re  # only now: few commands ask

    release = re.match(r"\d+\.\d+", os.uname().release)
    return release is not None and precedes(release.group(), version)
