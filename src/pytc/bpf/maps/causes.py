"""Find why the kernel refused to create or access a map; each cause has been checked and applies, the likeliest
first."""

from __future__ import annotations

import errno
import os

from pytc.bpf.kernel.permissions import map_permission_causes, read_setting
from pytc.bpf.kernel.running import may_lack
from pytc.bpf.kernel.versions import is_older, map_flags, map_type_config, map_type_since
from pytc.bpf.maps.fields import field_problems
from pytc.bpf.maps.rules import map_problems
from pytc.bpf.sys.constants import F_NUMA_NODE, MapType, map_type_name
from pytc.bpf.sys.cpus import number_set
from pytc.errors import ENOTSUPP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf
    from pytc.bpf.object.spec import MapSpec

_POP_SINCE = "5.14"


def map_causes(spec: MapSpec, entries: int, number: int) -> tuple[str, ...]:
    """Return the causes of an errno of BPF_MAP_CREATE; ``entries`` is max_entries as the kernel got it."""
    if number == errno.EPERM:
        return map_permission_causes(spec.type)
    flags = spec.flags | (F_NUMA_NODE if spec.numa_node is not None else 0)
    what = (
        f"{map_type_name(spec.type)} maps with key size {spec.key_size}, value size {spec.value_size}, "
        f"{entries} entries{'' if spec.numa_node is None else f', numa_node {spec.numa_node}'} and flags {flags:#x}"
    )
    problems = tuple(
        problem.text
        for problem in map_problems(
            spec,
            entries,
            frames=_setting("/proc/sys/kernel/perf_event_max_stack"),
            # NR_CPUS - 1, whatever CPUs there are.
            cpus=_setting("/sys/devices/system/cpu/kernel_max") + 1,
        )
    )
    if number in (errno.EINVAL, errno.EOPNOTSUPP, ENOTSUPP):
        return (*problems, *_node_causes(spec), *_type_age(spec)) or (f"this kernel does not accept {what}",)
    if number == errno.E2BIG:
        return problems or (
            f"this kernel does not accept {what}: they are too large, or it is too old for an attribute",
        )
    if number == errno.ENOMEM:
        return (f"there is no memory for {what}",)
    return problems


def _node_causes(spec: MapSpec) -> tuple[str, ...]:
    """Return what is wrong with a map's NUMA node: map_create of kernel/bpf/syscall.c takes only those that are
    online."""
    nodes = read_setting("/sys/devices/system/node/online") or "0"
    if spec.numa_node is None or spec.numa_node in number_set(nodes):
        return ()
    return (f"numa_node is {spec.numa_node}; this machine has: {nodes}",)


def type_causes(spec: MapSpec, btf: Btf | None) -> tuple[str, ...]:
    """Return the causes of a refusal by the types of a map's keys and values."""
    return tuple(problem.text for problem in field_problems(spec, btf))


def _setting(path: str) -> int:
    """Return a number of the kernel's settings, 2^32 where it cannot be read."""
    text = read_setting(path)
    return int(text) if text.isdigit() else 1 << 32


def pop_causes(type: int) -> tuple[str, ...]:
    """Return why an element cannot be taken out of a map of a type."""
    hashes = (MapType.HASH, MapType.LRU_HASH, MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH)
    if type in hashes and is_older(_POP_SINCE):
        this = os.uname().release
        return (f"hashes give an element and remove it in one step since Linux {_POP_SINCE}; this is {this}",)
    return (f"no element can be taken out of a {map_type_name(type)} map in one step",)


def _type_age(spec: MapSpec) -> tuple[str, ...]:
    """Return what the version or the configuration of this kernel says of a map's type and flags."""
    since, setting = map_type_since(spec.type), map_type_config(spec.type)
    name, this = map_type_name(spec.type), os.uname().release
    if since and is_older(since):
        return (f"maps of type {name} came with Linux {since}; this is {this}",)
    young = tuple(
        f"the map flag {flag.text} came with Linux {flag.since}; this is {this}"
        for flag in map_flags(spec.flags)
        if flag.since and is_older(flag.since)
    )
    if young or not setting or not may_lack(setting):
        return young
    return (f"maps of type {name} need a kernel that is built with {setting}",)
