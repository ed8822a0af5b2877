"""Plan a load without doing it: needs no privileges and changes nothing through bpf(2)."""

from __future__ import annotations

import errno
import os

from pytc.bpf.analyse.findings import ERROR
from pytc.bpf.link.linker import map_names
from pytc.bpf.link.prepare import used_maps, wanted_maps
from pytc.bpf.link.tail_calls import link_with_tail_calls, type_of
from pytc.bpf.maps.map import actual_entries
from pytc.bpf.maps.pin_compat import check_shape, declared_shape, open_pinned
from pytc.bpf.maps.pinning import check_pin
from pytc.bpf.object.spec import DATA
from pytc.errors import ObjectError, PinError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final, Literal

    from pytc.bpf.link.tail_calls import LinkedSet
    from pytc.bpf.maps.pinning import PinRoot
    from pytc.bpf.object.spec import MapSpec, ObjectSpec, ProgramSpec
    from pytc.bpf.sys.constants import ProgramType

    #: The fate of a pin: it is created; its map is used; a new program array replaces it; this process cannot see it.
    PinFate = Literal["created", "reused", "replaced", "unseen"]
CREATED: Final = "created"
REUSED: Final = "reused"
REPLACED: Final = "replaced"
UNSEEN: Final = "unseen"
_INSTRUCTION = 8


class PlannedMap(NamedTuple):
    """A map that a load would create or open.

    ``entries`` is max_entries as the kernel gets it. ``path`` is that of the pin, empty for none, and ``fate`` what
    becomes of the pin. ``is_written`` is True where the load changes the contents of a map that exists already.
    """

    spec: MapSpec
    entries: int
    path: str = ""
    fate: PinFate | None = None
    is_written: bool = False


class PlannedProgram(NamedTuple):
    """A program that a load would submit.

    ``instructions`` counts those of the program and its subprograms. ``slot`` is the slot of the program array that it
    goes to, like ``calls[1]``; empty for a program that the caller named.
    """

    program: ProgramSpec
    type: ProgramType
    instructions: int
    slot: str = ""


class PlannedLoad(NamedTuple):
    """The maps and programs of a load, in the order in which it would make them."""

    maps: list[PlannedMap]
    programs: list[PlannedProgram]


def plan_load(
    spec: ObjectSpec,
    programs: Sequence[tuple[ProgramSpec, ProgramType]],
    pins: PinRoot,
    planned: Mapping[str, MapSpec],
    *,
    used_only: bool = False,
    lint: bool = True,
) -> PlannedLoad:
    """Return what a load would create for programs with their types. ``planned`` are the pins that earlier loads would
    have created by then; with ``used_only``, a map that no program uses and that is not pinned is left out.

    With ``lint``, finds what is wrong with the object as far as that does not depend on a kernel. Raises ObjectError,
    PinError, MapMismatchError.
    """
    linked = link_with_tail_calls(spec, [(program, type_of(program, type)) for program, type in programs])
    if lint:
        _check(spec, linked, programs[0][1])
    filled = {call.map_name for call, _ in linked.tail_calls}
    used = used_maps(spec, linked.programs)
    maps = [
        _plan_map(declared, spec, pins, planned, is_filled=declared.name in filled)
        for declared in (wanted_maps(spec.maps.values(), used) if used_only else spec.maps.values())
        if not declared.problem
    ]
    slots = {call.program.name: f"{call.map_name}[{call.slot}]" for call, _ in linked.tail_calls}
    named = {program.name for program, _ in programs}
    planned_programs = [
        PlannedProgram(
            linked_program.program,
            type,
            len(linked_program.code) // _INSTRUCTION,
            "" if linked_program.program.name in named else slots.get(linked_program.program.name, ""),
        )
        for linked_program, type in zip(linked.programs, linked.types, strict=True)
    ]
    return PlannedLoad(maps, planned_programs)


def _check(spec: ObjectSpec, linked: LinkedSet, type: ProgramType) -> None:
    from pytc.bpf.analyse.lint import lint_object

    programs = {program.program.name for program in linked.programs}
    maps = set().union(*(map_names(program) for program in linked.programs))
    for finding in lint_object(spec, type=type):
        if finding.severity == ERROR and (finding.program in programs or finding.map in maps):
            where = f'program "{finding.program}"' if finding.program else f'map "{finding.map}"'
            raise ObjectError(f"{where}: {finding.text}", hints=('"pytc object lint" lists every problem',))


def _plan_map(
    spec: MapSpec, owner: ObjectSpec, pins: PinRoot, planned: Mapping[str, MapSpec], *, is_filled: bool
) -> PlannedMap:
    path = spec.reuse or pins.path_for(spec, owner)
    if not path:
        return PlannedMap(spec, actual_entries(spec))
    if path in planned:
        check_shape(spec, path, declared_shape(planned[path]))
        fate: PinFate = REUSED
    else:
        if spec.reuse:
            check_pin(path)
        else:
            pins.check(path)
        fate = _pin_fate(spec, path)
    is_data = spec.origin == DATA and bool(spec.contents)
    holds_maps = spec.inner is not None and bool(spec.slots)
    is_written = fate != CREATED and path not in planned and (is_data or holds_maps or (is_filled and bool(spec.reuse)))
    if fate == REUSED and is_filled and not spec.reuse:
        fate = REPLACED
    return PlannedMap(spec, actual_entries(spec), path, fate, is_written)


def _pin_fate(spec: MapSpec, path: str) -> PinFate:
    try:
        os.lstat(path)
    except PermissionError:
        return UNSEEN
    except OSError:
        return UNSEEN if spec.reuse else CREATED
    try:
        map = open_pinned(spec, path)
    except PinError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise
        return UNSEEN
    if map is None:
        return CREATED
    map.close()
    return REUSED
