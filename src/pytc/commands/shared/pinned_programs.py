"""Programs that are pinned, opened."""

from __future__ import annotations

import os
from contextlib import contextmanager

from pytc.bpf.loader.program import Program
from pytc.bpf.sys.constants import program_type_name
from pytc.bpf.sys.files import looks_like_elf
from pytc.bpf.sys.info import describe_program
from pytc.commands.shared.opened_programs import pinned_annotation
from pytc.commands.shared.pins import pin_path
from pytc.errors import BpfError, BpfSyscallError
from pytc.tc.kinds.interface import OpenedProgram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.sys.constants import ProgramType
    from pytc.commands.shared.context import Context


def open_pinned(context: Context, path: str) -> Program:
    """Open the program that is pinned at a path; raises BpfError, with an errno where it cannot be opened."""
    try:
        program = Program.from_pin(pin_path(context, path))
    except BpfSyscallError as error:
        raise BpfError(
            f"Couldn't retrieve pinned program '{path}': {os.strerror(error.errno or 0)}",
            errno=error.errno,
            hints=error.hints,
        ) from error
    try:
        describe_program(program.fd)
    except BpfSyscallError as error:
        program.close()
        raise BpfError(f"'{path}' is pinned, but is not a program", errno=error.errno) from error
    return program


@contextmanager
def open_pinned_program(context: Context, path: str, type: ProgramType) -> Iterator[OpenedProgram]:
    """Open a pinned program for a filter or action, for as long as the block runs.

    Raises BpfError, also where a type is asked for and the program has another.
    """
    try:
        program = open_pinned(context, path)
    except BpfError as error:
        if looks_like_elf(path):
            error.with_hints(f"object-file {path} names an object file")
        raise
    with program:
        actual = program.description.type
        if type and actual != type:
            raise BpfError(
                f"'{path}' is a program of type {program_type_name(actual)}; {program_type_name(type)} is needed here"
            )
        yield OpenedProgram(program.fd, pinned_annotation(path), actual)
