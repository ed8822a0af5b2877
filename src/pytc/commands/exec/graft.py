"""``exec bpf graft``: a program into a slot of a pinned program array, while packets run through it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytc.bpf.loader.program import Program
from pytc.bpf.maps.map import Map
from pytc.bpf.object.sections import tail_call_place
from pytc.bpf.sys.constants import MapType, ProgramType, map_type_name, program_type_name
from pytc.bpf.sys.info import array_owner
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.context import Context
from pytc.commands.shared.pinned_programs import open_pinned
from pytc.commands.shared.pins import pin_path
from pytc.commands.shared.programs import note_load, remembering_the_log, resolved, with_parameters
from pytc.commands.values import GraftProgram
from pytc.errors import BpfError, BpfSyscallError
from pytc.tc.kinds.shared.programs import PINNED, BpfSource

if TYPE_CHECKING:
    from pytc.bpf.object.spec import MapSpec, ObjectSpec, ProgramSpec

_NO_KEY = "Couldn't infer map key from section name! Please provide 'key' argument!"
_DEFAULT_SECTIONS = {ProgramType.SCHED_ACT: "action"}
_JITED = {False: "interpreted", True: "JIT-compiled"}


def graft_program(context: Context, command: GraftProgram) -> None:
    """Fills the slot; raises BpfError and its kin, each with what does not fit."""
    source = resolved(command.source)
    with _array(context, command.path) as array:
        if source.mode == PINNED:
            if command.key is None:
                raise BpfError(_NO_KEY)
            with open_pinned(context, source.path) as program:
                _put(array, command.path, command.key, program)
        else:
            _load_and_put(context, command, source, array)


@contextmanager
def _array(context: Context, path: str) -> Iterator[Map]:
    """The pinned program array."""
    try:
        descriptor = open_pin(pin_path(context, path))
    except BpfSyscallError as error:
        raise BpfError(
            f"Couldn't retrieve pinned map '{path}': {os.strerror(error.errno or 0)}", errno=error.errno
        ) from error
    try:
        array = Map(descriptor)
    except BpfSyscallError as error:
        raise BpfError(f"'{path}' is pinned, but is no map", errno=error.errno) from error
    with array:
        if array.description.type != MapType.PROG_ARRAY:
            raise BpfError(
                f"'{path}' is a map of type {map_type_name(array.description.type)}; programs go into a prog_array"
            )
        yield array


def _load_and_put(context: Context, command: GraftProgram, source: BpfSource, array: Map) -> None:
    from pytc.bpf.loader.load import load
    from pytc.bpf.loader.program import select_program
    from pytc.bpf.maps.pinning import PinRoot
    from pytc.bpf.object.reader import read_object

    owner = array_owner(array.fd)
    spec = with_parameters(context, read_object(source.path, layout20=context.layout20), source)
    default = owner.type if owner is not None else 0
    type = ProgramType(source.type or default or ProgramType.SCHED_CLS)
    chosen = select_program(
        spec, section=source.section, program=source.program, default_section=_DEFAULT_SECTIONS.get(type, "classifier")
    )
    place = tail_call_place(chosen.section)
    key = command.key if command.key is not None else place[1] if place is not None else None
    if key is None:
        raise BpfError(_NO_KEY)
    _check_slot(array, command.path, key)  # before the work of loading
    spec = _for_graft(spec, chosen, pin_path(context, command.path))
    with remembering_the_log(context, source):
        made = load(spec, chosen, type=type, pins=PinRoot(context.bpf_mount), verbose=source.verbose)
    with made as loaded:
        note_load(context, source, loaded.notes, [(chosen.name, loaded.log)])
        try:
            _put(array, command.path, key, loaded.program)
        except BaseException:
            loaded.undo()
            raise


def _for_graft(spec: "ObjectSpec", chosen: "ProgramSpec", path: str) -> "ObjectSpec":
    """The object for loading this one program: no slots are filled, since the arrays in use belong to others; and
    the array that the section names (``ID/KEY``) is the one that is grafted into."""
    place = tail_call_place(chosen.section)

    def changed(declared: "MapSpec") -> "MapSpec":
        if declared.type != MapType.PROG_ARRAY:
            return declared
        named = place is not None and declared.id == place[0] and not declared.reuse
        return declared._replace(slots=(), reuse=path if named else declared.reuse)

    return spec._replace(programs=(), maps={name: changed(declared) for name, declared in spec.maps.items()})


def _check_slot(array: Map, path: str, key: int) -> None:
    if key >= array.description.max_entries:
        raise BpfError(f"slot {key} is not among the {array.description.max_entries} of '{path}'")


def _put(array: Map, path: str, key: int, program: Program) -> None:
    _check_slot(array, path, key)
    about, owner = program.description, array_owner(array.fd)
    if owner is not None and owner.type != about.type:
        raise BpfError(
            f"the program is of type {program_type_name(about.type)}; '{path}' is for programs of type "
            f"{program_type_name(owner.type)}"
        )
    if owner is not None and owner.jited != about.jited:
        raise BpfError(f"the program is {_JITED[about.jited]}; those of '{path}' are {_JITED[owner.jited]}")
    try:
        array.update(key.to_bytes(4, "little"), program.fd.to_bytes(4, "little"))
    except BpfSyscallError as error:
        from pytc.bpf.loader.explain import slot_causes

        causes = slot_causes(path, array.description.max_entries, key, error.errno or 0)
        raise BpfError(
            f"the kernel does not put the program into slot {key} of '{path}': {os.strerror(error.errno or 0)}",
            errno=error.errno,
            hints=causes,
        ) from error
