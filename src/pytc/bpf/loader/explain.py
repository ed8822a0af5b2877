"""Find likely causes of the kernel's refusals, the likeliest first; each has been checked and applies."""

import errno
import os
import re

from pytc.bpf.kernel.permissions import (
    CAP_PERFMON,
    PERFMON_HELPERS,
    lacks_capability,
    missing_capability,
    program_permission_causes,
    read_setting,
)
from pytc.bpf.kernel.running import may_lack
from pytc.bpf.kernel.versions import (
    GPL_COMPATIBLE,
    attach_type_since,
    is_older,
    program_type_config,
    program_type_since,
)
from pytc.bpf.link.linker import LinkedProgram
from pytc.bpf.link.needs import REGISTER_CALL, helper_calls, instruction_needs
from pytc.bpf.loader.verifier_log import decisive_line
from pytc.bpf.maps.fields import field_problems
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.rules import member_problems, missing_types
from pytc.bpf.object.names import kernel_map_name
from pytc.bpf.object.spec import MapSpec, ObjectSpec
from pytc.bpf.sys.constants import ProgramType, attach_type_name, program_type_name
from pytc.bpf.sys.helpers import Helper, helper
from pytc.errors import BpfSyscallError

_HELPER = re.compile(r"(?:unknown|invalid) func (\w+)#(\d+)|program of this type cannot use helper (\w+)#(\d+)")
_POINTER_ARGUMENT = re.compile(r"Arg#\d+ type PTR in \w+\(\) is not supported yet")
# check_helper_call and add_kfunc_call in kernel/bpf/verifier.c, in the words of all versions.
_LICENSE = re.compile(
    r"cannot call (?:GPL-restricted|GPL only|kernel) function from (?:non-GPL compatible|proprietary) program$"
    r"|struct ops programs must have a GPL compatible license$"
)
_NOT_COMPILED = re.compile(r".* (?:not allowed|not supported) in non-JITed programs$")
_TOO_LARGE = re.compile(r"BPF program is too large\. Processed (\d+) insn$")
# The functions for locks, timers and work queues in kernel/bpf/verifier.c, in the words of all versions.
_NEEDS_TYPES = re.compile(
    r"map '([^']*)' (?:has to have BTF in order to use|has no valid|has more than one|doesn't have) "
    r"'?(?:struct )?(\w+)'?$"
)
_UNPRIVILEGED = re.compile(
    r"R\d+ leaks addr .*|R\d+ pointer (?:comparison|arithmetic.*) prohibited.*|.* prohibited for !root.*"
)
_NOT_A_MAP = re.compile(r"R\d+ type=map_value expected=map_ptr$")
_JIT_SETTING = "/proc/sys/net/core/bpf_jit_enable"
_REGISTER_CALL = "unknown opcode 8d"
_OLD_LIMIT = 4096


def program_causes(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str
) -> tuple[str, ...]:
    """Return likely causes for a refused program."""
    reason = decisive_line(log)
    causes = [
        *_license_causes(spec, reason),
        *_helper_causes(type, reason),
        *_build_causes(reason),
        *_size_causes(linked, reason),
        *_type_causes(spec, reason),
    ]
    if reason == "R11 is invalid":
        causes.append(
            "a function has more than five arguments, the others on the stack: clang 23 and later compile that, "
            "this kernel does not take it"
        )
    if _UNPRIVILEGED.fullmatch(reason) and lacks_capability(CAP_PERFMON):
        causes.append(f"the verifier allows that to a process with CAP_PERFMON; {missing_capability(CAP_PERFMON)}")
    if number != errno.EPERM:
        causes += _young_features(linked)
    if not log and number == errno.EPERM:
        causes += program_permission_causes(type)
    if not log and number == errno.E2BIG:
        count = len(linked.code) // 8
        causes.append(
            f"the program has {count} instructions; kernels before 5.2 accept {_OLD_LIMIT}, later ones a million"
            if count > _OLD_LIMIT
            else "this kernel is too old for an attribute of the program"
        )
    if not log and number == errno.EINVAL:
        causes += _program_age(type, linked.program.expected_attach_type if linked.program.type == type else 0)
    if number == errno.EACCES and not log:
        causes.append('the verifier gave no reason; try again with "verbose"')
    return tuple(dict.fromkeys(causes))


def _license_causes(spec: ObjectSpec, reason: str) -> list[str]:
    if not _LICENSE.match(reason) or spec.license in GPL_COMPATIBLE:
        return []
    has = f'the license "{spec.license}"' if spec.license else "no license section"
    return [f'the object has {has}; this function needs a GPL-compatible one: char _license[] SEC("license") = "GPL";']


def _size_causes(linked: LinkedProgram, reason: str) -> list[str]:
    match = _TOO_LARGE.match(reason)
    if match is None:
        return []
    return [
        f"the program has {len(linked.code) // 8} instructions, but the verifier follows each path, and each pass of a "
        f"loop: it gave up after {match[1]}. Let bpf_loop() (Linux 5.17) run the loop, bound it lower, or continue in "
        "another program by a tail call"
    ]


def _type_causes(spec: ObjectSpec, reason: str) -> list[str]:
    """Return why a map whose values hold something of the kernel's has no types."""
    match = _NEEDS_TYPES.match(reason)
    if match is None:
        return []
    name = match[1]
    declared = next((m for m in spec.maps.values() if kernel_map_name(m, spec.name) == name), None)
    if spec.btf is None:
        return ["the object has no type information: compile it with -g"]
    if declared is None:
        return []
    if declared.value_type_id:
        return [problem.text for problem in field_problems(declared, spec.btf)]
    return [missing_types(declared)]


def _helper_causes(type: ProgramType, reason: str) -> list[str]:
    match = _HELPER.search(reason)
    if match is None:
        return []
    number = int(match.group(2) or match.group(4))
    known = helper(number)
    if known is None:
        return []
    if is_older(known.since):
        return [_helper_age(known)]
    if number in PERFMON_HELPERS and lacks_capability(CAP_PERFMON):
        return [f"bpf_{known.name} needs CAP_PERFMON; {missing_capability(CAP_PERFMON)}"]
    return [f"programs of type {program_type_name(type)} cannot call the helper bpf_{known.name} in this kernel"]


def _build_causes(reason: str) -> list[str]:
    """Return causes in kernels without a JIT compiler, and with a verifier that can do less."""
    causes = []
    if _NOT_COMPILED.match(reason):
        causes.append(_interpreter())
    if reason == _REGISTER_CALL:
        causes.append(REGISTER_CALL)
    if _NOT_A_MAP.match(reason):
        causes.append(
            'the program gives a variable where a map is expected: only variables in SEC(".maps") (or SEC("maps"), for '
            "struct bpf_elf_map and struct bpf_map_def) are maps"
        )
    if _POINTER_ARGUMENT.match(reason):
        causes.append(
            "before Linux 5.13, the arguments of a global function can be numbers and the context; make it static, and "
            "it is checked where it is called"
        )
    return causes


def _interpreter() -> str:
    """Return why the kernel does not compile the program."""
    setting = read_setting(_JIT_SETTING)
    if not setting:
        return "this kernel runs programs in its interpreter: take one with CONFIG_BPF_JIT"
    if setting == "0":
        return "this kernel runs programs in its interpreter: set net.core.bpf_jit_enable to 1"
    return "this kernel's JIT compiler does not take the program, and its interpreter cannot run it"


def _young_features(linked: LinkedProgram) -> list[str]:
    """Return what the instructions use and this version of Linux lacks, unless a distribution has added it."""
    this = os.uname().release
    features = [
        f"the program uses {need.feature.text}, which came with Linux {need.feature.since}; this is {this}"
        for need in instruction_needs(linked)
        if need.feature.since and is_older(need.feature.since)
    ]
    called = (helper(call.number) for call in helper_calls(linked))
    return features + [_helper_age(known) for known in called if known is not None and is_older(known.since)]


def _helper_age(known: Helper) -> str:
    return f"the helper bpf_{known.name} came with Linux {known.since}; this is {os.uname().release}"


def _program_age(type: ProgramType, attach_type: int) -> list[str]:
    since, setting, this = program_type_since(type), program_type_config(type), os.uname().release
    if since and is_older(since):
        return [f"programs of type {program_type_name(type)} came with Linux {since}; this is {this}"]
    since = attach_type_since(attach_type)
    if since and is_older(since):
        return [f"the attach type {attach_type_name(attach_type)} came with Linux {since}; this is {this}"]
    if setting and may_lack(setting):
        return [f"programs of type {program_type_name(type)} need a kernel that is built with {setting}"]
    return []


def slot_causes(map_name: str, entries: int, slot: int, number: int, *, is_program: bool = True) -> tuple[str, ...]:
    """Return likely causes for a program or map that does not go into a slot."""
    if number == errno.E2BIG:
        return (f'map "{map_name}" has {entries} entries: slot {slot} is out of range',)
    if number == errno.EINVAL and is_program:
        return (
            "all programs of a program array must have the same type and be JIT-compiled alike; "
            "a pinned array keeps the type of the first program it held",
        )
    return ()


def slot_refusal(error: BpfSyscallError, array: Map, slot: int, what: str, member: MapSpec | None) -> BpfSyscallError:
    """Return the error for a program or, where ``member`` is one, a map that does not go into a slot of an array."""
    number, name = error.errno or 0, array.name
    hints = slot_causes(name, array.description.max_entries, slot, number, is_program=member is None)
    if number == errno.EINVAL and member is not None and array.spec is not None:
        hints += member_problems(array.spec, member)
    return BpfSyscallError(error.command, number, f'putting {what} into slot {slot}: map "{name}"', hints=hints)
