"""Programs that are loaded already, opened by their pins, ids or names."""

from __future__ import annotations

import os

from pytc.bpf.loader.program import Program
from pytc.bpf.object.names import kernel_name
from pytc.bpf.sys.constants import program_type_name
from pytc.bpf.sys.files import looks_like_elf
from pytc.bpf.sys.info import describe_program
from pytc.commands.shared.opened_programs import pinned_annotation
from pytc.commands.shared.pins import pin_path, similar_pins
from pytc.contexts import contextmanager
from pytc.errors import BpfError, BpfSyscallError
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import IDENTIFIED, NAMED, PINNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.sys.constants import ProgramType
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource

#: What stands in dumps for the section of a program that was attached by its id or name.
_LOADED = "[*loaded]"


def open_pinned(context: Context, path: str) -> Program:
    """Open the program that is pinned at a path; raises BpfError, with an errno where it cannot be opened."""
    pin = pin_path(context, path)
    try:
        program = Program.from_pin(pin)
    except BpfSyscallError as error:
        reason = os.strerror(error.errno or 0)
        refusal = BpfError(f"Couldn't retrieve pinned program '{path}': {reason}", errno=error.errno, hints=error.hints)
        raise refusal.with_alternatives(*similar_pins(pin)) from error
    try:
        describe_program(program.fd)
    except BpfSyscallError as error:
        program.close()
        raise BpfError(f"'{path}' is pinned, but is not a program", errno=error.errno) from error
    return program


def open_loaded(context: Context, source: BpfSource) -> Program:
    """Open a program that is loaded: by its pin, its id or its name. Raises BpfError."""
    if source.mode == IDENTIFIED:
        return Program.from_id(int(source.path))
    if source.mode == NAMED:
        from pytc.commands.shared.named_programs import find_program

        return find_program("name", source.path)
    try:
        return open_pinned(context, source.path)
    except BpfError as error:
        if looks_like_elf(source.path):
            error.with_hints(f"object-file {source.path} names an object file")
        raise


def loaded_annotation(source: BpfSource, name: str) -> str:
    """Return the name of a loaded program in dumps; ``name`` is that of its function."""
    return pinned_annotation(source.path) if source.mode == PINNED else f"{name}:{_LOADED}"


def loaded_label(source: BpfSource) -> str:
    """Return how the words name a loaded program, for messages."""
    return f"'{source.path}'" if source.mode == PINNED else f"the program with {source.mode} {source.path}"


@contextmanager
def open_loaded_program(context: Context, source: BpfSource, type: ProgramType) -> Iterator[OpenedProgram]:
    """Open a loaded program for a filter, an action or another hook, for as long as the block runs.

    Raises BpfError, also where a type is asked for and the program has another.
    """
    with open_loaded(context, source) as program:
        about = program.description
        if type and about.type != type:
            raise BpfError(
                f"{loaded_label(source)} is a program of type {program_type_name(about.type)}; "
                f"{program_type_name(type)} is needed here"
            )
        yield OpenedProgram(program.fd, loaded_annotation(source, about.name), about.type)


def declared_name(context: Context, source: BpfSource, program: OpenedProgram) -> str:
    """Return the name that the kernel has of a program of an object file, or of a loaded one; raises BpfError.

    ``program`` may stand for one that has yet to be loaded.
    """
    if program.declaration is not None:
        return kernel_name(program.declaration[1].name)
    with open_loaded(context, source) as loaded:
        return loaded.name
