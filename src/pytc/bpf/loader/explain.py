"""Why the kernel refused: likely causes, the likeliest first, each of which was checked and applies here."""

import errno
import os
import re
import resource

from pytc.bpf.link.linker import LinkedProgram
from pytc.bpf.object.spec import MapSpec, ObjectSpec
from pytc.bpf.sys.constants import MapType, ProgramType, map_type_name, program_type_name

_CAP_NET_ADMIN, _CAP_SYS_ADMIN, _CAP_BPF = 12, 21, 39
_HELPER = re.compile(r"(?:unknown|invalid) func (\w+)#(\d+)|program of this type cannot use helper (\w+)#(\d+)")
_OLD_LIMIT = 4096
_MEMLOCK_FREE = "5.11"


def permission_causes(*, for_ids: bool = False) -> tuple[str, ...]:
    """For EPERM from bpf(2): capabilities, sysctl, seccomp, lockdown, and on old kernels RLIMIT_MEMLOCK. ``for_ids``:
    it was about ids of objects, which takes more."""
    causes = []
    effective = _status_field("CapEff", base=16)
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    if for_ids and not effective >> _CAP_SYS_ADMIN & 1:
        causes.append(
            "BPF objects are found by their ids with CAP_SYS_ADMIN, which this process "
            f"({who}) does not have; run it as root"
        )
    elif not effective >> _CAP_SYS_ADMIN & 1 and not (effective >> _CAP_BPF & 1 and effective >> _CAP_NET_ADMIN & 1):
        causes.append(f"this process ({who}) has neither CAP_SYS_ADMIN nor CAP_BPF with CAP_NET_ADMIN; run it as root")
        if _read("/proc/sys/kernel/unprivileged_bpf_disabled") not in ("", "0"):
            causes.append("kernel.unprivileged_bpf_disabled forbids bpf(2) without those capabilities")
    if _status_field("Seccomp") == 2:
        causes.append("a seccomp filter is in force (containers often forbid bpf(2) with one)")
    lockdown = _read("/sys/kernel/security/lockdown")
    if "[integrity]" in lockdown or "[confidentiality]" in lockdown:
        causes.append(f"kernel lockdown is in force: {lockdown}")
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if _precedes(_kernel(), _MEMLOCK_FREE) and limit != resource.RLIM_INFINITY:
        causes.append(f"RLIMIT_MEMLOCK is {limit} bytes, and kernels before {_MEMLOCK_FREE} charge BPF memory to it")
    return tuple(causes)


def map_causes(spec: MapSpec, entries: int, number: int) -> tuple[str, ...]:
    """For a map that cannot be made."""
    if number == errno.EPERM:
        return permission_causes()
    what = (
        f"a {map_type_name(spec.type)} map with key size {spec.key_size}, value size {spec.value_size}, "
        f"{entries} entries and flags {spec.flags:#x}"
    )
    if number == errno.EINVAL:
        return (*_type_age(spec), *_odd_attributes(spec, entries), f"the kernel does not take {what}")
    if number == errno.E2BIG:
        return (f"{entries} entries are more than the kernel allows, or it is too old for an attribute of the map",)
    if number == errno.ENOMEM:
        return (f"there is no memory for {what}",)
    return ()


def _type_age(spec: MapSpec) -> tuple[str, ...]:
    from pytc.bpf.kernel.versions import map_type_since

    since = map_type_since(spec.type)
    if since and _precedes(_kernel(), since):
        return (f"maps of type {map_type_name(spec.type)} came with Linux {since}; this is {os.uname().release}",)
    return ()


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


def program_causes(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str
) -> tuple[str, ...]:
    """For a program that is refused."""
    causes = [*_license_causes(spec, number, log), *_helper_causes(type, log)]
    if not log and number == errno.EPERM:
        causes += permission_causes()
    if not log and number == errno.E2BIG:
        count = len(linked.code) // 8
        causes.append(
            f"the program has {count} instructions; kernels before 5.2 take {_OLD_LIMIT}, others a million"
            if count > _OLD_LIMIT
            else "this kernel is too old for an attribute of the program"
        )
    if not log and number == errno.EINVAL:
        causes += _program_age(type)
    if number == errno.EACCES and not log:
        causes.append("the verifier gave no reason; try again with the word verbose")
    return tuple(causes)


def _license_causes(spec: ObjectSpec, number: int, log: str) -> list[str]:
    if "GPL" in log or "gpl" in log:
        has = f'the license "{spec.license}"' if spec.license else "no license section"
        return [
            f'the object has {has}; this helper needs a GPL-compatible one: char _license[] SEC("license") = "GPL";'
        ]
    if not spec.license and number in (errno.EINVAL, errno.EACCES):
        return ["the object has no license section"]
    return []


def _helper_causes(type: ProgramType, log: str) -> list[str]:
    match = _HELPER.search(log)
    if match is None:
        return []
    from pytc.bpf.kernel.versions import helper

    number = int(match.group(2) or match.group(4))
    found = helper(number)
    if found is None:
        return []
    if _precedes(_kernel(), found.since):
        return [f"the helper bpf_{found.name} came with Linux {found.since}; this is {os.uname().release}"]
    return [f"the helper bpf_{found.name} is not for programs of type {program_type_name(type)} in this kernel"]


def _program_age(type: ProgramType) -> list[str]:
    from pytc.bpf.kernel.versions import program_type_since

    since = program_type_since(type)
    if since and _precedes(_kernel(), since):
        return [f"programs of type {program_type_name(type)} came with Linux {since}; this is {os.uname().release}"]
    return []


def slot_causes(map_name: str, entries: int, slot: int, number: int) -> tuple[str, ...]:
    """For a program, or map, that does not go into a slot."""
    if number == errno.E2BIG:
        return (f'map "{map_name}" has {entries} entries; slot {slot} is not among them',)
    if number == errno.EINVAL:
        return (
            "all programs of a program array must have the same type and be JIT-compiled alike; "
            "a pinned array keeps the type of the first program that it held",
        )
    return ()


def _kernel() -> str:
    match = re.match(r"\d+\.\d+", os.uname().release)
    return match.group() if match else "999.0"


def _precedes(version: str, other: str) -> bool:
    from pytc.bpf.kernel.versions import precedes

    return precedes(version, other)


def _status_field(name: str, base: int = 10) -> int:
    for line in _read("/proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.strip(), base)
    return 0


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
