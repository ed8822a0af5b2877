"""Numbers of the kernel's BPF interface (include/uapi/linux/bpf.h); names are C's minus their prefix."""

from __future__ import annotations

from pytc.enums import IntEnum


class MapType(IntEnum):
    """A type of map: ``BPF_MAP_TYPE_*`` of enum bpf_map_type."""

    UNSPEC = 0
    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    STACK_TRACE = 7
    CGROUP_ARRAY = 8
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    ARRAY_OF_MAPS = 12
    HASH_OF_MAPS = 13
    DEVMAP = 14
    SOCKMAP = 15
    CPUMAP = 16
    XSKMAP = 17
    SOCKHASH = 18
    CGROUP_STORAGE = 19
    REUSEPORT_SOCKARRAY = 20
    PERCPU_CGROUP_STORAGE = 21
    QUEUE = 22
    STACK = 23
    SK_STORAGE = 24
    DEVMAP_HASH = 25
    STRUCT_OPS = 26
    RINGBUF = 27
    INODE_STORAGE = 28
    TASK_STORAGE = 29
    BLOOM_FILTER = 30
    USER_RINGBUF = 31
    CGRP_STORAGE = 32
    ARENA = 33
    INSN_ARRAY = 34


class ProgramType(IntEnum):
    """A type of program: ``BPF_PROG_TYPE_*`` of enum bpf_prog_type."""

    UNSPEC = 0
    SOCKET_FILTER = 1
    KPROBE = 2
    SCHED_CLS = 3
    SCHED_ACT = 4
    TRACEPOINT = 5
    XDP = 6
    PERF_EVENT = 7
    CGROUP_SKB = 8
    CGROUP_SOCK = 9
    LWT_IN = 10
    LWT_OUT = 11
    LWT_XMIT = 12
    SOCK_OPS = 13
    SK_SKB = 14
    CGROUP_DEVICE = 15
    SK_MSG = 16
    RAW_TRACEPOINT = 17
    CGROUP_SOCK_ADDR = 18
    LWT_SEG6LOCAL = 19
    LIRC_MODE2 = 20
    SK_REUSEPORT = 21
    FLOW_DISSECTOR = 22
    CGROUP_SYSCTL = 23
    RAW_TRACEPOINT_WRITABLE = 24
    CGROUP_SOCKOPT = 25
    TRACING = 26
    STRUCT_OPS = 27
    EXT = 28
    LSM = 29
    SK_LOOKUP = 30
    SYSCALL = 31
    NETFILTER = 32


class Command(IntEnum):
    """A command of bpf(2), its first argument: enum bpf_cmd."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    PROG_LOAD = 5
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_ATTACH = 8
    PROG_DETACH = 9
    PROG_TEST_RUN = 10
    PROG_GET_NEXT_ID = 11
    MAP_GET_NEXT_ID = 12
    PROG_GET_FD_BY_ID = 13
    MAP_GET_FD_BY_ID = 14
    OBJ_GET_INFO_BY_FD = 15
    PROG_QUERY = 16
    BTF_LOAD = 18
    BTF_GET_FD_BY_ID = 19
    MAP_LOOKUP_AND_DELETE_ELEM = 21
    MAP_FREEZE = 22
    BTF_GET_NEXT_ID = 23
    MAP_LOOKUP_BATCH = 24
    MAP_UPDATE_BATCH = 26
    MAP_DELETE_BATCH = 27
    LINK_CREATE = 28
    LINK_UPDATE = 29
    LINK_GET_FD_BY_ID = 30
    LINK_GET_NEXT_ID = 31
    ENABLE_STATS = 32
    LINK_DETACH = 34


# Map creation flags, BPF_F_*.
F_NO_PREALLOC = 1 << 0
F_NO_COMMON_LRU = 1 << 1
F_NUMA_NODE = 1 << 2
F_RDONLY = 1 << 3
F_WRONLY = 1 << 4
F_STACK_BUILD_ID = 1 << 5
F_ZERO_SEED = 1 << 6
F_RDONLY_PROG = 1 << 7
F_WRONLY_PROG = 1 << 8
F_CLONE = 1 << 9
F_MMAPABLE = 1 << 10
F_PRESERVE_ELEMS = 1 << 11
F_INNER_MAP = 1 << 12
F_SEGV_ON_FAULT = 1 << 17
F_NO_USER_CONV = 1 << 18

# Flags of BPF_PROG_LOAD, BPF_F_*.
F_SLEEPABLE = 1 << 4

# Flags of BPF_PROG_ATTACH and BPF_LINK_CREATE, BPF_F_*.
F_ALLOW_OVERRIDE = 1 << 0
F_ALLOW_MULTI = 1 << 1
F_REPLACE = 1 << 2
F_BEFORE = 1 << 3
F_AFTER = 1 << 4
F_ID = 1 << 5
F_LINK = 1 << 13
# Flags of BPF_PROG_QUERY.
F_QUERY_EFFECTIVE = 1 << 0

# Element update flags.
ANY = 0
NOEXIST = 1
EXIST = 2
F_LOCK = 4

#: BPF_OBJ_NAME_LEN: bytes of a kernel object name, NUL included.
OBJ_NAME_LEN = 16

#: Map types whose elements are fds of maps.
MAP_IN_MAP = frozenset({MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS})
#: Map types whose values have one slot for each possible CPU.
PER_CPU = frozenset({MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH, MapType.PERCPU_CGROUP_STORAGE})
#: Map types that the kernel refuses with BTF key and value types (map_check_btf in kernel/bpf/syscall.c
#: accepts types only where the map's operations have ``map_check_btf`` or plain values).
WITHOUT_BTF_TYPES = frozenset(
    {
        MapType.PERF_EVENT_ARRAY,
        MapType.CGROUP_ARRAY,
        MapType.STACK_TRACE,
        MapType.ARRAY_OF_MAPS,
        MapType.HASH_OF_MAPS,
        MapType.DEVMAP,
        MapType.DEVMAP_HASH,
        MapType.CPUMAP,
        MapType.XSKMAP,
        MapType.SOCKMAP,
        MapType.SOCKHASH,
        MapType.PROG_ARRAY,
        MapType.RINGBUF,
        MapType.USER_RINGBUF,
        MapType.QUEUE,
        MapType.STACK,
        MapType.ARENA,
        MapType.INSN_ARRAY,
    }
)


def map_type_name(number: int) -> str:
    """Return the kernel's name of a map type, like ``percpu_array``; the number for one that pytc does not know."""
    try:
        return MapType(number).name.lower()
    except ValueError:
        return str(number)


def a_map_type(number: int) -> str:
    """Return the name of a map type with its article: ``an array``, ``a hash``, ``an lru_hash``."""
    name = map_type_name(number)
    return f"{'an' if name.startswith(('a', 'i', 'lpm', 'lru', 'sk_', 'xsk')) else 'a'} {name}"


def program_type_name(number: int) -> str:
    """Return the kernel's name of a program type, like ``sched_cls``; the number for one that pytc does not know."""
    try:
        return ProgramType(number).name.lower()
    except ValueError:
        return str(number)


# ``BPF_*`` of enum bpf_attach_type, in the order of their numbers.
_ATTACH_TYPES = (
    "cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops sk_skb_stream_parser "
    "sk_skb_stream_verdict cgroup_device sk_msg_verdict cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect "
    "cgroup_inet6_connect cgroup_inet4_post_bind cgroup_inet6_post_bind cgroup_udp4_sendmsg cgroup_udp6_sendmsg "
    "lirc_mode2 flow_dissector cgroup_sysctl cgroup_udp4_recvmsg cgroup_udp6_recvmsg cgroup_getsockopt "
    "cgroup_setsockopt trace_raw_tp trace_fentry trace_fexit modify_return lsm_mac trace_iter "
    "cgroup_inet4_getpeername cgroup_inet6_getpeername cgroup_inet4_getsockname cgroup_inet6_getsockname xdp_devmap "
    "cgroup_inet_sock_release xdp_cpumap sk_lookup xdp sk_skb_verdict sk_reuseport_select "
    "sk_reuseport_select_or_migrate perf_event trace_kprobe_multi lsm_cgroup struct_ops netfilter tcx_ingress "
    "tcx_egress trace_uprobe_multi cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg "
    "cgroup_unix_getpeername cgroup_unix_getsockname netkit_primary netkit_peer trace_kprobe_session "
    "trace_uprobe_session"
).split()


def attach_type_name(number: int) -> str:
    """Return the kernel's name of an attach type, like ``tcx_ingress``; the number for one that pytc does not know."""
    return _ATTACH_TYPES[number] if 0 <= number < len(_ATTACH_TYPES) else str(number)


def attach_type_number(name: str) -> int:
    """Return the number of an attach type with a name of the kernel; raises ValueError."""
    return _ATTACH_TYPES.index(name)


# ``BPF_LINK_TYPE_*`` in the order of their numbers.
_LINK_TYPES = (
    "unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops netfilter tcx "
    "uprobe_multi netkit sockmap"
).split()


def link_type_name(number: int) -> str:
    """Return the kernel's name of a link type, like ``tcx``; the number for one that pytc does not know."""
    return _LINK_TYPES[number] if 0 <= number < len(_LINK_TYPES) else str(number)
