"""Inspect an object file: its contents and its needs of a kernel. Reads only; needs no kernel and no privileges.

>>> from pytc.bpf import inspect_object, read_object
>>> inspection = inspect_object(read_object("bpf.o"))
>>> [(p.spec.name, len(p.linked.code)) for p in inspection.programs if p.linked]
"""

from __future__ import annotations

from pytc.bpf.btf.ext import core_relocations, line_at
from pytc.bpf.btf.text import type_text
from pytc.bpf.codec.variables import Raw, decode
from pytc.bpf.kernel import versions as v
from pytc.bpf.kernel.versions import Feature
from pytc.bpf.link.core_relocations import TYPE_ID_LOCAL
from pytc.bpf.link.linker import link
from pytc.bpf.link.needs import Need, helper_calls, instruction_needs
from pytc.bpf.object import elf
from pytc.bpf.object.legacy_maps import ELF_MAP, MAP_DEF
from pytc.bpf.object.parameters import variables
from pytc.bpf.object.sections import tail_call_slot
from pytc.bpf.object.spec import (
    DATA,
    FUNCTION,
    KCONFIG,
    LEGACY,
    VARIABLE,
)
from pytc.bpf.sys.constants import MAP_IN_MAP, MapType, map_type_name, program_type_name
from pytc.bpf.sys.helpers import helper
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from pytc.bpf.btf.ext import Line
    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.link.needs import HelperCall
    from pytc.bpf.object.spec import (
        ExternKind,
        FunctionSpec,
        MapSpec,
        ObjectSpec,
        ProgramSpec,
    )

_AMBIGUOUS_SIZE = 20
_LARGEST_VALUE = 4096


class Slot(NamedTuple):
    """A slot of a program array; ``map`` is empty where the object has no such array."""

    map: str
    array_id: int
    slot: int


class ProgramFacts(NamedTuple):
    """A program and what it refers to.

    ``linked`` is None where the program cannot be linked, ``problem`` says why, and ``remedy``, if that is known, what
    to do. ``maps``, ``externs`` and ``calls`` are in the order of their first use; ``slots`` are the slots of program
    arrays that the program goes to.
    """

    spec: ProgramSpec
    linked: LinkedProgram | None
    problem: str = ""
    maps: tuple[str, ...] = ()
    externs: tuple[str, ...] = ()
    calls: tuple[HelperCall, ...] = ()
    core_relocations: int = 0
    slots: tuple[Slot, ...] = ()
    needs: tuple[Need, ...] = ()
    remedy: str = ""

    @property
    def instructions(self) -> int:
        """Instructions of the linked program, 8 bytes each."""
        return len(self.linked.code) // 8 if self.linked is not None else 0

    @property
    def subprograms(self) -> list[str]:
        """The functions that linking appended, in that order."""
        return [part.function.name for part in self.linked.functions[1:]] if self.linked is not None else []

    @property
    def helpers(self) -> list[str]:
        """The names of the helpers that it calls, each once; the number of one that is not known."""
        return list(dict.fromkeys(helper_name(call.number) for call in self.calls))


if TYPE_CHECKING:
    MapLayout = Literal["bpf_elf_map", "bpf_map_def", "BTF", "data"]


class MapFacts(NamedTuple):
    """A map and how it is declared.

    ``layout_size`` is the size of its structure in section ``maps``, in bytes. ``is_guess`` is True where only a rule
    of thumb tells which structure of that size it is. ``key`` and ``value`` are their types in C, empty where unknown.
    """

    spec: MapSpec
    layout: MapLayout
    layout_size: int = 0
    is_guess: bool = False
    key: str = ""
    value: str = ""
    needs: tuple[Feature, ...] = ()


class VariableFacts(NamedTuple):
    """A global variable. ``type`` is empty without BTF; ``value`` is None for a variable of more than 4096 bytes."""

    name: str
    section: str
    type: str
    declaration: str
    size: int
    value: Value | None
    is_constant: bool


class ExternFacts(NamedTuple):
    """A symbol that the kernel has to define."""

    name: str
    kind: ExternKind
    declaration: str
    is_weak: bool


class Inspection(NamedTuple):
    """The contents of an object and what they need of a kernel."""

    spec: ObjectSpec
    programs: tuple[ProgramFacts, ...]
    maps: tuple[MapFacts, ...]
    variables: tuple[VariableFacts, ...]
    externs: tuple[ExternFacts, ...]

    @property
    def is_gpl_compatible(self) -> bool:
        """Whether the kernel takes the object's license for compatible with the GPL."""
        return self.spec.license in v.GPL_COMPATIBLE

    @property
    def needs(self) -> list[Feature]:
        """The features that any program or map needs of a kernel, the newest first."""
        features = dict.fromkeys(_object_needs(self))
        order = sorted(features, key=lambda feature: feature.text)
        known = [feature for feature in order if feature.since]
        return [
            *sorted(known, key=lambda feature: v.version_key(feature.since), reverse=True),
            *(feature for feature in order if not feature.since),
        ]


def inspect_object(spec: ObjectSpec) -> Inspection:
    """Return facts about every program, map, variable and extern of an object.

    Needs neither a kernel nor privileges. A program that cannot be linked is part of the result; raises ObjectError for
    BTF that makes no sense.
    """
    return Inspection(
        spec,
        tuple(_program(spec, program) for program in spec.programs),
        tuple(_map(spec, declared) for declared in spec.maps.values()),
        tuple(_variables(spec)),
        tuple(_externs(spec)),
    )


def helper_name(number: int) -> str:
    """Return a helper's name without ``bpf_``, or its number where pytc does not know it."""
    known = helper(number)
    return known.name if known is not None else str(number)


def source_line(spec: ObjectSpec, linked: LinkedProgram | None, slot: int) -> Line | None:
    """Return the line of C that an instruction of a linked program came from; None where the object does not tell."""
    if linked is None or spec.btf is None or not linked.line_info or slot < 0:
        return None
    return line_at(linked.line_info, linked.line_info_size, slot, spec.btf)


def _program(spec: ObjectSpec, program: ProgramSpec) -> ProgramFacts:
    try:
        linked = link(spec, program)
    except ObjectError as error:
        return ProgramFacts(program, None, str(error), slots=_slots(spec, program), remedy="; ".join(error.hints[:1]))
    relocations = [kind for part in linked.functions for kind in _core_kinds(spec, part.function)]
    needs = [*instruction_needs(linked), *_extern_needs(spec, linked)]
    if any(kind != TYPE_ID_LOCAL for kind in relocations):
        needs.append(Need(v.CORE))
    return ProgramFacts(
        program,
        linked,
        maps=tuple(dict.fromkeys(reference.name for reference in linked.maps)),
        externs=tuple(dict.fromkeys(use.name for use in linked.externs)),
        calls=tuple(helper_calls(linked)),
        core_relocations=len(relocations),
        slots=_slots(spec, program),
        needs=tuple(needs),
    )


def _core_kinds(spec: ObjectSpec, function: FunctionSpec) -> list[int]:
    """Return the kinds of the CO-RE relocations of a function."""
    if spec.btf is None or spec.btf_ext is None:
        return []
    section = spec.sections[function.section].name
    return [
        relocation.kind
        for relocation in core_relocations(spec.btf_ext, spec.btf, section, function.offset, function.size)
    ]


def _extern_needs(spec: ObjectSpec, linked: LinkedProgram) -> Iterator[Need]:
    for use in linked.externs:
        extern = spec.externs[use.name]
        if extern.kind == FUNCTION:
            yield Need(v.KFUNCS, use.slot)
        elif extern.kind == VARIABLE and extern.type_id:
            yield Need(v.KERNEL_VARIABLES, use.slot)


def _slots(spec: ObjectSpec, program: ProgramSpec) -> tuple[Slot, ...]:
    slots = [
        Slot(declared.name, declared.id or 0, index)
        for declared in spec.maps.values()
        if declared.type == MapType.PROG_ARRAY
        for index, name in declared.slots
        if name == program.name
    ]
    location = tail_call_slot(program.section)
    if location is not None:
        array = spec.map_by_id(location.array_id)
        is_array = array is not None and array.type == MapType.PROG_ARRAY
        slots.append(Slot(array.name if array is not None and is_array else "", *location))
    return tuple(slots)


def _map(spec: ObjectSpec, declared: MapSpec) -> MapFacts:
    layout, size, is_guess = _layout(spec, declared)
    return MapFacts(
        declared,
        layout,
        size,
        is_guess,
        _type(spec, declared.key_type_id),
        _type(spec, declared.value_type_id) if declared.origin != DATA else "",
        tuple(map_needs(declared)),
    )


def _layout(spec: ObjectSpec, declared: MapSpec) -> tuple[MapLayout, int, bool]:
    if declared.origin != LEGACY:
        return ("data" if declared.origin == DATA else "BTF"), 0, False
    size = declared.definition_size
    is_20 = size == _AMBIGUOUS_SIZE
    return (
        MAP_DEF if size >= _AMBIGUOUS_SIZE and declared.id is None else ELF_MAP,
        size,
        is_20 and not _names_its_maps(spec),
    )


def _names_its_maps(spec: ObjectSpec) -> bool:
    """Return whether debug information names the structure of section ``maps``."""
    if spec.btf is not None and spec.btf.named((ELF_MAP, MAP_DEF)):
        return True
    strings = elf.section_data(spec.image, ".debug_str") or b""
    return sum(b"\0" + name.encode() + b"\0" in b"\0" + strings for name in (ELF_MAP, MAP_DEF)) == 1


def map_needs(declared: MapSpec) -> Iterator[Feature]:
    """Return the features a kernel must have to create a map as declared."""
    if declared.origin == DATA or declared.problem:
        return
    yield v.LEGACY_MAPS if declared.origin == LEGACY else v.BTF_MAPS
    yield Feature(f"map type {map_type_name(declared.type)}", v.map_type_since(declared.type))
    for flag in v.map_flags(declared.flags):
        yield Feature(f"map flag BPF_F_{flag.text}" if flag.since else f"map flag {flag.text}", flag.since)
    if declared.pinning:
        yield v.PINNING
    if declared.inner is not None and declared.type in MAP_IN_MAP:
        yield from map_needs(declared.inner)


def _object_needs(inspection: Inspection) -> Iterable[Feature]:
    for program in inspection.programs:
        yield from (need.feature for need in program.needs)
        yield from helper_features(program)
        if program.spec.type:
            yield Feature(
                f"program type {program_type_name(program.spec.type)}", v.program_type_since(program.spec.type)
            )
    for declared in inspection.maps:
        yield from declared.needs


def helper_features(program: ProgramFacts) -> list[Feature]:
    """Return a feature for each call of a helper that pytc knows."""
    helpers = (helper(call.number) for call in program.calls)
    return [Feature(f"helper {known.name}", known.since) for known in helpers if known is not None]


def _type(spec: ObjectSpec, type_id: int) -> str:
    return type_text(spec.btf, type_id) if spec.btf is not None and type_id else ""


def _externs(spec: ObjectSpec) -> Iterator[ExternFacts]:
    for extern in spec.externs.values():
        text = type_text(spec.btf, extern.type_id, extern.name) if spec.btf is not None else extern.name
        yield ExternFacts(extern.name, extern.kind, text, extern.is_weak)


def _variables(spec: ObjectSpec) -> Iterator[VariableFacts]:
    if spec.btf is None:
        yield from _symbols(spec)
        return
    for variable in variables(spec):
        if variable.map == KCONFIG:
            continue
        size = spec.btf.size(variable.type_id)
        data = _bytes(spec.maps[variable.map], variable.offset, size)
        value = decode(spec.btf, variable.type_id, data) if data is not None else None
        yield VariableFacts(
            variable.name,
            variable.map,
            type_text(spec.btf, variable.type_id),
            type_text(spec.btf, variable.type_id, variable.name),
            size,
            value,
            spec.maps[variable.map].frozen,
        )


def _symbols(spec: ObjectSpec) -> Iterator[VariableFacts]:
    """Yield the variables of the symbol table, for an object without BTF."""
    image = elf.parse(spec.image)
    for symbol in image.symbols:
        section = image.sections[symbol.section].name if 0 < symbol.section < len(image.sections) else ""
        declared = spec.maps.get(section)
        if declared is None or declared.origin != DATA or symbol.type != elf.OBJECT or not symbol.name:
            continue
        data = _bytes(declared, symbol.value, symbol.size)
        yield VariableFacts(
            symbol.name,
            section,
            "",
            symbol.name,
            symbol.size,
            Raw(data.hex()) if data is not None else None,
            declared.frozen,
        )


def _bytes(declared: MapSpec, offset: int, size: int) -> bytes | None:
    """Return the initial bytes of a variable, which for ``.bss`` are zeros that the file leaves out; None for too
    many."""
    if size > _LARGEST_VALUE or offset + size > declared.value_size:
        return None
    return declared.contents[offset : offset + size].ljust(size, b"\0")
