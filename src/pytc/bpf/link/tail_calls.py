"""Link the programs of an object that are loaded together: those named, and what their tail calls reach. Pure."""

from __future__ import annotations

from pytc.bpf.link.linker import link, map_names
from pytc.bpf.object.sections import tail_call_slot
from pytc.bpf.sys.constants import MapType, ProgramType, program_type_name
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.link.core_relocations import CoreResolver
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import FunctionSpec, ObjectSpec, ProgramSpec


#: Types whose programs are loaded for a target, in the kernel or in another program, and what that is.
_NEEDING_A_TARGET = {
    ProgramType.TRACING: "the function, tracepoint or iterator that they are for (attach_btf_id)",
    ProgramType.LSM: "the hook that they are for (attach_btf_id)",
    ProgramType.EXT: "the function of a loaded program that they replace (attach_prog_fd and attach_btf_id)",
    ProgramType.STRUCT_OPS: "the structure and the member that they implement (attach_btf_id)",
}


class TailCall(NamedTuple):
    """A program for slot ``slot`` of the program array ``map_name``."""

    map_name: str
    slot: int
    program: ProgramSpec


def tail_calls(spec: ObjectSpec) -> list[TailCall]:
    """Return the programs for slots of program arrays: sections named ``ID/KEY``, and ``values`` of ``.maps``."""
    calls = []
    for program in spec.programs:
        slot = tail_call_slot(program.section)
        array = spec.map_by_id(slot.array_id) if slot else None
        if slot and array is not None and array.type == MapType.PROG_ARRAY:
            calls.append(TailCall(array.name, slot.slot, program))
    by_name = {program.name: program for program in spec.programs}
    for declared in spec.maps.values():
        if declared.type == MapType.PROG_ARRAY:
            for index, name in declared.slots:
                if name in by_name:
                    calls.append(TailCall(declared.name, index, by_name[name]))
    return calls


def _check_slots(spec: ObjectSpec, reached: set[str]) -> None:
    """Raise ObjectError for a program array that wants a program which the object does not have."""
    names = {program.name for program in spec.programs}
    for declared in (spec.maps[name] for name in sorted(reached)):
        for index, name in declared.slots if declared.type == MapType.PROG_ARRAY else ():
            if name not in names:
                raise ObjectError(
                    f'map "{declared.name}" wants program "{name}" in slot {index}; the object has no such program'
                )


class LinkedSet(NamedTuple):
    """Programs with all that their tail calls reach, their types, and the slots that are filled for them."""

    programs: list[LinkedProgram]
    types: list[ProgramType]
    tail_calls: list[tuple[TailCall, ProgramType]]


def link_with_tail_calls(
    spec: ObjectSpec, programs: Sequence[tuple[ProgramSpec, ProgramType]], core: CoreResolver | None = None
) -> LinkedSet:
    """Return programs linked with all that their tail calls reach. Pure without ``core``; raises ObjectError."""
    linked_by_key: dict[tuple[FunctionSpec, ProgramType], LinkedProgram] = {}
    candidates, result = tail_calls(spec), LinkedSet([], [], [])
    waiting = list(programs)
    while waiting:
        program, type = waiting.pop(0)
        if (program.function, type) in linked_by_key:
            continue
        linked_program = linked_by_key[program.function, type] = link(spec, program, core)
        result.programs.append(linked_program)
        result.types.append(type)
        reached = map_names(linked_program)
        _check_slots(spec, reached)
        calls = [call for call in candidates if call.map_name in reached]
        candidates = [call for call in candidates if call.map_name not in reached]
        result.tail_calls.extend((call, type) for call in calls)
        waiting += [(call.program, type) for call in calls]
    return result


def type_of(program: ProgramSpec, type: ProgramType) -> ProgramType:
    """Return the type to load a program as: ``type``, or for UNSPEC that of its section name.

    Raises ObjectError, also for a type that is loaded for something in the kernel that pytc cannot name.
    """
    chosen = type if type is not ProgramType.UNSPEC else program.type
    if chosen is ProgramType.UNSPEC:
        raise ObjectError(
            f'program "{program.name}": the name of its section, "{program.section}", does not tell its type',
            hints=(
                'say which: "type sched_cls", "type xdp" ...; or name the section for it, like SEC("tc"), SEC("xdp")',
            ),
        )
    if chosen in _NEEDING_A_TARGET:
        raise ObjectError(
            f'program "{program.name}" in section "{program.section}" is of type {program_type_name(chosen)}: pytc '
            f"does not load such programs, as the kernel has to be told {_NEEDING_A_TARGET[chosen]}"
        )
    return chosen
