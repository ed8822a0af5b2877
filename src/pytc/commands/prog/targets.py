"""Open the program that a command names."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytc.bpf.loader.program import Program
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.info import ids, program_by_id
from pytc.commands.prog.words import FilterProgram, LoadedProgram, Target
from pytc.commands.shared.context import Context
from pytc.commands.shared.pinned_programs import open_pinned
from pytc.errors import BpfError, BpfSyscallError

if TYPE_CHECKING:
    from pytc.tc.kinds.filters.bpf import BpfRecord

_NAME_BYTES = 15  # BPF_OBJ_NAME_LEN - 1: the kernel keeps no more of a name


def open_program(context: Context, target: Target) -> Program:
    """Open a program until the context is closed; raises PytcError."""
    if isinstance(target, FilterProgram):
        return context.own(Program.from_id(find_filter(context, target).program_id))
    return context.own(_open_loaded(context, target))


def _open_loaded(context: Context, target: LoadedProgram) -> Program:
    if target.kind == "pinned":
        return open_pinned(context, target.text)
    if target.kind == "id":
        return Program.from_id(int(target.text))
    return _find(target)


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


def matching_programs(target: LoadedProgram) -> Iterator[Program]:
    """Yield all programs with a name or tag, each open until the next one is asked for; raises BpfError where there are
    none."""
    kind, text = target.kind, target.text
    name = kernel_name(text).decode("ascii", "replace") if kind == "name" else text.lower()
    count = 0
    for program in all_programs():
        about = program.description
        if (about.name if kind == "name" else about.tag) == name:
            count += 1
            yield program
    if not count:
        raise BpfError(f'there is no program with the {kind} "{text}"')


def _find(target: LoadedProgram) -> Program:
    """Open the one program with a name or tag; raises BpfError where there are none or several."""
    number, *others = numbers = [program.description.id for program in matching_programs(target)]
    if others:
        raise BpfError(
            f'there are {len(numbers)} programs with the {target.kind} "{target.text}": choose one with id '
            f"{' or '.join(map(str, numbers[:10]))}{' ...' if len(numbers) > 10 else ''}"
        )
    return Program.from_id(number)


def find_filter(context: Context, target: FilterProgram) -> "BpfRecord":
    """Return the options of the one filter with an eBPF program that is meant; raises BpfError where there are none or
    several."""
    from pytc.tc.filters.records import filter_records
    from pytc.tc.kinds.filters.bpf import BpfRecord

    selector = target.selector
    records = [
        record
        for record in filter_records(context.session, selector, selector.ifindex(context.device_index))
        if record.handle and (not target.handle or record.handle == target.handle)
    ]
    filters = [(record, record.options) for record in records if isinstance(record.options, BpfRecord)]
    extended = [(record, options) for record, options in filters if options.program_id]
    device = target.selector.device
    if not extended:
        hint = (
            f'it has a classic BPF filter: "pytc cbpf run CAPTURE from dev {device} ..." runs it, '
            '"pytc cbpf disasm from ..." shows it'
        )
        has_classic = any(options.packed for _, options in filters)
        raise BpfError(f"no such filter with a BPF program on {device}", hints=(hint,) if has_classic else ())
    if len(extended) > 1:
        names = "; ".join(f"pref {record.pref} handle {record.handle:#x}" for record, _ in extended)
        raise BpfError(f'{len(extended)} filters with BPF programs match ({names}): give "pref" and "handle"')
    return extended[0][1]
