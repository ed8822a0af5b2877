"""Link the programs of an object that are loaded together: those named, and what their tail calls reach. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytc.bpf.link.linker import LinkedProgram, link, map_names
from pytc.bpf.object.sections import tail_call_slot
from pytc.bpf.object.spec import FunctionSpec, ObjectSpec, ProgramSpec
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.errors import ObjectError

if TYPE_CHECKING:
    from pytc.bpf.link.core_relocations import CoreResolver


class TailCall(NamedTuple):
    """A program for slot ``slot`` of the program array ``map_name``."""

    map_name: str
    slot: int
    program: ProgramSpec


def tail_calls(spec: ObjectSpec) -> list[TailCall]:
    """Return the programs for slots of program arrays: sections named ``ID/KEY``, and ``values`` of ``.maps``."""
    found = []
    for program in spec.programs:
        place = tail_call_slot(program.section)
        array = spec.map_by_id(place[0]) if place else None
        if place and array is not None and array.type == MapType.PROG_ARRAY:
            found.append(TailCall(array.name, place[1], program))
    by_name = {program.name: program for program in spec.programs}
    for declared in spec.maps.values():
        if declared.type == MapType.PROG_ARRAY:
            for index, name in declared.slots:
                if name not in by_name:
                    raise ObjectError(
                        f'map "{declared.name}" wants program "{name}" in slot {index}; the object has no such program'
                    )
                found.append(TailCall(declared.name, index, by_name[name]))
    return found


class LinkedSet(NamedTuple):
    """Programs with all that their tail calls reach, their types, and the slots that are filled for them."""

    programs: list[LinkedProgram]
    types: list[ProgramType]
    tail_calls: list[tuple[TailCall, ProgramType]]


def link_with_tail_calls(
    spec: ObjectSpec, wanted: Sequence[tuple[ProgramSpec, ProgramType]], core: "CoreResolver | None" = None
) -> LinkedSet:
    """Return programs linked with all that their tail calls reach. Pure without ``core``; raises ObjectError."""
    linked: dict[tuple[FunctionSpec, ProgramType], LinkedProgram] = {}
    candidates, found = tail_calls(spec), LinkedSet([], [], [])
    waiting = list(wanted)
    while waiting:
        program, type = waiting.pop(0)
        if (program.function, type) in linked:
            continue
        one = linked[program.function, type] = link(spec, program, core)
        found.programs.append(one)
        found.types.append(type)
        reached = map_names(one)
        calls = [call for call in candidates if call.map_name in reached]
        candidates = [call for call in candidates if call.map_name not in reached]
        found.tail_calls.extend((call, type) for call in calls)
        waiting += [(call.program, type) for call in calls]
    return found


def type_of(program: ProgramSpec, type: ProgramType) -> ProgramType:
    """Return the type to load a program as: ``type``, or for UNSPEC that of its section name. Raises ObjectError."""
    found = type if type is not ProgramType.UNSPEC else program.type
    if found is ProgramType.UNSPEC:
        raise ObjectError("the section's name does not say a program type; give one")
    return found
