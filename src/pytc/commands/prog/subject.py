"""The program of a test run, with its maps."""

from __future__ import annotations

from pytc.bpf.loader.program import Program
from pytc.bpf.maps.map import Map
from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.sys.info import program_map_ids
from pytc.commands.prog.targets import find_filter, open_program
from pytc.commands.prog.words import FilterProgram
from pytc.commands.shared.named_programs import kernel_name
from pytc.errors import BpfError, BpfSyscallError, shortlist
from pytc.typing import NamedTuple
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource

_DEFAULT_SECTION = "classifier"


class ObjectProgram(Value):
    """A program of an object file that is loaded for the run alone."""

    source: BpfSource


class Subject(NamedTuple):
    """A program to run, its maps by name, whether it returns classes instead of verdicts, and whether it is for tcx."""

    program: Program
    maps: dict[str, Map]
    name: str
    classes: bool = False
    is_tcx: bool = False


def open_subject(context: Context, target: Target | ObjectProgram) -> Subject:
    """Open a program and its maps until the context is closed; raises PytcError."""
    if isinstance(target, ObjectProgram):
        return _load(context, target.source)
    if isinstance(target, FilterProgram):
        options = find_filter(context, target)
        program = context.own(Program.from_id(options.program_id))
        return _with_maps(context, program, classes=not options.direct_action)
    return _with_maps(context, open_program(context, target))


def _with_maps(context: Context, program: Program, *, classes: bool = False) -> Subject:
    """Return a loaded program with the maps that it uses now."""
    maps: dict[str, Map] = {}
    for number in program_map_ids(program.fd):
        try:
            map = context.own(Map.from_id(number))
        except BpfSyscallError:
            continue
        maps.setdefault(map.name or f"id {number}", map)
    about = program.description
    return Subject(program, maps, about.name or f"id {about.id}", classes)


def _load(context: Context, source: BpfSource) -> Subject:
    """Load a program of an object.

    Its maps are made for this run: pinned ones are left alone, unless ``map NAME pinned PATH`` asks for them.
    """
    from pytc.bpf.loader.load import load
    from pytc.bpf.loader.program import select_program
    from pytc.bpf.maps.pinning import PinRoot
    from pytc.bpf.object.reader import read_object
    from pytc.commands.shared.programs import note_load, note_verifier_log, with_parameters

    spec = with_parameters(context, read_object(source.path, layout20=context.layout20).unpinned(), source)
    chosen = select_program(spec, section=source.section, program=source.program, default_section=_DEFAULT_SECTION)
    type = ProgramType(source.type) if source.type else chosen.type or ProgramType.SCHED_CLS
    with note_verifier_log(context, source):
        pins = PinRoot(context.bpf_mount)
        loaded = context.own(load(spec, chosen, type=type, pins=pins, verbose=source.verbose, stays_open=True))
    note_load(context, source, loaded.notes, [(chosen.name, loaded.log)])
    # "tc/ingress" is libbpf's older name for tcx/ingress, but also a section of filters.
    is_tcx = chosen.section.removeprefix("?").startswith("tcx/")
    return Subject(loaded.program, loaded.maps, chosen.name, is_tcx=is_tcx)


def find_subject_map(subject: Subject, name: str) -> Map:
    """Return a map of the program by its name, which the kernel may have cut; raises BpfError."""
    map = subject.maps.get(name) or subject.maps.get(kernel_name(name).decode("utf-8", "ignore"))
    if map is None:
        names = sorted(subject.maps)
        known = shortlist(names, name) or "none"
        error = BpfError(f'program "{subject.name}" has no map "{name}"; it has {known}')
        raise error.with_alternatives(name, names)
    return map
