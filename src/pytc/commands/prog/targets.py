"""From the words that name a program to an open one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pytc.bpf.loader.program import Program
from pytc.bpf.maps.map import Map
from pytc.bpf.sys.constants import Command, ProgramType
from pytc.bpf.sys.info import ids, program_by_id, program_map_ids
from pytc.commands.prog.values import ProgramTarget
from pytc.commands.shared.context import Context
from pytc.commands.shared.pinned_programs import open_pinned
from pytc.errors import BpfError, BpfSyscallError, UsageError

if TYPE_CHECKING:
    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.kinds.filters.bpf import BpfRecord
    from pytc.tc.kinds.shared.programs import BpfSource

_NAME_BYTES = 15
_LAST_ID = 0xFFFFFFFF
_DEFAULT_SECTION = "classifier"


class Subject(NamedTuple):
    """A program to be run: its maps by name, and whether its return value is a class."""

    program: Program
    maps: dict[str, Map]
    name: str
    classes: bool = False


def open_program(context: Context, target: ProgramTarget) -> Program:
    """The program that is meant, until the context is closed; raises PytcError."""
    if target.kind == "filter":
        return context.own(Program.from_id(_options_of(context, target.source).program_id))
    if target.kind == "pinned":
        return context.own(open_pinned(context, target.text))
    if target.kind == "id":
        return context.own(Program.from_id(_id(target.text)))
    return context.own(_found(target.kind, target.text))


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _LAST_ID):
        raise UsageError(f'Error: argument "{text}" is wrong: invalid id')
    return int(text)


def open_subject(context: Context, target: ProgramTarget) -> Subject:
    """The program that is to be run, with its maps, until the context is closed; raises PytcError."""
    if target.kind == "object":
        return _loaded(context, target.source)
    if target.kind == "filter":
        return _of_filter(context, target.source)
    return _running(context, open_program(context, target))


def programs() -> Iterator[Program]:
    """All programs of this machine (needs CAP_SYS_ADMIN), each open until the next one is asked for; raises
    BpfSyscallError."""
    for number in ids(Command.PROG_GET_NEXT_ID):
        try:
            program = Program(program_by_id(number))
        except BpfSyscallError:
            continue  # gone meanwhile
        with program:
            yield program


def _found(kind: str, text: str) -> Program:
    """The one program of that name, of which the kernel keeps 15 bytes, or tag."""
    name = text.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("ascii", "replace")
    wanted = name if kind == "name" else text.lower()
    found = [
        about.id
        for about in (program.description for program in programs())
        if (about.name if kind == "name" else about.tag) == wanted
    ]
    if len(found) == 1:
        return Program.from_id(found[0])
    if found:
        raise BpfError(
            f'there are {len(found)} programs with the {kind} "{text}": say which with id '
            f"{' or '.join(map(str, found[:10]))}{' ...' if len(found) > 10 else ''}"
        )
    raise BpfError(f'there is no program with the {kind} "{text}"')


def _running(context: Context, program: Program, *, classes: bool = False) -> Subject:
    """A program that is loaded already. Its maps are those that it uses now."""
    maps: dict[str, Map] = {}
    for number in program_map_ids(program.fd):
        try:
            found = context.own(Map.from_id(number))
        except BpfSyscallError:
            continue
        maps.setdefault(found.name or f"id {number}", found)
    about = program.description
    return Subject(program, maps, about.name or f"id {about.id}", classes)


def _of_filter(context: Context, selector: "FilterSelector") -> Subject:
    options = _options_of(context, selector)
    return _running(context, context.own(Program.from_id(options.program_id)), classes=not options.direct_action)


def _options_of(context: Context, selector: "FilterSelector") -> "BpfRecord":
    """What is known of the one filter with a BPF program that is meant; raises BpfError where there are others."""
    from pytc.tc.filters.records import filter_records
    from pytc.tc.kinds.filters.bpf import BpfRecord

    meant = [
        (record.pref, record.handle, record.options)
        for record in filter_records(context.session, selector, selector.ifindex(context.device_index))
        if isinstance(record.options, BpfRecord)
        and record.handle
        and (not selector.handle or record.handle == _number(selector.handle))
    ]
    found = [one for one in meant if one[2].program_id]
    if not found:
        raise BpfError(
            f"no such filter with a BPF program on {selector.device}",
            hints=(
                f'one of classic BPF is there: "pytc cbpf run CAPTURE from dev {selector.device} ..." runs it, '
                '"pytc cbpf disasm from ..." shows it',
            )
            if any(one[2].instructions for one in meant)
            else (),
        )
    if len(found) > 1:
        names = "; ".join(f"pref {pref} handle {handle:#x}" for pref, handle, _ in found)
        raise BpfError(f'{len(found)} filters with BPF programs are meant ({names}): say "pref" and "handle"')
    return found[0][2]


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid handle') from None


def _loaded(context: Context, source: "BpfSource") -> Subject:
    """Loads a program of an object. Its maps are made for this run: what others have pinned is left alone, unless
    ``map NAME pinned PATH`` asks for it."""
    from pytc.bpf.loader.load import load
    from pytc.bpf.loader.program import select_program
    from pytc.bpf.maps.pinning import PinRoot
    from pytc.bpf.object.reader import read_object
    from pytc.commands.shared.programs import note_load, remembering_the_log, with_parameters

    spec = with_parameters(context, read_object(source.path, layout20=context.layout20).unpinned(), source)
    chosen = select_program(spec, section=source.section, program=source.program, default_section=_DEFAULT_SECTION)
    type = ProgramType(source.type) if source.type else chosen.type or ProgramType.SCHED_CLS
    with remembering_the_log(context, source):
        loaded = context.own(load(spec, chosen, type=type, pins=PinRoot(context.bpf_mount), verbose=source.verbose))
    note_load(context, source, loaded.notes, [(chosen.name, loaded.log)])
    return Subject(loaded.program, loaded.maps, chosen.name)


def map_of(subject: Subject, name: str) -> Map:
    """A map of the program by its name, which the kernel may have cut; raises BpfError with those that there are."""
    cut = name.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("utf-8", "ignore")
    found = subject.maps.get(name) or subject.maps.get(cut)
    if found is None:
        raise BpfError(
            f'program "{subject.name}" has no map "{name}"; it has {", ".join(sorted(subject.maps)) or "none"}'
        )
    return found
