"""Programs of this machine by their names and tags."""

from __future__ import annotations

from pytc.bpf.loader.program import Program
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.info import ids, program_by_id
from pytc.errors import BpfError, BpfSyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

_NAME_BYTES = 15  # BPF_OBJ_NAME_LEN - 1: the kernel keeps no more of a name
if TYPE_CHECKING:
    Naming = Literal["name", "tag"]


def all_programs() -> Iterator[Program]:
    """Yield all programs of this machine, each open until the next one is asked for.

    Raises BpfSyscallError; needs CAP_SYS_ADMIN.
    """
    for number in ids(Command.PROG_GET_NEXT_ID):
        try:
            program = Program(program_by_id(number))
        except BpfSyscallError:
            continue  # deleted meanwhile
        with program:
            yield program


def kernel_name(name: str) -> bytes:
    """Return as much of a program's or map's name as the kernel keeps."""
    return name.encode("utf-8", "surrogateescape")[:_NAME_BYTES]


def matching_programs(kind: Naming, text: str) -> Iterator[Program]:
    """Yield all programs with a name or tag, each open until the next one is asked for; raises BpfError where there are
    none."""
    name = kernel_name(text).decode("ascii", "replace") if kind == "name" else text.lower()
    count, names = 0, set()
    for program in all_programs():
        about = program.description
        names.add(about.name)
        if (about.name if kind == "name" else about.tag) == name:
            count += 1
            yield program
    if not count:
        error = BpfError(f'there is no program with the {kind} "{text}"')
        raise error.with_alternatives(text, names) if kind == "name" else error


def find_program(kind: Naming, text: str) -> Program:
    """Open the one program with a name or tag; raises BpfError where there are none or several."""
    number, *others = numbers = [program.description.id for program in matching_programs(kind, text)]
    if others:
        raise BpfError(
            f'there are {len(numbers)} programs with the {kind} "{text}": choose one with id '
            f"{' or '.join(map(str, numbers[:10]))}{' ...' if len(numbers) > 10 else ''}"
        )
    return Program.from_id(number)
