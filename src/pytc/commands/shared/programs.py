"""Open the programs that bpf filters and actions name."""

from __future__ import annotations

import os
from errno import EINVAL

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.opened_programs import (
    OpenedPrograms,
    ProgramRequest,
    annotation,
    export_paths,
    exporters,
    exports,
)
from pytc.commands.shared.pins import pin_path, pin_root
from pytc.contexts import ExitStack, contextmanager
from pytc.errors import (
    AnswerLostError,
    BytecodeError,
    InvalidOptionsError,
    SeveralLines,
    VerifierError,
    one_line,
)
from pytc.handles import EGRESS, INGRESS, UNSPEC
from pytc.signals import block_signals
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import (
    BARE,
    BYTECODE,
    BYTECODE_FILE,
    EXPRESSION,
    LOADED,
    OBJECT,
    bytecode_refusal,
    unknown_mode,
)
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from pytc.bpf.loader.load import Loaded
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptor import OwnedFd
    from pytc.commands.shared.context import Context
    from pytc.exec_proxy.map_transfer import Exporter
    from pytc.handles import Handle
    from pytc.tc.actions.action import Action
    from pytc.tc.kinds.shared.programs import (
        BpfSource,
        MapWords,
    )

_Selection: TypeAlias = "tuple[BpfSource, ObjectSpec, list[tuple[ProgramSpec, ProgramType]]]"


#: In the type information of an object in which a function may get what XDP programs get.
_XDP_ARGUMENT = b"\0xdp_md\0"
#: Sections of programs for filters, best first: tc's, and what libbpf calls those for the two hooks of clsact.
_FILTER_SECTIONS = {
    INGRESS: ("classifier", "tc/ingress", "tc"),
    EGRESS: ("classifier", "tc/egress", "tc"),
}


def filter_program_request(source: BpfSource | None, parent: Handle = UNSPEC) -> ProgramRequest:
    """Return the program that a bpf filter names, as wanted at a parent."""
    return ProgramRequest(source, ProgramType.SCHED_CLS, _FILTER_SECTIONS.get(parent, ("classifier", "tc")))


def action_program_request(action: Action) -> ProgramRequest:
    """Return the program that an action names, as wanted."""
    return ProgramRequest(action.options.source, ProgramType.SCHED_ACT, "action")


@contextmanager
def open_programs(
    context: Context, requests: Sequence[ProgramRequest], *, export: bool = True
) -> Iterator[OpenedPrograms]:
    """Open the programs of one command for as long as the block runs; None for bytecode, and where none is wanted.

    Those that come from the same file have their maps in common, and the parameters given with any of them
    (tc-bpf(8): the maps are set up when the object file is first parsed). When the block raises, the pins that
    loading made are removed again. The caller exports what is to be exported, unless ``export`` is False.
    """
    if context.connection.plan is not None:
        yield context.connection.plan.open_programs(context, requests)
        return
    opened_programs = OpenedPrograms(len(requests))
    repeated = _replay_load(context, requests[0], export=export) if len(requests) == 1 else None
    if repeated is not None:  # it has no pins, which alone take a lock and blocked signals
        descriptor, opened_programs[0] = repeated
        with descriptor:
            yield opened_programs
        return
    with ExitStack() as signals, ExitStack() as stack:
        files: dict[FileIdentity, list[int]] = {}
        for index, (source, type, *_) in enumerate(requests):
            if source is not None and source.mode in LOADED:
                from pytc.commands.shared.loaded_programs import open_loaded_program

                opened_programs[index] = stack.enter_context(open_loaded_program(context, source, type))
            elif source is not None and source.mode == EXPRESSION:
                from pytc.commands.shared.expressions import load_expression

                opened_programs[index] = stack.enter_context(load_expression(source, type))
            elif source is not None and source.mode not in (BYTECODE, BYTECODE_FILE):
                files.setdefault(file_identity(source.path), []).append(index)
        if files:
            stack.enter_context(context.connection.pin_lock)
        for places in files.values():
            of_file = [requests[index] for index in places]
            sources = [source for source, *_ in of_file if source is not None and export]
            connected = stack.enter_context(exporters(sources, context.environment)) if sources else ()
            programs = stack.enter_context(_load_programs(context, of_file, connected))
            opened_programs.exports += programs.exports
            for index, program in zip(places, programs, strict=True):
                opened_programs[index] = program
        if files:
            # Between a request and its answer, a signal would take away the pins of what the kernel has taken.
            signals.enter_context(block_signals())
        yield opened_programs


class FileIdentity(NamedTuple):
    """A file, whatever path leads to it; zeros for one that cannot be read."""

    device: int = 0
    inode: int = 0


def file_identity(path: str) -> FileIdentity:
    """Return device and inode of a file."""
    try:
        status = os.stat(path)
    except OSError:
        return FileIdentity()
    return FileIdentity(status.st_dev, status.st_ino)


def resolve_files(source: BpfSource) -> BpfSource:
    """Return the source with what is in files: instructions for ``bytecode-file``, the mode of a bare word."""
    if source.mode == BYTECODE_FILE:
        from pytc.bpf.insn.classic_text import parse_bytecode_file

        try:
            return source._replace(instructions=parse_bytecode_file(source.path))
        except BytecodeError as error:
            raise (bytecode_refusal(error) if error.errno == EINVAL else error) from error.__cause__
    if source.mode == BARE:
        from pytc.bpf.sys.files import looks_like_elf

        if not looks_like_elf(source.path):
            raise unknown_mode(source.path)
        return source._replace(mode=OBJECT)
    return source


def resolve_action_files(action: Action) -> Action:
    """Return the action with what is in files."""
    source = action.options.source
    return action if source is None else action.replace(options=action.options.replace(source=resolve_files(source)))


@contextmanager
def _load_programs(
    context: Context, requests: Sequence[ProgramRequest], connected: Sequence[Exporter]
) -> Iterator[OpenedPrograms]:
    """Load programs of one object file, whose maps are to be exported to those that are connected."""
    from pytc.bpf.loader.load import load_programs

    count = len(context.notes)
    source, spec, programs = select_programs(context, requests)
    is_repeatable = len(context.notes) == count  # a replay has no remarks
    pins, is_settled = pin_root(context), False
    try:  # from the first pin on: a signal may come between any two steps
        with note_verifier_log(context, source):
            loading = load_programs(
                spec,
                programs,
                pins=pins,
                verbose=source.verbose,
                commit=False,
                used_only=not connected,
                cache=context.cache.objects,
            )
        with loading as loaded:
            names = (program.name for program, _ in programs)
            note_load(context, source, loaded.notes, zip(names, loaded.logs, strict=True))
            opened_programs = OpenedPrograms(len(requests))
            opened_programs.exports += exports(connected, source, loaded.maps)
            opened_programs[:] = [
                OpenedProgram(
                    program.fd,
                    annotation(spec.name, chosen.section),
                    type,
                    chosen.expected_attach_type,
                    (spec, chosen),
                )
                for program, (chosen, type) in zip(loaded.programs, programs, strict=True)
            ]
            try:
                yield opened_programs
                if context.connection.journal is not None:
                    context.connection.journal.keep_pins(loaded)
            except AnswerLostError as error:
                if error.may_be_done:
                    is_settled = True
                    _keep(context, loaded, error)
                raise
            is_settled = True
            loaded.commit()
    except BaseException as error:
        if not is_settled:
            pins.undo(error)
        raise
    is_repeatable = is_repeatable and _is_plain(source) and not connected and not loaded.notes
    if context.cache.objects is not None and is_repeatable:
        context.cache.objects.store_replay(_selection_key(requests[0]), spec, programs, context.layout20)


def _keep(context: Context, loaded: Loaded, lost: AnswerLostError) -> None:
    """Keep the pins of a load that the kernel may have put to use; a journal decides later, when it knows."""
    if context.connection.journal is not None:
        context.connection.journal.keep_pins(loaded)
    elif loaded.pins:
        lost.with_hints("so the pins of its maps stay: running the command again uses them")
    loaded.commit()


def _replay_load(context: Context, request: ProgramRequest, *, export: bool) -> tuple[OwnedFd, OpenedProgram] | None:
    """Load a program as an earlier command of the run did, by its bpf(2) calls alone; None where that is not possible.

    A batch that loads an object a thousand times takes 216 us a line, and 330 without.
    """
    source, objects = request.source, context.cache.objects
    if objects is None or source is None or not _is_plain(source):
        return None
    if export and export_paths([source], context.environment):
        return None
    replay = objects.find_replay(source.path, _selection_key(request), context.layout20)
    descriptor = replay.load() if replay is not None else None
    if replay is None or descriptor is None:
        return None
    program = replay.program
    name = annotation(replay.spec.name, program.section)
    declaration = replay.spec, program
    return descriptor, OpenedProgram(descriptor.fd, name, replay.type, program.expected_attach_type, declaration)


def _is_plain(source: BpfSource) -> bool:
    """Report whether the words name a program of an object, and say nothing else of it."""
    return source.mode == OBJECT and not (source.variables or source.maps or source.verbose or source.export)


def _selection_key(request: ProgramRequest) -> object:
    """Return what the words say of the program, but for its file."""
    source = request.source
    assert source is not None
    return request.type, request.default_section, request.attach_type, source.section, source.program, source.type


def select_programs(context: Context, requests: Sequence[ProgramRequest]) -> _Selection:
    """Return what the words say of one object, the object with its parameters, and its programs that are wanted."""
    from pytc.bpf.object.reader import read_object

    source = _merge_sources([request.source for request in requests if request.source is not None])
    read = read_object if context.cache.objects is None else context.cache.objects.read
    spec = with_parameters(context, read(source.path, layout20=context.layout20), source)
    return source, spec, [_select(context, spec, request) for request in requests]


def _select(context: Context, spec: ObjectSpec, requests: ProgramRequest) -> tuple[ProgramSpec, ProgramType]:
    from pytc.bpf.loader.program import select_program

    source = requests.source
    assert source is not None
    program = select_program(
        spec,
        section=source.section,
        program=source.program,
        default_section=requests.default_section,
        default_type=requests.type,
    )
    type = ProgramType(source.type) if source.type else requests.type or program.type
    if requests.type and (program.type or source.type) != requests.type:
        from pytc.commands.shared.other_types import check_type

        warnings = check_type(source, spec, program, requests.type)
        context.notes += warnings if context.warns else []
    elif context.warns and not source.type and _XDP_ARGUMENT in spec.image:
        from pytc.commands.shared.other_types import argument_warnings

        context.notes += argument_warnings(spec, program, type)
    if requests.attach_type is not None:
        program = program._replace(type=type, expected_attach_type=requests.attach_type)
    return program, type


def _merge_sources(sources: Sequence[BpfSource]) -> BpfSource:
    """Merge the words about one object; raises InvalidOptionsError where they contradict one another."""
    variables: dict[str, str] = {}
    maps: dict[tuple[str, bool], MapWords] = {}
    for source in sources:
        for name, value in source.variables:
            if variables.setdefault(name, value) != value:
                raise InvalidOptionsError(
                    f'"set {name}" is given twice for {source.path}, with different values: the '
                    "programs of one command share the object's variables and maps"
                )
        for words in source.maps:
            if maps.setdefault((words.name, bool(words.pinned)), words) != words:
                raise InvalidOptionsError(
                    f'"map {words.name}" is given twice for {source.path}, with different '
                    "values: the programs of one command share the object's maps"
                )
    return sources[0]._replace(
        variables=tuple(variables.items()),
        maps=tuple(maps.values()),
        verbose=any(source.verbose for source in sources),
        export=next((source.export for source in sources if source.export), ""),
        entry_size=next((source.entry_size for source in sources if source.entry_size), 0),
    )


@contextmanager
def note_verifier_log(context: Context, source: BpfSource) -> Iterator[None]:
    """Note the verifier's whole log of a refused program, with ``verbose``."""
    try:
        yield
    except VerifierError as error:
        if source.verbose and error.log:
            context.notes.append(_log_note(error.program, error.log))
        raise


def note_load(context: Context, source: BpfSource, remarks: Sequence[str], logs: Iterable[tuple[str, str]]) -> None:
    """Note what a load remarked; with ``verbose``, the verifier's logs too, by the names of programs."""
    context.notes += remarks
    if source.verbose:
        context.notes += [_log_note(*log) for log in logs]


def _log_note(program: str, log: str) -> str:
    return SeveralLines(f'Verifier log of program "{one_line(program)}":\n{log.rstrip()}')


def with_parameters(context: Context, spec: ObjectSpec, source: BpfSource) -> ObjectSpec:
    """Return the object with what the words say of its variables and maps; raises SelectionError, ObjectError."""
    if not (source.variables or source.maps):
        return spec
    from pytc.bpf.object.parameters import Parameters, parameterise

    return parameterise(
        spec,
        Parameters(
            dict(source.variables),
            {m.name: m.max_entries for m in source.maps if not m.pinned},
            {m.name: _map_path(context, m.pinned) for m in source.maps if m.pinned},
        ),
    )


def _map_path(context: Context, words: str) -> str:
    """Return the path of a pin, or ``id:NUMBER`` of a map without one."""
    from pytc.bpf.maps.pin_compat import BY_ID

    return words if words.startswith(BY_ID) else pin_path(context, words)
