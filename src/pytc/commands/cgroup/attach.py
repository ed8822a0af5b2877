"""``cgroup``: attach and detach."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pytc.bpf.sys import cgroups
from pytc.bpf.sys.attach_points import Attached, AttachPoint
from pytc.bpf.sys.cgroups import ATTACH_TYPES, CgroupAttachType
from pytc.bpf.sys.constants import F_ALLOW_MULTI, F_ALLOW_OVERRIDE, ProgramType, program_type_name
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.links import links
from pytc.commands.shared.attach_values import AttachCgroup, CgroupPlace, DetachCgroup
from pytc.commands.shared.attached_programs import find, open_wanted
from pytc.commands.shared.attaching import (
    attach_one,
    detach_one,
    export_or_take_back,
    refusal,
    replace_one,
    unpin_named,
)
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import Wanted
from pytc.commands.shared.pins import check_pin_place
from pytc.errors import AttachError, BpfSyscallError
from pytc.tc.kinds.interface import OpenedProgram

FLAGS = {"multi": F_ALLOW_MULTI, "override": F_ALLOW_OVERRIDE, "exclusive": 0}
# Of programs that go with one attach type only.
_BY_PROGRAM = {
    ProgramType.SOCK_OPS: "sock_ops",
    ProgramType.CGROUP_DEVICE: "device",
    ProgramType.CGROUP_SYSCTL: "sysctl",
}
_SENTENCES = {
    errno.ENOENT: "there is no such program",
    errno.E2BIG: "there is no room: a cgroup takes 64 programs of a type",
}
_ANOTHER_SHARING = (
    "programs that are there already, here or in a cgroup above, are attached with another of multi, "
    "override and exclusive, which do not go together",
)


def attach_cgroup(context: Context, command: AttachCgroup) -> None:
    """Attaches a program, by a pinned link or plainly, or puts it into the place of another; raises AttachError,
    PinError, BpfError and its kin."""
    if command.link:
        check_pin_place(context, "link", command.link)
    known = ATTACH_TYPES.get(command.attach)
    wanted = Wanted(command.source, ProgramType.UNSPEC, ())
    if known is not None:
        wanted = Wanted(command.source, known.program, known.sections, known.number)
    path = path_of(command.place)
    with cgroups.open_cgroup(path) as cgroup, open_wanted(context, wanted) as found:
        program, programs = found
        type = known or type_of(program)
        point = AttachPoint(cgroup.fd, type.number)
        if command.old is not None:
            with explained(path, type):
                _replace(context, command, cgroup, type, program)
            failure = programs.export_or(None)
            if failure is not None:
                raise failure
            return
        with explained(path, type), _refused_twice(path, cgroup, type, program):
            attach_one(context, point, program, link=command.link, flags=FLAGS[command.sharing])
        export_or_take_back(context, programs, point, program, command.link)


def type_of(program: OpenedProgram) -> CgroupAttachType:
    """What the section of a program says; raises AttachError."""
    if program.type in _BY_PROGRAM:
        return ATTACH_TYPES[_BY_PROGRAM[ProgramType(program.type)]]
    found = [one for one in ATTACH_TYPES.values() if one.program == program.type]
    exact = next((one for one in found if one.number == program.attach_type), None)
    if program.annotation.endswith("[cgroup/skb]"):
        exact = None
    if exact is not None:
        return exact
    words = " ".join(one.word for one in found)
    if not words:
        raise AttachError(
            f"{program.annotation} is a program of type {program_type_name(program.type)}, which does "
            "not go to a cgroup",
            hints=(f"attach types: {' '.join(ATTACH_TYPES)}",),
        )
    raise AttachError(f"{program.annotation} does not say where it belongs; name it: {words}")


@contextmanager
def _refused_twice(path: str, cgroup: OwnedFd, type: CgroupAttachType, program: OpenedProgram) -> Iterator[None]:
    """The kernel's EINVAL for a program that is there already says nothing of it."""
    try:
        yield
    except BpfSyscallError as error:
        there = cgroups.attached(cgroup.fd, type, {}).programs if error.errno == errno.EINVAL else ()
        if any(one.program == describe_program(program.fd).id for one in there):
            raise AttachError(
                f"{path} {type.word}: this program is attached there already", errno=error.errno
            ) from error
        raise


def _replace(
    context: Context, command: AttachCgroup, cgroup: OwnedFd, type: CgroupAttachType, program: OpenedProgram
) -> None:
    there = cgroups.attached(cgroup.fd, type, all_links())
    assert command.old is not None
    old = find(context, command.old, there.programs, f"{path_of(command.place)} {type.word}")
    replace_one(AttachPoint(cgroup.fd, type.number), old, program, flags=F_ALLOW_MULTI)


def detach_cgroup(context: Context, command: DetachCgroup) -> None:
    """Detaches one program, or all of a type, or all; a link named by its pin loses that too. Raises AttachError."""
    path = path_of(command.place)
    types = [ATTACH_TYPES[command.attach]] if command.attach else list(ATTACH_TYPES.values())
    with cgroups.open_cgroup(path) as cgroup:
        known = all_links()
        there: list[tuple[CgroupAttachType, Attached]] = []
        for type in types:
            with explained(path, type):
                there += [(type, one) for one in cgroups.attached(cgroup.fd, type, known).programs]
        if command.which is not None:
            one = find(context, command.which, [one for _, one in there], path)
            there = [pair for pair in there if pair[1] == one]
        for type, one in there:
            with explained(path, type):
                detach_one(AttachPoint(cgroup.fd, type.number), one)
    unpin_named(context, command.which, [one for _, one in there])


def path_of(place: CgroupPlace) -> str:
    """Raises AttachError for a process that is not there."""
    return cgroups.of_process(place.pid) if place.pid else place.path


def all_links() -> cgroups.Links:
    """Those of cgroups; none where they cannot be listed, as before Linux 5.8 or without CAP_SYS_ADMIN."""
    try:
        return cgroups.by_place(links())
    except BpfSyscallError:
        return {}


@contextmanager
def explained(path: str, type: CgroupAttachType) -> Iterator[None]:
    """Turns refusals of the kernel into AttachError."""
    try:
        yield
    except BpfSyscallError as error:
        raise refusal(error, f"{path} {type.word}", _SENTENCES, _ANOTHER_SHARING) from error
