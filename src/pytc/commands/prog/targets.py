"""Open the program that a command names."""

from __future__ import annotations

from pytc.bpf.loader.program import Program
from pytc.commands.prog.words import FilterProgram
from pytc.commands.shared.loaded_programs import open_pinned
from pytc.commands.shared.named_programs import find_program
from pytc.errors import BpfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.prog.words import LoadedProgram, Target
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.filters.bpf import BpfRecord


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
    return find_program(target.kind, target.text)


def find_filter(context: Context, target: FilterProgram) -> BpfRecord:
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
