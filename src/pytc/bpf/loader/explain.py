"""Why the kernel refused: likely causes, the likeliest first, each of which was checked and applies here."""

import errno
import os
import re

from pytc.bpf.kernel.permissions import permission_causes
from pytc.bpf.kernel.versions import is_older, program_type_since
from pytc.bpf.link.linker import LinkedProgram
from pytc.bpf.object.spec import ObjectSpec
from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.bpf.sys.helpers import helper

_HELPER = re.compile(r"(?:unknown|invalid) func (\w+)#(\d+)|program of this type cannot use helper (\w+)#(\d+)")
_OLD_LIMIT = 4096


def program_causes(
    spec: ObjectSpec, linked: LinkedProgram, type: ProgramType, number: int, log: str
) -> tuple[str, ...]:
    """Return likely causes for a refused program."""
    causes = [*_license_causes(spec, number, log), *_helper_causes(type, log)]
    if not log and number == errno.EPERM:
        causes += permission_causes()
    if not log and number == errno.E2BIG:
        count = len(linked.code) // 8
        causes.append(
            f"the program has {count} instructions; kernels before 5.2 accept {_OLD_LIMIT}, later ones a million"
            if count > _OLD_LIMIT
            else "this kernel is too old for an attribute of the program"
        )
    if not log and number == errno.EINVAL:
        causes += _program_age(type)
    if number == errno.EACCES and not log:
        causes.append('the verifier gave no reason; try again with "verbose"')
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
    number = int(match.group(2) or match.group(4))
    found = helper(number)
    if found is None:
        return []
    if is_older(found.since):
        return [f"the helper bpf_{found.name} came with Linux {found.since}; this is {os.uname().release}"]
    return [f"programs of type {program_type_name(type)} cannot call the helper bpf_{found.name} in this kernel"]


def _program_age(type: ProgramType) -> list[str]:
    since = program_type_since(type)
    if since and is_older(since):
        return [f"programs of type {program_type_name(type)} came with Linux {since}; this is {os.uname().release}"]
    return []


def slot_causes(map_name: str, entries: int, slot: int, number: int) -> tuple[str, ...]:
    """Return likely causes for a program or map that does not go into a slot."""
    if number == errno.E2BIG:
        return (f'map "{map_name}" has {entries} entries: slot {slot} is out of range',)
    if number == errno.EINVAL:
        return (
            "all programs of a program array must have the same type and be JIT-compiled alike; "
            "a pinned array keeps the type of the first program it held",
        )
    return ()
