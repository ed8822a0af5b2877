"""From the words of a bpf filter to an open program."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytc.bpf.constants import ProgramType
from pytc.errors import BpfError, BpfSyscallError, InvalidOptionsError, VerifierError
from pytc.kinds.filters.bpf import BARE, BYTECODE, BYTECODE_FILE, OBJECT, PINNED, BpfSource
from pytc.kinds.interface import OpenedProgram
from pytc.operations.context import Context

if TYPE_CHECKING:
    from pytc.bpf.spec import ObjectSpec

_PINNED_ANNOTATION = "[*fsobj]"
_MAX_ANNOTATION = 255


@contextmanager
def opened(context: Context, source: BpfSource | None, type: ProgramType,
           default_section: str) -> Iterator[OpenedProgram | None]:
    """The program that a source names, open for as long as the block runs; None for bytecode.

    When the block raises, the pins that loading made are removed again.
    """
    if source is None or source.mode in (BYTECODE, BYTECODE_FILE):
        yield None
    elif source.mode == PINNED:
        with _pinned(context, source.path, type) as program:
            yield program
    else:
        with _loaded(context, source, type, default_section) as program:
            yield program


def resolved(source: BpfSource) -> BpfSource:
    """The source with what is in files: instructions for ``bytecode-file``, the mode of a bare word."""
    if source.mode == BYTECODE_FILE:
        from pytc.bpf.classic import parse_bytecode_file

        return source._replace(instructions=parse_bytecode_file(source.path))
    if source.mode == BARE:
        from pytc.bpf.files import looks_like_elf

        if not looks_like_elf(source.path):
            raise InvalidOptionsError(
                f'What mode is "{source.path}"? It is neither one of bytecode, bytecode-file, object-file and '
                "object-pinned, nor an ELF file.")
        return source._replace(mode=OBJECT)
    return source


@contextmanager
def _loaded(context: Context, source: BpfSource, type: ProgramType,
            default_section: str) -> Iterator[OpenedProgram]:
    from pytc.bpf.loader import load
    from pytc.bpf.pinning import PinRoot
    from pytc.bpf.program import select_program
    from pytc.bpf.reader import read_object

    spec = read_object(source.path, layout20=context.layout20)
    if source.variables or source.maps:
        spec = _with_parameters(context, spec, source)
    type = ProgramType(source.type) if source.type else type
    program = select_program(spec, section=source.section, program=source.program,
                             default_section=default_section)
    with _remembering_the_log(context, source):
        made = load(spec, program, type=type, pins=PinRoot(context.bpf_mount), verbose=source.verbose, commit=False)
    with made as loaded:
        context.notes += loaded.notes
        if source.verbose:
            context.notes.append(f'Verifier log of program "{program.name}":\n{loaded.log.rstrip()}')
        annotation = f"{spec.name}:[{program.section}]"
        try:
            yield OpenedProgram(loaded.program.fd, annotation[:_MAX_ANNOTATION])
        except BaseException:
            loaded.undo()
            raise
        loaded.commit()


@contextmanager
def _remembering_the_log(context: Context, source: BpfSource) -> Iterator[None]:
    """With ``verbose``, the verifier's whole log of a refused program is said as well."""
    try:
        yield
    except VerifierError as error:
        if source.verbose and error.log:
            context.notes.append(f'Verifier log of program "{error.program}":\n{error.log.rstrip()}')
        raise


def _with_parameters(context: Context, spec: "ObjectSpec", source: BpfSource) -> "ObjectSpec":
    from pytc.bpf.parameters import Parameters, parameterise

    return parameterise(spec, Parameters(
        dict(source.variables),
        {m.name: m.max_entries for m in source.maps if not m.pinned},
        {m.name: _pin_path(context, m.pinned) for m in source.maps if m.pinned}))


@contextmanager
def _pinned(context: Context, path: str, type: ProgramType) -> Iterator[OpenedProgram]:
    from pytc.bpf.constants import program_type_name
    from pytc.bpf.program import Program

    place = _pin_path(context, path)
    try:
        program = Program.from_pin(place)
    except BpfSyscallError as error:
        raise BpfError(f"Couldn't retrieve pinned program '{path}': {os.strerror(error.errno or 0)}",
                       errno=error.errno) from error
    with program:
        try:
            found = program.description.type
        except BpfSyscallError as error:
            raise BpfError(f"'{path}' is pinned, but is no program", errno=error.errno) from error
        if found != type:
            raise BpfError(f"'{path}' is a program of type {program_type_name(found)}; "
                           f"{program_type_name(type)} is wanted here")
        yield OpenedProgram(program.fd, f"{os.path.basename(path)}:{_PINNED_ANNOTATION}"[:_MAX_ANNOTATION])


def _pin_path(context: Context, path: str) -> str:
    """``m:NAME`` is tc's short form for NAME below the bpffs's ``tc`` directory."""
    if not path.startswith("m:"):
        return path
    from pytc.bpf.pinning import DEFAULT_MOUNT, find_mount

    mount = find_mount(context.bpf_mount) or context.bpf_mount or DEFAULT_MOUNT
    return os.path.join(mount, "tc", path[2:])
