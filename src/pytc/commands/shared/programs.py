"""Open the programs that bpf filters and actions name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeAlias

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import OpenedPrograms, Wanted, annotation, exporters, exports
from pytc.commands.shared.pins import pin_path
from pytc.errors import InvalidOptionsError, VerifierError
from pytc.tc.actions.action import Action
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BARE, BYTECODE, BYTECODE_FILE, EXPRESSION, OBJECT, PINNED, BpfSource, MapWords

if TYPE_CHECKING:
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptor import OwnedFd
    from pytc.exec_proxy.map_transfer import Exporter

_Chosen: TypeAlias = "tuple[BpfSource, ObjectSpec, list[tuple[ProgramSpec, ProgramType]]]"


def wanted_by_filter(source: BpfSource | None) -> Wanted:
    """Return the program that a bpf filter names, as wanted."""
    return Wanted(source, ProgramType.SCHED_CLS, "classifier")


def wanted_by_action(action: Action) -> Wanted:
    """Return the program that an action names, as wanted."""
    return Wanted(action.options.source, ProgramType.SCHED_ACT, "action")


@contextmanager
def opened(context: Context, wanted: Sequence[Wanted], *, export: bool = True) -> Iterator[OpenedPrograms]:
    """Open the programs of one command for as long as the block runs; None for bytecode, and where none is wanted.

    Those that come from the same file have their maps in common, and the parameters given with any of them
    (tc-bpf(8): the maps are set up when the object file is first parsed). When the block raises, the pins that
    loading made are removed again. The caller exports what is to be exported, unless ``export`` is False.
    """
    if context.connection.plan is not None:
        yield context.connection.plan.opened(context, wanted)
        return
    found = OpenedPrograms(len(wanted))
    with ExitStack() as stack:
        files: dict[tuple[int, int], list[int]] = {}
        for place, (source, type, *_) in enumerate(wanted):
            if source is not None and source.mode == PINNED:
                from pytc.commands.shared.pinned_programs import opened_pin

                found[place] = stack.enter_context(opened_pin(context, source.path, type))
            elif source is not None and source.mode == EXPRESSION:
                from pytc.commands.shared.expressions import translated

                found[place] = stack.enter_context(translated(source, type))
            elif source is not None and source.mode not in (BYTECODE, BYTECODE_FILE):
                files.setdefault(identity(source.path), []).append(place)
        for places in files.values():
            of_file = [wanted[place] for place in places]
            sources = [source for source, *_ in of_file if source is not None and export]
            connected = stack.enter_context(exporters(sources, context.environment)) if sources else ()
            programs = stack.enter_context(_loaded(context, of_file, connected))
            found.exports += programs.exports
            for place, program in zip(places, programs, strict=True):
                found[place] = program
        yield found


def identity(path: str) -> tuple[int, int]:
    """Return device and inode of a file, by whatever path; zeros for one that cannot be read."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def resolved(source: BpfSource) -> BpfSource:
    """Return the source with what is in files: instructions for ``bytecode-file``, the mode of a bare word."""
    if source.mode == BYTECODE_FILE:
        from pytc.bpf.insn.classic_text import parse_bytecode_file

        return source._replace(instructions=parse_bytecode_file(source.path))
    if source.mode == BARE:
        from pytc.bpf.sys.files import looks_like_elf

        if not looks_like_elf(source.path):
            raise InvalidOptionsError(
                f'What mode is "{source.path}"? It is neither one of bytecode, bytecode-file, object-file and '
                "object-pinned, nor an ELF file."
            )
        return source._replace(mode=OBJECT)
    return source


def resolved_action(action: Action) -> Action:
    """Return the action with what is in files."""
    source = action.options.source
    return action if source is None else action.replace(options=action.options.replace(source=resolved(source)))


@contextmanager
def _loaded(context: Context, wanted: Sequence[Wanted], connected: "Sequence[Exporter]") -> Iterator[OpenedPrograms]:
    """Load programs of one object file, whose maps are to be exported to those that are connected."""
    repeated = _loaded_again(context, wanted[0]) if len(wanted) == 1 and not connected else None
    if repeated is not None:
        descriptor, program = repeated
        with descriptor:
            found = OpenedPrograms(1)
            found[0] = program
            yield found
        return
    from pytc.bpf.loader.load import load_programs
    from pytc.bpf.maps.pinning import PinRoot

    source, spec, programs = chosen_programs(context, wanted)
    with remembering_the_log(context, source):
        made = load_programs(
            spec,
            programs,
            pins=PinRoot(context.bpf_mount),
            verbose=source.verbose,
            commit=False,
            used_only=not connected,
            cache=context.cache.objects,
        )
    with made as loaded:
        names = (program.name for program, _ in programs)
        note_load(context, source, loaded.notes, zip(names, loaded.logs, strict=True))
        try:
            found = OpenedPrograms(len(wanted))
            found.exports += exports(connected, source, loaded.maps)
            found[:] = [
                OpenedProgram(program.fd, annotation(spec.name, chosen.section), type, chosen.expected_attach_type)
                for program, (chosen, type) in zip(loaded.programs, programs, strict=True)
            ]
            yield found
        except BaseException:
            loaded.undo()
            raise
        if context.connection.journal is not None:
            context.connection.journal.keep_pins(loaded)
        loaded.commit()
    if context.cache.objects is not None and _is_plain(source) and not connected and not loaded.notes:
        context.cache.objects.store_replay(_choice(wanted[0]), spec, programs, context.layout20)


def _loaded_again(context: Context, wanted: Wanted) -> "tuple[OwnedFd, OpenedProgram] | None":
    """Load a program as an earlier command of the run did, by its bpf(2) calls alone; None where that is not possible.

    A batch that loads an object a thousand times takes 216 us a line, and 330 without.
    """
    source, objects = wanted.source, context.cache.objects
    if objects is None or source is None or not _is_plain(source):
        return None
    replay = objects.find_replay(source.path, _choice(wanted), context.layout20)
    descriptor = replay.load() if replay is not None else None
    if replay is None or descriptor is None:
        return None
    program = replay.program
    name = annotation(replay.spec.name, program.section)
    return descriptor, OpenedProgram(descriptor.fd, name, replay.type, program.expected_attach_type)


def _is_plain(source: BpfSource) -> bool:
    """Whether a program of an object is wanted as it is, and nothing more."""
    return source.mode == OBJECT and not (source.variables or source.maps or source.verbose or source.export)


def _choice(wanted: Wanted) -> object:
    """Return what the words say of the program, but for its file."""
    source = wanted.source
    assert source is not None
    return wanted.type, wanted.default_section, wanted.attach_type, source.section, source.program, source.type


def chosen_programs(context: Context, wanted: Sequence[Wanted]) -> "_Chosen":
    """Return what the words say of one object, the object with its parameters, and its programs that are wanted."""
    from pytc.bpf.object.reader import read_object

    source = _together([one.source for one in wanted if one.source is not None])
    read = read_object if context.cache.objects is None else context.cache.objects.read
    spec = with_parameters(context, read(source.path, layout20=context.layout20), source)
    return source, spec, [_chosen(spec, one) for one in wanted]


def _chosen(spec: "ObjectSpec", wanted: Wanted) -> "tuple[ProgramSpec, ProgramType]":
    from pytc.bpf.loader.program import select_program

    source = wanted.source
    assert source is not None
    program = select_program(
        spec, section=source.section, program=source.program, default_section=wanted.default_section
    )
    type = ProgramType(source.type) if source.type else wanted.type or program.type
    if wanted.attach_type is not None:
        program = program._replace(type=type, expected_attach_type=wanted.attach_type)
    return program, type


def _together(sources: Sequence[BpfSource]) -> BpfSource:
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
    )


@contextmanager
def remembering_the_log(context: Context, source: BpfSource) -> Iterator[None]:
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
    return f'Verifier log of program "{program}":\n{log.rstrip()}'


def with_parameters(context: Context, spec: "ObjectSpec", source: BpfSource) -> "ObjectSpec":
    """Return the object with what the words say of its variables and maps; raises SelectionError, ObjectError."""
    if not (source.variables or source.maps):
        return spec
    from pytc.bpf.object.parameters import Parameters, parameterise

    return parameterise(
        spec,
        Parameters(
            dict(source.variables),
            {m.name: m.max_entries for m in source.maps if not m.pinned},
            {m.name: pin_path(context, m.pinned) for m in source.maps if m.pinned},
        ),
    )
