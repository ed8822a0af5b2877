"""``pytc exec bpf graft``: puts a program into a slot of a pinned program array, while packets run through it."""

from __future__ import annotations

import os

from pytc.bpf.maps.map import Map
from pytc.bpf.object.sections import tail_call_slot
from pytc.bpf.sys.constants import MapType, ProgramType, map_type_name, program_type_name
from pytc.bpf.sys.info import array_owner
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.command import Command
from pytc.commands.shared.loaded_programs import open_loaded
from pytc.commands.shared.pins import pin_path, pin_root
from pytc.commands.shared.programs import note_load, note_verifier_log, resolve_files, with_parameters
from pytc.contexts import ExitStack, contextmanager
from pytc.errors import BpfError, BpfSyscallError, InvalidOptionsError, UsageError
from pytc.signals import block_signals
from pytc.tc.kinds.shared.programs import (
    BYTECODE,
    BYTECODE_FILE,
    LOADED,
    ProgramWords,
    parse_program,
    take_source,
)
from pytc.words.engine import matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytc.bpf.loader.program import Program
    from pytc.bpf.object.spec import MapSpec, ObjectSpec, ProgramSpec
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc exec bpf graft MAP [ key KEY ] { object-file | obj } FILE [ section NAME ] [ type TYPE ] [ verbose ]
       pytc exec bpf graft MAP [ key KEY ] { { object-pinned | pinned } PROGRAM | id NUMBER | name NAME }

Puts a program into slot KEY of the program array that is pinned at MAP, in one step; what runs through the array goes
on with the new program. Without KEY, the section says it: that of section "5/3" is 3.
MAP and PROGRAM are paths in a bpffs, or m:NAME, which is NAME below tc's directory there. "program", "set" and "map"
work as in "pytc filter add bpf help".
"""

_NO_KEY = "Couldn't infer map key from section name! Please provide 'key' argument!"
_DEFAULT_SECTIONS = {ProgramType.SCHED_ACT: "action"}
_JITED = {False: "interpreted", True: "JIT-compiled"}


class GraftProgram(Command):
    """Puts a program into slot ``key`` of the program array that is pinned at ``path``; None: the section says it."""

    path: str
    key: int | None
    source: BpfSource


def parse(cursor: Cursor) -> GraftProgram:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    path, key = cursor.take(), None
    if matches(cursor.peek(), "key"):
        cursor.take()
        word = cursor.take()
        try:
            key = unsigned(0xFFFFFFFF)(word)
        except ValueError:
            raise UsageError(f'Error: argument "{word}" is wrong: key value not integer') from None
    if cursor.done:
        raise UsageError('Command line is not complete. Try option "help"')
    fields: dict[str, Any] = {}
    parse_program(cursor, ProgramWords(), fields, topic="exec bpf graft")
    source = take_source(fields)
    if source is None or source.mode in (BYTECODE, BYTECODE_FILE):
        raise InvalidOptionsError(
            "only a program can be grafted: object-file FILE and its words, or "
            'object-pinned PROG. Try "pytc exec bpf graft help".'
        )
    return GraftProgram(path, key, source)


def run(context: Context, command: GraftProgram) -> None:
    """Fill the slot; raises BpfError and its kin, each with what does not fit."""
    source = resolve_files(command.source)
    with _program_array(context, command.path) as array:
        if source.mode in LOADED:
            if command.key is None:
                raise BpfError(_NO_KEY)
            with open_loaded(context, source) as program:
                _fill_slot(array, command.path, command.key, program)
        else:
            _load_and_put(context, command, source, array)


@contextmanager
def _program_array(context: Context, path: str) -> Iterator[Map]:
    """Open a pinned program array for a block; raises BpfError for anything else."""
    try:
        descriptor = open_pin(pin_path(context, path))
    except BpfSyscallError as error:
        raise BpfError(
            f"Couldn't retrieve pinned map '{path}': {os.strerror(error.errno or 0)}",
            errno=error.errno,
            hints=error.hints,
        ) from error
    try:
        array = Map(descriptor)
    except BpfSyscallError as error:
        raise BpfError(f"'{path}' is pinned, but is not a map", errno=error.errno) from error
    with array:
        if array.description.type != MapType.PROG_ARRAY:
            raise BpfError(
                f"'{path}' is a map of type {map_type_name(array.description.type)}; programs go into a prog_array"
            )
        yield array


def _load_and_put(context: Context, command: GraftProgram, source: BpfSource, array: Map) -> None:
    from pytc.bpf.loader.load import load_programs
    from pytc.bpf.loader.program import select_program
    from pytc.bpf.object.reader import read_object

    owner = array_owner(array.fd)
    spec = with_parameters(context, read_object(source.path, layout20=context.layout20), source)
    default = owner.type if owner is not None else 0
    type = ProgramType(source.type or default or ProgramType.SCHED_CLS)
    chosen = select_program(
        spec, section=source.section, program=source.program, default_section=_DEFAULT_SECTIONS.get(type, "classifier")
    )
    slot = tail_call_slot(chosen.section)
    key = command.key if command.key is not None else slot.slot if slot is not None else None
    if key is None:
        raise BpfError(_NO_KEY)
    _check_slot(array, command.path, key)  # before the work of loading
    spec = _for_graft(spec, chosen, pin_path(context, command.path))
    pins, is_settled = pin_root(context), False
    with ExitStack() as stack:
        stack.enter_context(context.connection.pin_lock)
        try:  # from the first pin on: a signal may come between any two steps
            with note_verifier_log(context, source):
                loading = load_programs(spec, [(chosen, type)], pins=pins, verbose=source.verbose, commit=False)
            loaded = stack.enter_context(loading)
            note_load(context, source, loaded.notes, [(chosen.name, loaded.log)])
            with block_signals():  # one in between would take away the pins of maps that a program in the slot uses
                _fill_slot(array, command.path, key, loaded.program)
                is_settled = True
                loaded.commit()
        except BaseException as error:
            if not is_settled:
                pins.undo(error)
            raise


def _for_graft(spec: ObjectSpec, chosen: ProgramSpec, path: str) -> ObjectSpec:
    """Return the object for loading this one program: no slots are filled, since the arrays in use belong to others,
    and the array that the section names (``ID/KEY``) is the one at ``path``."""
    slot = tail_call_slot(chosen.section)

    def changed(declared: MapSpec) -> MapSpec:
        if declared.type != MapType.PROG_ARRAY:
            return declared
        named = slot is not None and declared.id == slot.array_id and not declared.reuse
        return declared._replace(slots=(), reuse=path if named else declared.reuse)

    return spec._replace(programs=(), maps={name: changed(declared) for name, declared in spec.maps.items()})


def _check_slot(array: Map, path: str, key: int) -> None:
    if key >= array.description.max_entries:
        raise BpfError(f"slot {key} is out of range: '{path}' has {array.description.max_entries} slots")


def _fill_slot(array: Map, path: str, key: int, program: Program) -> None:
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
        from pytc.bpf.loader.circumstances import slot_causes

        causes = slot_causes(path, array.description.max_entries, key, error.errno or 0)
        raise BpfError(
            f"cannot put the program into slot {key} of '{path}': {os.strerror(error.errno or 0)}",
            errno=error.errno,
            hints=causes,
        ) from error
