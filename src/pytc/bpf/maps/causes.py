"""Find why the kernel refused to create or access a map; each cause has been checked and applies, the likeliest
first."""

import errno
import os

from pytc.bpf.kernel.permissions import permission_causes
from pytc.bpf.kernel.running import may_lack
from pytc.bpf.kernel.versions import is_older, map_flags, map_type_config, map_type_since
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import MapType, map_type_name
from pytc.errors import ENOTSUPP

_POP_SINCE = "5.14"


def map_causes(spec: MapSpec, entries: int, number: int) -> tuple[str, ...]:
    """Return the causes of an errno of BPF_MAP_CREATE; ``entries`` is max_entries as the kernel got it."""
    if number == errno.EPERM:
        return permission_causes(creates=True)
    what = (
        f"a {map_type_name(spec.type)} map with key size {spec.key_size}, value size {spec.value_size}, "
        f"{entries} entries and flags {spec.flags:#x}"
    )
    if number == errno.EINVAL:
        return (*_type_age(spec), *_odd_attributes(spec, entries), f"the kernel does not accept {what}")
    if number in (errno.EOPNOTSUPP, ENOTSUPP):
        return (*_type_age(spec), f"the kernel does not support {what}")
    if number == errno.E2BIG:
        return (f"{entries} entries exceed the kernel's limit, or the kernel is too old for an attribute of the map",)
    if number == errno.ENOMEM:
        return (f"there is no memory for {what}",)
    return ()


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


def _odd_attributes(spec: MapSpec, entries: int) -> tuple[str, ...]:
    causes = []
    if not entries and spec.type not in (
        MapType.SK_STORAGE,
        MapType.INODE_STORAGE,
        MapType.TASK_STORAGE,
        MapType.CGRP_STORAGE,
        MapType.STRUCT_OPS,
    ):
        causes.append("max_entries is 0")
    if spec.type in (MapType.ARRAY, MapType.PERCPU_ARRAY, MapType.PROG_ARRAY) and spec.key_size != 4:
        causes.append(f"the key of an array must have 4 bytes, not {spec.key_size}")
    if spec.type == MapType.LPM_TRIE and not spec.flags & 1:
        causes.append("an LPM trie needs the flag BPF_F_NO_PREALLOC")
    return tuple(causes)
