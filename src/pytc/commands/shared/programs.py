"""From the words of bpf filters and actions to open programs."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.context import Context
from pytc.commands.shared.exports import OpenedPrograms, exporters, exports
from pytc.commands.shared.pins import pin_path
from pytc.errors import InvalidOptionsError, VerifierError
from pytc.tc.actions.action import Action
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BARE, BYTECODE, BYTECODE_FILE, EXPRESSION, OBJECT, PINNED, BpfSource, MapWords

if TYPE_CHECKING:
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.exec_proxy.map_transfer import Exporter

_Chosen: TypeAlias = "tuple[BpfSource, ObjectSpec, list[tuple[ProgramSpec, ProgramType]]]"
_PINNED_ANNOTATION = "[*fsobj]"
_MAX_ANNOTATION = 255


class Wanted(NamedTuple):
    """A program that is wanted: where it comes from, and what it is loaded as. ``type`` UNSPEC is for what its section
    says; ``attach_type`` is the expected one, None for what its section says."""

    source: BpfSource | None
    type: ProgramType
    default_section: str | tuple[str, ...]
    attach_type: int | None = None


def wanted_by_filter(source: BpfSource | None) -> Wanted:
    """What a bpf filter wants."""
    return Wanted(source, ProgramType.SCHED_CLS, "classifier")


@contextmanager
def opened(context: Context, wanted: Sequence[Wanted], *, export: bool = True) -> Iterator[OpenedPrograms]:
    """The programs of one command, open for as long as the block runs; None for bytecode, and where none is wanted.

    Those that come from the same file have their maps in common, and the parameters given with any of them
    (tc-bpf(8): the maps are set up when the object file is first parsed). When the block raises, the pins that
    loading made are removed again. The caller exports what is to be exported, unless ``export`` is False.
    """
    if context.plan is not None:
        yield context.plan.opened(context, wanted)
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
            connected = stack.enter_context(exporters(context, sources)) if sources else ()
            programs = stack.enter_context(_loaded(context, of_file, connected))
            found.exports += programs.exports
            for place, program in zip(places, programs, strict=True):
                found[place] = program
        yield found


def identity(path: str) -> tuple[int, int]:
    """Device and inode of a file: the same file by whatever path. Zeros for none, of which reading it will say why."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def resolved(source: BpfSource) -> BpfSource:
    """The source with what is in files: instructions for ``bytecode-file``, the mode of a bare word."""
    if source.mode == BYTECODE_FILE:
        from pytc.bpf.insn.classic import parse_bytecode_file

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
    """The same for an action."""
    source = action.options.source
    return action if source is None else action.replace(options=action.options.replace(source=resolved(source)))


@contextmanager
def _loaded(context: Context, wanted: Sequence[Wanted], connected: "Sequence[Exporter]") -> Iterator[OpenedPrograms]:
    """Programs of one object file, whose maps are to be exported to those that are connected."""
    from pytc.bpf.loader.load import load_together
    from pytc.bpf.maps.pinning import PinRoot

    source, spec, programs = chosen_programs(context, wanted)
    with remembering_the_log(context, source):
        made = load_together(
            spec,
            programs,
            pins=PinRoot(context.bpf_mount),
            verbose=source.verbose,
            commit=False,
            used_only=not connected,
            cache=context.objects,
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
        if context.journal is not None:
            context.journal.keep_pins(loaded)
        loaded.commit()
    if context.objects is not None and is_plain(source) and not connected and not loaded.notes:
        context.objects.remember(choice_of(wanted[0]), spec, programs, context.layout20)


def is_plain(source: BpfSource) -> bool:
    """Whether a program of an object is wanted as it is, and nothing more."""
    return source.mode == OBJECT and not (source.variables or source.maps or source.verbose or source.export)


def choice_of(wanted: Wanted) -> object:
    """What the words say of the program that is meant, but for its file."""
    source = wanted.source
    assert source is not None
    return wanted.type, wanted.default_section, wanted.attach_type, source.section, source.program, source.type


def chosen_programs(context: Context, wanted: Sequence[Wanted]) -> "_Chosen":
    """What the words say of one object, the object with its parameters, and the programs that are wanted of it."""
    from pytc.bpf.object.reader import read_object

    source = _together([one.source for one in wanted if one.source is not None])
    read = read_object if context.objects is None else context.objects.read
    spec = with_parameters(context, read(source.path, layout20=context.layout20), source)
    return source, spec, [_chosen(spec, one) for one in wanted]


def annotation(object_name: str, section: str) -> str:
    """What dumps say of where a program came from."""
    return f"{object_name}:[{section}]"[:_MAX_ANNOTATION]


def pinned_annotation(path: str) -> str:
    """The same for a pinned one."""
    return f"{os.path.basename(path)}:{_PINNED_ANNOTATION}"[:_MAX_ANNOTATION]


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
    """What the words say of one object in all; raises InvalidOptionsError where they contradict one another."""
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
    """With ``verbose``, the verifier's whole log of a refused program is said as well."""
    try:
        yield
    except VerifierError as error:
        if source.verbose and error.log:
            context.notes.append(_log_note(error.program, error.log))
        raise


def note_load(context: Context, source: BpfSource, remarks: Sequence[str], logs: Iterable[tuple[str, str]]) -> None:
    """What a load remarked; with ``verbose``, the verifier's logs too, by the names of programs."""
    context.notes += remarks
    if source.verbose:
        context.notes += [_log_note(*log) for log in logs]


def _log_note(program: str, log: str) -> str:
    return f'Verifier log of program "{program}":\n{log.rstrip()}'


def with_parameters(context: Context, spec: "ObjectSpec", source: BpfSource) -> "ObjectSpec":
    """The object with what the words say of its variables and maps; raises SelectionError, ObjectError."""
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
