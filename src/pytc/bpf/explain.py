"""Why the kernel refused: likely causes, the likeliest first, each of which was checked and applies here."""

import errno
import os
import re
import resource
from typing import TYPE_CHECKING

from pytc.bpf.constants import MapType, ProgramType, attach_type_name, map_type_name, program_type_name
from pytc.bpf.linker import LinkedProgram
from pytc.bpf.spec import MapSpec, ObjectSpec
from pytc.bpf.verifier_log import decisive_line
from pytc.errors import ENOTSUPP

if TYPE_CHECKING:
    from pytc.bpf.versions import Helper

_CAP_NET_ADMIN, _CAP_SYS_ADMIN, _CAP_BPF = 12, 21, 39
_HELPER = re.compile(r"(?:unknown|invalid) func (\w+)#(\d+)|program of this type cannot use helper (\w+)#(\d+)")
_POINTER_ARGUMENT = re.compile(r"Arg#\d+ type PTR in \w+\(\) is not supported yet")
_OLD_LIMIT = 4096
_POP_SINCE = "5.14"
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
    if number in (errno.EOPNOTSUPP, ENOTSUPP):
        return (*_type_age(spec), f"the kernel does not support {what}")
    if number == errno.E2BIG:
        return (f"{entries} entries are more than the kernel allows, or it is too old for an attribute of the map",)
    if number == errno.ENOMEM:
        return (f"there is no memory for {what}",)
    return ()


def pop_causes(type: int) -> tuple[str, ...]:
    """For an element that cannot be taken out of a map."""
    hashes = (MapType.HASH, MapType.LRU_HASH, MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH)
    if type in hashes and _precedes(_kernel(), _POP_SINCE):
        this = os.uname().release
        return (f"hashes give an element and remove it in one step since Linux {_POP_SINCE}; this is {this}",)
    return (f"no element can be taken out of a {map_type_name(type)} map in one step",)


def _type_age(spec: MapSpec) -> tuple[str, ...]:
    """What the version or the settings of this kernel say of a map's type and flags."""
    from pytc.bpf.versions import map_flags, map_type_config, map_type_since

    kernel, since, setting = _kernel(), map_type_since(spec.type), map_type_config(spec.type)
    name, this = map_type_name(spec.type), os.uname().release
    if since and _precedes(kernel, since):
        return (f"maps of type {name} came with Linux {since}; this is {this}",)
    young = tuple(
        f"the map flag {flag.text} came with Linux {flag.since}; this is {this}"
        for flag in map_flags(spec.flags)
        if flag.since and _precedes(kernel, flag.since)
    )
    if young or not setting:
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


def program_causes(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str
) -> tuple[str, ...]:
    """For a program that is refused."""
    reason = decisive_line(log)
    causes = [*_license_causes(spec, number, reason), *_helper_causes(type, reason), *_build_causes(reason)]
    if "R11 is invalid" in reason:
        causes.append(
            "a function has more than five arguments, the others on the stack: clang 23 and later compile that, "
            "this kernel does not take it"
        )
    if number != errno.EPERM:
        causes += _young_features(linked)
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
        causes += _program_age(type, linked.program.expected_attach_type if linked.program.type == type else 0)
    if number == errno.EACCES and not log:
        causes.append("the verifier gave no reason; try again with the word verbose")
    return tuple(dict.fromkeys(causes))


def _license_causes(spec: ObjectSpec, number: int, reason: str) -> list[str]:
    if "GPL" in reason:
        has = f'the license "{spec.license}"' if spec.license else "no license section"
        return [
            f'the object has {has}; this helper needs a GPL-compatible one: char _license[] SEC("license") = "GPL";'
        ]
    if not spec.license and number in (errno.EINVAL, errno.EACCES):
        return ["the object has no license section"]
    return []


def _helper_causes(type: ProgramType, reason: str) -> list[str]:
    match = _HELPER.search(reason)
    if match is None:
        return []
    from pytc.bpf.versions import helper

    number = int(match.group(2) or match.group(4))
    found = helper(number)
    if found is None:
        return []
    if _precedes(_kernel(), found.since):
        return [_helper_age(found)]
    return [f"the helper bpf_{found.name} is not for programs of type {program_type_name(type)} in this kernel"]


def _build_causes(reason: str) -> list[str]:
    """Kernels without a JIT compiler, and with a verifier that can do less."""
    causes = []
    if "non-JITed" in reason:
        causes.append(
            "this kernel runs programs in its interpreter: set net.core.bpf_jit_enable to 1, or take a kernel with "
            "CONFIG_BPF_JIT"
        )
    if _POINTER_ARGUMENT.search(reason):
        causes.append(
            "before Linux 5.13, the arguments of a global function can be numbers and the context; make it static, and "
            "it is checked where it is called"
        )
    return causes


def _young_features(linked: LinkedProgram) -> list[str]:
    """What the instructions use and this version of Linux lacks, unless a distribution has added it."""
    from pytc.bpf.needs import helper_calls, instruction_needs
    from pytc.bpf.versions import helper

    kernel, this = _kernel(), os.uname().release
    features = [
        f"the program uses {need.feature.text}, which came with Linux {need.feature.since}; this is {this}"
        for need in instruction_needs(linked)
        if need.feature.since and _precedes(kernel, need.feature.since)
    ]
    called = (helper(call.number) for call in helper_calls(linked))
    return features + [_helper_age(one) for one in called if one is not None and _precedes(kernel, one.since)]


def _helper_age(one: "Helper") -> str:
    return f"the helper bpf_{one.name} came with Linux {one.since}; this is {os.uname().release}"


def _program_age(type: ProgramType, attach_type: int) -> list[str]:
    from pytc.bpf.versions import attach_type_since, program_type_config, program_type_since

    since, setting, this = program_type_since(type), program_type_config(type), os.uname().release
    if since and _precedes(_kernel(), since):
        return [f"programs of type {program_type_name(type)} came with Linux {since}; this is {this}"]
    since = attach_type_since(attach_type)
    if since and _precedes(_kernel(), since):
        return [f"the attach type {attach_type_name(attach_type)} came with Linux {since}; this is {this}"]
    if setting:
        return [f"programs of type {program_type_name(type)} need a kernel that is built with {setting}"]
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
    from pytc.bpf.versions import precedes

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
