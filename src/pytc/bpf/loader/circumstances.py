"""Find what this kernel and process have to do with a refusal; each cause has been checked and applies."""

from __future__ import annotations

import errno
import os

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
    attach_type_since,
    is_older,
    program_type_config,
    program_type_since,
)
from pytc.bpf.link.needs import REGISTER_CALL, helper_calls, instruction_needs
from pytc.bpf.maps.fields import field_problems
from pytc.bpf.maps.rules import member_problems, missing_types
from pytc.bpf.object.names import kernel_map_name
from pytc.bpf.sys.constants import attach_type_name, program_type_name
from pytc.bpf.sys.helpers import helper
from pytc.errors import BpfSyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.maps.map import Map
    from pytc.bpf.object.spec import MapSpec, ObjectSpec
    from pytc.bpf.sys.constants import ProgramType
    from pytc.bpf.sys.helpers import Helper
    from pytc.bpf.verifier.report import Facts

_JIT_SETTING = "/proc/sys/net/core/bpf_jit_enable"
# Opcodes, or registers, in messages about instructions.
_REGISTER_CALL, _MANY_ARGUMENTS = "8d", "R11"
_OLD_LIMIT = 4096


def program_causes(linked: LinkedProgram, type: ProgramType, number: int, log: str) -> tuple[str, ...]:
    """Return likely causes for a refusal that the verifier's log does not tell."""
    causes: list[str] = []
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


def kernel_facts(spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, missing: str) -> Facts:
    """Return what the texts of a report can use of this kernel and process.

    ``missing`` says what a call stands for that replaced something the kernel lacks.
    """

    def facts(category: str, groups: Mapping[str, str]) -> Mapping[str, str]:
        if category == "license":
            return {"license": _license(spec)}
        if category == "helper-unavailable":
            return _helper(type, groups)
        if category == "too-complex":
            return _size(linked, groups)
        if category == "map-field":
            return _types(spec, groups)
        if category == "instruction":
            return _instruction(groups)
        if category == "jit":
            return {"interpreter": _interpreter()}
        if category in ("pointer-leak", "privilege") and lacks_capability(CAP_PERFMON):
            return {"privilege": f"a process with CAP_PERFMON may do that; {missing_capability(CAP_PERFMON)}"}
        return {"missing_symbol": missing} if missing else {}

    return facts


def _license(spec: ObjectSpec) -> str:
    has = f'the license "{spec.license}"' if spec.license else "no license section"
    return f"the object has {has}; this function needs a GPL-compatible one"


def _size(linked: LinkedProgram, groups: Mapping[str, str]) -> dict[str, str]:
    if "processed" not in groups:
        return {}
    return {
        "complexity": f"the program has {len(linked.code) // 8} instructions, but the verifier follows each path, and "
        f"each pass of a loop: it gave up after {groups['processed']}"
    }


def _types(spec: ObjectSpec, groups: Mapping[str, str]) -> dict[str, str]:
    """Return why a map whose values hold something of the kernel's has no types."""
    name = groups.get("map")
    declared = next((m for m in spec.maps.values() if name and kernel_map_name(m, spec.name) == name), None)
    if spec.btf is None:
        return {"field_reason": "the object has no type information: compile it with -g"}
    if declared is None:
        return {}
    if not declared.value_type_id:
        return {"field_reason": missing_types(declared)}
    problems = "; ".join(problem.text for problem in field_problems(declared, spec.btf))
    return {"field_reason": problems} if problems else {}


def _helper(type: ProgramType, groups: Mapping[str, str]) -> dict[str, str]:
    number = int(groups.get("number", -1))
    known = helper(number)
    if known is None:
        return {}
    if is_older(known.since):
        return {"helper_reason": _helper_age(known)}
    if number in PERFMON_HELPERS and lacks_capability(CAP_PERFMON):
        return {"helper_reason": f"bpf_{known.name} needs CAP_PERFMON; {missing_capability(CAP_PERFMON)}"}
    return {
        "helper_reason": f"programs of type {program_type_name(type)} cannot call the helper bpf_{known.name} in this "
        "kernel"
    }


def _instruction(groups: Mapping[str, str]) -> dict[str, str]:
    if groups.get("opcode") == _MANY_ARGUMENTS:
        return {
            "instruction_reason": "a function has more than five arguments, the others on the stack: clang 23 and "
            "later compile that, this kernel does not take it",
            "instruction_advice": "pass a pointer to a structure",
        }
    if groups.get("opcode") != _REGISTER_CALL:
        return {}
    return {
        "instruction_reason": REGISTER_CALL,
        "instruction_advice": "compile with -O2, and call functions by their name",
    }


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
