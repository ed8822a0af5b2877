"""The kernel's rules for the attributes of maps: what ``map_alloc_check`` and ``map_alloc`` of each type refuse.

From map_create in kernel/bpf/syscall.c and the types' files in kernel/bpf (arraymap.c, hashtab.c, lpm_trie.c,
queue_stack_maps.c, bloom_filter.c, stackmap.c, ringbuf.c, cpumap.c, devmap.c, local_storage.c, bpf_local_storage.c,
map_in_map.c, arena.c), net/core/sock_map.c, net/core/sock_reuseport.c and net/xdp/xskmap.c. No kernel is asked.
"""

from __future__ import annotations

import mmap

from pytc.bpf.kernel.versions import map_flags
from pytc.bpf.object.spec import LEGACY
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.constants import MapType, map_type_name
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytc.bpf.object.spec import MapSpec


class Problem(NamedTuple):
    """A reason why no kernel creates a map; ``field`` is the attribute that is wrong."""

    field: str
    text: str


if TYPE_CHECKING:
    _Rule = Callable[[MapSpec, int], Iterator[Problem]]

_ACCESS = c.F_RDONLY | c.F_WRONLY | c.F_RDONLY_PROG | c.F_WRONLY_PROG
_USER_ACCESS = c.F_RDONLY | c.F_WRONLY
#: KMALLOC_MAX_SIZE on all common machines; some allow more.
_KMALLOC_MAX = 4 << 20
_PER_CPU_MAX = 32 << 10  # PCPU_MIN_UNIT_SIZE
_HASH_MAX = _KMALLOC_MAX - 48  # less struct htab_elem
_LPM_MAX = _KMALLOC_MAX - 256 - 24  # less the longest key and struct lpm_trie_node
_STORAGE_MAX = 0xFFFF - 128  # BPF_LOCAL_STORAGE_MAX_VALUE_SIZE: less struct bpf_local_storage_elem
_STACK_MAX = 512  # MAX_BPF_STACK
_FD = 4
_POINTER = 8
_BUILD_ID = 32  # struct bpf_stack_build_id
_FRAMES = 127  # the default of kernel.perf_event_max_stack
_CPUS = 8192  # CONFIG_NR_CPUS of the largest common kernels
_LPM_KEY = (5, 260)  # struct bpf_lpm_trie_key_u8 and 1 to 256 bytes
_CGROUP_KEYS = (8, 16)  # the cgroup's id, or struct bpf_cgroup_storage_key
_ARENA_MAX = 1 << 32
_BLOOM_EXTRA = 0xF

#: The flags that rules are about; others are of newer kernels.
_RULED_FLAGS = (1 << 13) - 1 | c.F_SEGV_ON_FAULT | c.F_NO_USER_CONV


def map_problems(
    spec: MapSpec, entries: int | None = None, *, frames: int = _FRAMES, cpus: int | None = None
) -> list[Problem]:
    """Return why the kernel refuses a map, the likeliest reason first; none for one that it creates.

    ``entries`` is max_entries as the kernel gets it, where that is not the declared number; ``frames`` is the kernel's
    setting perf_event_max_stack, ``cpus`` the most CPUs that it is built for, None where no kernel is asked.
    """
    entries = spec.max_entries if entries is None else entries
    if spec.numa_node is not None:
        spec = spec._replace(flags=spec.flags | c.F_NUMA_NODE)
    rules = _RULES.get(spec.type)
    if rules is None:
        return []
    problems = [problem for rule in rules for problem in rule(spec, entries)]
    if spec.type == MapType.STACK_TRACE:
        problems += _stack_depth(spec, frames)
    if spec.type == MapType.CPUMAP and entries > (_CPUS if cpus is None else cpus):
        built = (
            f"kernels are built for {_CPUS} CPUs at most"
            if cpus is None
            else f"the running kernel is built for {cpus} CPUs"
        )
        problems.append(Problem("max_entries", f"max_entries of a cpumap is {entries}; {built}"))
    problems += _common(spec)
    if spec.inner is not None:
        problems += _template(spec.inner)
    return list(dict.fromkeys(problems))


def missing_types(spec: MapSpec) -> str:
    """Return how a map is declared for the kernel to know the types of its keys and values."""
    if spec.origin == LEGACY:
        return (
            f'a map of section "{spec.section}" has no types: declare "{spec.name}" in ".maps" with '
            "__type(key, ...) and __type(value, ...), which pytc object convert writes, or add "
            f"BPF_ANNOTATE_KV_PAIR({spec.name}, KEY, VALUE)"
        )
    return (
        f'"{spec.name}" is declared by sizes, which tell the kernel no types: declare it with __type(key, ...) and '
        "__type(value, ...)"
    )


def a_map(type: int) -> str:
    """Return a map type with its article: ``an LPM trie``."""
    name = map_type_name(type).replace("_", " ")
    # Letters that are spelled begin with a vowel's sound: an LPM trie, an LRU hash, an SK storage, an XSK map.
    return f"{'an' if name.startswith(('a', 'i', 'lpm', 'lru', 'sk ', 'xsk')) else 'a'} {name}"


def _entries(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if not entries:
        yield Problem("max_entries", "max_entries is 0")


def _no_entries(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if entries:
        yield Problem("max_entries", f"max_entries of {a_map(spec.type)} must be 0, not {entries}")


def _key(*sizes: int) -> _Rule:
    def rule(spec: MapSpec, entries: int) -> Iterator[Problem]:
        if spec.key_size not in sizes:
            yield Problem("key_size", f"the key of {a_map(spec.type)} must have {_bytes(sizes)}, not {spec.key_size}")

    return rule


def _value(*sizes: int) -> _Rule:
    def rule(spec: MapSpec, entries: int) -> Iterator[Problem]:
        if spec.value_size not in sizes:
            yield Problem(
                "value_size",
                f"the value of {a_map(spec.type)} must have {_bytes(sizes)}, not {spec.value_size}",
            )

    return rule


def _bytes(sizes: tuple[int, ...]) -> str:
    return f"{' or '.join(map(str, sizes))} bytes" if any(sizes) else "no bytes"


def _no_key(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.key_size:
        yield Problem("key_size", f"{a_map(spec.type)} has no key: key_size must be 0, not {spec.key_size}")


def _no_value(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.value_size:
        yield Problem("value_size", f"{a_map(spec.type)} has no values: value_size must be 0, not {spec.value_size}")


def _some_key(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if not spec.key_size:
        yield Problem("key_size", "the map has no key: key_size is 0")


def _some_value(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if not spec.value_size:
        yield Problem("value_size", "the map has no value: value_size is 0")


def _flags(allowed: int) -> _Rule:
    def rule(spec: MapSpec, entries: int) -> Iterator[Problem]:
        wrong = spec.flags & _RULED_FLAGS & ~allowed
        if wrong:
            yield Problem("map_flags", f"{a_map(spec.type)} does not take the flag {_flag_names(wrong)}")

    return rule


def _flag_names(flags: int) -> str:
    return " or ".join(f"BPF_F_{flag.text}" for flag in map_flags(flags))


def _required(flag: int) -> _Rule:
    def rule(spec: MapSpec, entries: int) -> Iterator[Problem]:
        if not spec.flags & flag:
            yield Problem("map_flags", f"{a_map(spec.type)} needs the flag {_flag_names(flag)}")

    return rule


def _at_most(limit: int, why: str) -> _Rule:
    def rule(spec: MapSpec, entries: int) -> Iterator[Problem]:
        if spec.value_size > limit:
            yield Problem(
                "value_size",
                f"the value of {a_map(spec.type)} may have {limit} bytes{why}, not {spec.value_size}",
            )

    return rule


def _per_cpu(spec: MapSpec, entries: int) -> Iterator[Problem]:
    yield from _at_most(_PER_CPU_MAX, " for each CPU")(spec, entries)
    if spec.flags & c.F_NUMA_NODE:
        yield Problem("numa_node", f"{a_map(spec.type)} has memory on each node: it takes no numa_node")


def _hash_size(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.key_size + spec.value_size >= _HASH_MAX:
        yield Problem(
            "value_size",
            f"key and value of {a_map(spec.type)} have {spec.key_size + spec.value_size} bytes; they must have less "
            f"than {_HASH_MAX}",
        )


def _preallocated(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.flags & c.F_NO_PREALLOC:
        yield Problem("map_flags", f"{a_map(spec.type)} does not take the flag BPF_F_NO_PREALLOC")
    if spec.flags & c.F_NO_COMMON_LRU and spec.flags & c.F_NUMA_NODE:
        yield Problem("numa_node", "with BPF_F_NO_COMMON_LRU, a map takes no numa_node")


def _lpm_key(spec: MapSpec, entries: int) -> Iterator[Problem]:
    least, most = _LPM_KEY
    if not least <= spec.key_size <= most:
        yield Problem(
            "key_size",
            f"the key of an lpm trie must have {least} to {most} bytes, of which the first 4 are the length of the "
            f"prefix, not {spec.key_size}",
        )


def _socket_key(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.key_size > _STACK_MAX:
        yield Problem("key_size", f"the key of a sockhash may have {_STACK_MAX} bytes, not {spec.key_size}")


def _types(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if not (spec.key_type_id and spec.value_type_id):
        yield Problem("types", f"{a_map(spec.type)} needs BTF types of key and value; {missing_types(spec)}")


def _ring(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if entries and (entries % mmap.PAGESIZE or entries & (entries - 1)):
        yield Problem(
            "max_entries",
            f"max_entries of {a_map(spec.type)} is its size in bytes: a power of two and a multiple of "
            f"{mmap.PAGESIZE}, not {entries}",
        )


def _stack_value(spec: MapSpec, entries: int) -> Iterator[Problem]:
    of_each = _BUILD_ID if spec.flags & c.F_STACK_BUILD_ID else _POINTER
    if spec.value_size < _POINTER or spec.value_size % of_each:
        yield Problem(
            "value_size", f"the value of a stack trace must have {of_each} bytes for each frame, not {spec.value_size}"
        )


def _stack_depth(spec: MapSpec, frames: int) -> Iterator[Problem]:
    of_each = _BUILD_ID if spec.flags & c.F_STACK_BUILD_ID else _POINTER
    if spec.value_size > of_each * frames:
        yield Problem(
            "value_size",
            f"the value of a stack trace has room for {spec.value_size // of_each} frames; the setting "
            f"kernel.perf_event_max_stack allows {frames}",
        )


def _arena(spec: MapSpec, entries: int) -> Iterator[Problem]:
    size = entries * mmap.PAGESIZE
    if size > _ARENA_MAX:
        yield Problem("max_entries", f"an arena of {entries} pages is larger than 4 GiB")
    elif spec.map_extra % mmap.PAGESIZE:
        yield Problem("map_extra", f"map_extra of an arena is the address of a page, not {spec.map_extra:#x}")
    elif spec.map_extra >> 32 != (spec.map_extra + max(size - 1, 0)) >> 32:
        yield Problem("map_extra", f"an arena of {entries} pages at {spec.map_extra:#x} crosses a boundary of 4 GiB")


def _bloom(spec: MapSpec, entries: int) -> Iterator[Problem]:
    if spec.map_extra & ~_BLOOM_EXTRA:
        yield Problem("map_extra", f"map_extra of a bloom filter is 1 to 15 hash functions, not {spec.map_extra}")


def _common(spec: MapSpec) -> Iterator[Problem]:
    for one, other in ((c.F_RDONLY, c.F_WRONLY), (c.F_RDONLY_PROG, c.F_WRONLY_PROG)):
        if spec.flags & one and spec.flags & other:
            yield Problem("map_flags", f"{_flag_names(one)} and {_flag_names(other)} exclude each other")
    if spec.map_extra and spec.type not in (MapType.BLOOM_FILTER, MapType.ARENA):
        yield Problem("map_extra", f"map_extra of {a_map(spec.type)} must be 0, not {spec.map_extra}")


def _template(inner: MapSpec) -> Iterator[Problem]:
    """Find what bpf_map_meta_alloc in kernel/bpf/map_in_map.c refuses."""
    if inner.type in c.MAP_IN_MAP:
        yield Problem("values", "a map of maps cannot hold maps of maps")
    if inner.type in (MapType.PROG_ARRAY, MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE, MapType.STRUCT_OPS):
        yield Problem("values", f"a map of maps cannot hold maps of type {map_type_name(inner.type)}")
    for problem in map_problems(inner):
        yield problem._replace(text=f"the maps that it holds: {problem.text}")


def member_problems(outer: MapSpec, member: MapSpec) -> tuple[str, ...]:
    """Return why a map of maps does not take a map: in what it differs from the template (bpf_map_meta_equal)."""
    inner = outer.inner
    if inner is None:
        return ()
    fields = ["type", "key_size", "value_size", "flags"]
    if inner.type == MapType.ARRAY and not inner.flags & c.F_INNER_MAP:
        fields.append("max_entries")  # array_map_meta_equal; BPF_F_INNER_MAP since v5.10
    return tuple(
        f'{field} of "{member.name}" is {_spelled(field, member)}, that of the maps "{outer.name}" holds '
        f"{_spelled(field, inner)}"
        for field in fields
        if getattr(member, field) != getattr(inner, field)
    )


def _spelled(field: str, spec: MapSpec) -> str:
    return map_type_name(spec.type) if field == "type" else str(getattr(spec, field))


_ARRAY: tuple[_Rule, ...] = (_entries, _key(4), _some_value)
_DESCRIPTORS: tuple[_Rule, ...] = (_entries, _key(4), _value(_FD))
_HASH: tuple[_Rule, ...] = (_entries, _some_key, _some_value, _hash_size)
_HASH_FLAGS = c.F_NO_PREALLOC | c.F_NUMA_NODE | c.F_ZERO_SEED | _ACCESS
_LRU_FLAGS = _HASH_FLAGS | c.F_NO_COMMON_LRU
_ARRAY_FLAGS = c.F_NUMA_NODE | _ACCESS
_DEVICE: tuple[_Rule, ...] = (_entries, _key(4), _value(4, 8), _flags(c.F_NUMA_NODE | _USER_ACCESS))
_QUEUE: tuple[_Rule, ...] = (_entries, _no_key, _some_value, _at_most(_KMALLOC_MAX, ""), _flags(_ARRAY_FLAGS))
_RING: tuple[_Rule, ...] = (_entries, _no_key, _no_value, _ring)
_STORAGE: tuple[_Rule, ...] = (
    _required(c.F_NO_PREALLOC),
    _no_entries,
    _key(4),
    _some_value,
    _at_most(_STORAGE_MAX, ""),
    _types,
    _flags(c.F_NO_PREALLOC | c.F_CLONE),
)
_RULES: dict[int, tuple[_Rule, ...]] = {
    MapType.ARRAY: (*_ARRAY, _flags(_ARRAY_FLAGS | c.F_MMAPABLE | c.F_INNER_MAP)),
    MapType.PERCPU_ARRAY: (*_ARRAY, _per_cpu, _flags(_ARRAY_FLAGS)),
    MapType.PROG_ARRAY: (*_DESCRIPTORS, _flags(c.F_NUMA_NODE | _USER_ACCESS)),
    MapType.PERF_EVENT_ARRAY: (*_DESCRIPTORS, _flags(c.F_NUMA_NODE | _USER_ACCESS | c.F_PRESERVE_ELEMS)),
    MapType.CGROUP_ARRAY: (*_DESCRIPTORS, _flags(c.F_NUMA_NODE | _USER_ACCESS)),
    MapType.ARRAY_OF_MAPS: (*_DESCRIPTORS, _flags(c.F_NUMA_NODE | _USER_ACCESS)),
    MapType.REUSEPORT_SOCKARRAY: (_entries, _key(4), _value(4, 8), _flags(_ARRAY_FLAGS)),
    MapType.HASH: (*_HASH, _flags(_HASH_FLAGS)),
    MapType.PERCPU_HASH: (*_HASH, _per_cpu, _flags(_HASH_FLAGS)),
    MapType.LRU_HASH: (*_HASH, _preallocated, _flags(_LRU_FLAGS)),
    MapType.LRU_PERCPU_HASH: (*_HASH, _per_cpu, _preallocated, _flags(_LRU_FLAGS)),
    MapType.HASH_OF_MAPS: (_entries, _some_key, _value(_FD), _flags(_HASH_FLAGS)),
    MapType.LPM_TRIE: (
        _required(c.F_NO_PREALLOC),
        _entries,
        _lpm_key,
        _some_value,
        _at_most(_LPM_MAX, ""),
        _flags(c.F_NO_PREALLOC | c.F_NUMA_NODE | _ACCESS),
    ),
    MapType.QUEUE: _QUEUE,
    MapType.STACK: _QUEUE,
    MapType.BLOOM_FILTER: (
        _entries,
        _no_key,
        _some_value,
        _at_most(_KMALLOC_MAX, ""),
        _bloom,
        _flags(_ARRAY_FLAGS | c.F_ZERO_SEED),
    ),
    MapType.STACK_TRACE: (
        _entries,
        _key(4),
        _stack_value,
        _flags(c.F_NUMA_NODE | _USER_ACCESS | c.F_STACK_BUILD_ID),
    ),
    MapType.RINGBUF: (*_RING, _flags(c.F_NUMA_NODE)),
    MapType.USER_RINGBUF: (*_RING, _flags(c.F_NUMA_NODE)),
    MapType.CPUMAP: (_entries, _key(4), _value(4, 8), _flags(c.F_NUMA_NODE)),
    MapType.DEVMAP: _DEVICE,
    MapType.DEVMAP_HASH: _DEVICE,
    MapType.XSKMAP: (_entries, _key(4), _value(4), _flags(c.F_NUMA_NODE | _USER_ACCESS)),
    MapType.SOCKMAP: _DEVICE,
    MapType.SOCKHASH: (_entries, _some_key, _socket_key, _value(4, 8), _flags(c.F_NUMA_NODE | _USER_ACCESS)),
    MapType.CGROUP_STORAGE: (
        _no_entries,
        _key(*_CGROUP_KEYS),
        _some_value,
        _at_most(_STORAGE_MAX, ""),
        _flags(_ARRAY_FLAGS),
    ),
    MapType.PERCPU_CGROUP_STORAGE: (
        _no_entries,
        _key(*_CGROUP_KEYS),
        _some_value,
        _at_most(_PER_CPU_MAX, " for each CPU"),
        _flags(_ARRAY_FLAGS),
    ),
    MapType.SK_STORAGE: _STORAGE,
    MapType.INODE_STORAGE: _STORAGE,
    MapType.TASK_STORAGE: _STORAGE,
    MapType.CGRP_STORAGE: _STORAGE,
    MapType.ARENA: (
        _entries,
        _no_key,
        _no_value,
        _required(c.F_MMAPABLE),
        _arena,
        _flags(c.F_MMAPABLE | c.F_SEGV_ON_FAULT | c.F_NO_USER_CONV),
    ),
}
