"""Read the bytes of an object file as an :class:`~pytc.bpf.object.spec.ObjectSpec`: no kernel, no privileges.

Steps: ELF tables; BTF; maps (legacy, BTF, data sections); functions; relocations; entry points.
"""

from __future__ import annotations

import os
import struct

from pytc.bpf.btf import ext as btf_ext
from pytc.bpf.btf.types import Btf
from pytc.bpf.insn import instructions
from pytc.bpf.insn.instructions import OP_CALL, OP_LD_IMM64
from pytc.bpf.object import elf
from pytc.bpf.object.btf_maps import read_btf_maps
from pytc.bpf.object.legacy_maps import (
    broken_maps,
    legacy_sections,
    link_inner_maps,
    read_legacy_maps,
)
from pytc.bpf.object.sections import is_data_section, section_type
from pytc.bpf.object.spec import (
    DATA,
    KCONFIG,
    MODERN,
    SETTING,
    CodeSection,
    FunctionSpec,
    MapSpec,
    ObjectSpec,
    ProgramSpec,
    Target,
)
from pytc.bpf.sys.constants import F_MMAPABLE, F_RDONLY_PROG, MapType, ProgramType
from pytc.bpf.sys.files import STANDARD_INPUT
from pytc.errors import MapDefinitionError, ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytc.bpf.object.elf import ElfImage, ElfRelocation, ElfSection
    from pytc.bpf.object.legacy_maps import MapDefinition
    from pytc.bpf.object.spec import ExternSpec

#: Where clang puts global variables of address space 1, and what libbpf takes for an arena's.
ARENA_SECTION = ".addr_space.1"
#: Where clang 22 and later put jump tables for -mcpu=v4.
_JUMP_TABLES = ".jumptables"
TEXT = ".text"


class _Targets(NamedTuple):
    """Possible targets of relocations, by section index."""

    maps: dict[tuple[int, int], str]
    map_sections: frozenset[int]
    data: dict[int, str]
    code: frozenset[int]
    externs: dict[str, ExternSpec]
    whole_offsets: bool


def read_object(path: str, *, layout20: str = "") -> ObjectSpec:
    """Read an object file.

    ``layout20`` is ``bpf_elf_map`` or ``bpf_map_def`` where the rule of :mod:`pytc.bpf.object.legacy_maps` for map
    definitions of 20 bytes guesses wrong. Raises ObjectError (MapDefinitionError for a map), whose message names the
    file.
    """
    return read_object_bytes(elf.read_file(path), path, layout20=layout20)


def read_object_bytes(data: bytes, path: str, *, layout20: str = "") -> ObjectSpec:
    """Read an object from the bytes of the file at ``path``; raises ObjectError, whose message names the file."""
    try:
        return read_bytes(data, path, layout20=layout20)
    except ObjectError as error:
        raise type(error)(f'object file "{path}": {error}', errno=error.errno, hints=error.hints) from error


def read_bytes(data: bytes, path: str = "", *, layout20: str = "") -> ObjectSpec:
    """Read an object from bytes, like :func:`read_object`; the base name of ``path`` becomes the object's name.

    Raises ObjectError, whose message does not name a file.
    """
    image = elf.parse(data)
    btf = _read_btf(image)
    name = os.path.basename(path) if path != STANDARD_INPUT else "stdin"
    placed = _read_legacy_maps(image, btf, layout20) + read_btf_maps(image, btf)
    arena, placed = _read_arena_data(image, placed)
    data_maps = _read_data_maps(image, btf, name)
    externs, settings = _read_externs(image, btf)
    maps = _by_name([*(p.spec for p in placed), *data_maps.values(), *([settings] if settings else [])])
    code = image.code_sections()
    targets = _Targets(
        {(p.section, p.offset): p.spec.name for p in placed},
        frozenset(s.number for s in [*legacy_sections(image), *(s for s in image.sections if s.name == MODERN)]),
        {**{index: spec.name for index, spec in data_maps.items()}, **arena},
        frozenset(s.number for s in code),
        externs,
        whole_offsets=_has_whole_offsets(image),
    )
    symbols = _by_section(image.symbols)
    sections = {s.number: _read_code(image, s, targets, symbols.get(s.number, ())) for s in code if s.size}
    return ObjectSpec(
        name=name,
        path=path,
        image=data,
        license=_license(image),
        kernel_version=_version(image),
        sections=sections,
        programs=_with_argument_types(_programs(sections), btf),
        maps=maps,
        btf=btf,
        btf_ext=_read_btf_ext(image, btf),
        externs=externs,
        section_sizes={s.name: s.size for s in image.sections},
        variable_offsets=_variable_offsets(image),
        hidden=frozenset(s.name for s in image.symbols if s.is_hidden and s.type == elf.FUNC),
    )


def _variable_offsets(image: ElfImage) -> dict[tuple[str, str], int]:
    return {
        (image.sections[s.section].name, s.name): s.value
        for s in image.symbols
        if s.name and s.type != elf.SECTION and elf.UNDEFINED < s.section < len(image.sections)
    }


def _read_btf(image: ElfImage) -> Btf | None:
    section = image.by_name.get(".BTF")
    return Btf(section.data) if section is not None and section.data else None


def _read_externs(image: ElfImage, btf: Btf | None) -> tuple[dict[str, ExternSpec], MapSpec | None]:
    """Return the externs, and the map for those of ``.kconfig``."""
    if btf is None or not any(s.section == elf.UNDEFINED and s.name for s in image.symbols):
        return {}, None
    from pytc.bpf.object.externs import kconfig_map, read_externs

    externs = read_externs(image, btf)
    return externs, kconfig_map(externs, btf)


def _read_legacy_maps(image: ElfImage, btf: Btf | None, layout20: str) -> list[MapDefinition]:
    """Return the maps of the legacy sections.

    Where one makes no sense, all of them have the problem: it may be the size of all definitions. Raises
    MapDefinitionError for sections without any map.
    """
    try:
        return read_legacy_maps(image, btf, layout20=layout20)
    except MapDefinitionError as error:
        broken = [placed for section in legacy_sections(image) for placed in broken_maps(image, section, str(error))]
        if not broken:
            raise
        return broken


def _read_btf_ext(image: ElfImage, btf: Btf | None) -> btf_ext.BtfExt | None:
    section = image.by_name.get(".BTF.ext")
    return btf_ext.parse(section.data, btf) if section is not None and section.data and btf else None


def _by_name(specs: list[MapSpec]) -> dict[str, MapSpec]:
    maps: dict[str, MapSpec] = {}
    for spec in specs:
        if spec.name in maps:
            raise MapDefinitionError(f'two maps have the name "{spec.name}"')
        maps[spec.name] = spec
    return link_inner_maps(maps)


def _has_whole_offsets(image: ElfImage) -> bool:
    """Return whether instructions with a relocation hold the offset of their target, rather than an addend alone.

    gcc's assembler wrote them like this up to binutils 2.40. gcc 14 and later need a newer one. Which one an earlier
    gcc was used with, the numbers show: an offset is never less than its symbol's.
    """
    comment = image.by_name.get(".comment")
    if comment is None or b"GCC: " not in comment.data:
        return False
    import re  # only now: clang writes another comment

    version = re.search(rb"GCC: \([^)]*\) (\d+)", comment.data)
    return (
        version is not None
        and int(version[1]) < 14
        and all(
            instructions.decode(image.sections[number].data, relocation.offset // instructions.SIZE).immediate
            >= relocation.symbol.value - 1  # of a call less one
            for number, relocations in image.relocations.items()
            if image.sections[number].is_code and image.sections[number].size % instructions.SIZE == 0
            for relocation in relocations
            if relocation.symbol.type != elf.SECTION and relocation.symbol.section != elf.UNDEFINED
        )
    )


def _license(image: ElfImage) -> str:
    section = image.by_name.get("license")
    return elf.string_at(section.data, 0) if section is not None and section.data else ""


def _version(image: ElfImage) -> int:
    section = image.by_name.get("version")
    return int(struct.unpack_from("<I", section.data)[0]) if section is not None and len(section.data) == 4 else 0


def _read_data_maps(image: ElfImage, btf: Btf | None, object_name: str) -> dict[int, MapSpec]:
    """Return an array map of one element for each data section, as libbpf creates them.

    A map may be mapped into memory where user space may access a variable: static and hidden ones may hold locks and
    lists.
    """
    types = {name: type_id for type_id, name in reversed(btf.data_sections())} if btf is not None else {}
    hidden = {s.name for s in image.symbols if s.is_hidden}
    result: dict[int, MapSpec] = {}
    for section in image.sections:
        if not section.size or not section.flags & 2 or not is_data_section(section.name):
            continue
        read_only = section.name.startswith(".rodata")
        type_id = types.get(section.name, 0)
        is_mappable = btf is not None and type_id and not hidden.issuperset(btf.global_variables(type_id))
        flags = (F_RDONLY_PROG if read_only else 0) | (F_MMAPABLE if is_mappable else 0)
        result[section.number] = MapSpec(
            name=section.name,
            type=MapType.ARRAY,
            key_size=4,
            value_size=section.size,
            max_entries=1,
            flags=flags,
            origin=DATA,
            value_type_id=type_id,
            contents=section.data,
            section=section.name,
            frozen=read_only,
        )
    return result


def _read_arena_data(image: ElfImage, definitions: list[MapDefinition]) -> tuple[dict[int, str], list[MapDefinition]]:
    """Return the arena's name by the section of its variables, and the maps with the bytes of these in the arena.

    They lie at the arena's start. So libbpf puts them, too, but from 1.7 on at its end where the kernel takes such
    large offsets, which is since Linux 7.0; programs cannot tell, they have addresses.
    """
    section = next((s for s in image.sections if s.name == ARENA_SECTION and s.size), None)
    arenas = [definition for definition in definitions if definition.spec.type == MapType.ARENA]
    if section is None or len(arenas) != 1:
        return {}, definitions
    filled = arenas[0]._replace(spec=arenas[0].spec._replace(contents=section.data, section=section.name))
    return {section.number: filled.spec.name}, [
        filled if definition is arenas[0] else definition for definition in definitions
    ]


def _read_code(
    image: ElfImage, section: ElfSection, targets: _Targets, symbols: Sequence[elf.ElfSymbol]
) -> CodeSection:
    if section.size % instructions.SIZE:
        raise ObjectError(f'section "{section.name}" has {section.size} bytes, not a whole number of instructions')
    relocations: dict[int, Target] = {}
    rows = image.relocations.get(section.number, ())
    patched = instructions.decode_at(section.data, [row.offset // instructions.SIZE for row in rows])
    for relocation, instruction in zip(rows, patched, strict=True):
        try:
            target = _resolve(image, section, relocation, instruction, targets)
        except ObjectError as error:  # another program may do without
            target = Target("problem", str(error), hints=error.hints)
        relocations[relocation.offset // instructions.SIZE * instructions.SIZE] = target
    return CodeSection(section.number, section.name, section.data, relocations, _functions(section, symbols))


def _resolve(
    image: ElfImage,
    section: ElfSection,
    relocation: ElfRelocation,
    instruction: instructions.Instruction,
    targets: _Targets,
) -> Target:
    where = f'section "{section.name}", instruction {relocation.offset // instructions.SIZE}'
    if relocation.offset % instructions.SIZE:
        raise ObjectError(f"{where}: a relocation in the middle of an instruction")
    symbol = relocation.symbol
    if instruction.opcode not in (OP_CALL, OP_LD_IMM64):
        raise ObjectError(
            f'{where}: a relocation to "{symbol.name}" in an instruction that takes none '
            f"(opcode {instruction.opcode:#04x})"
        )
    is_call = instruction.opcode == OP_CALL
    if not is_call and relocation.offset + 16 > section.size:
        raise ObjectError(f"{where}: half of a 16-byte load at the end of the section")
    if symbol.section == elf.UNDEFINED:
        return _extern_target(symbol.name, instruction, targets)
    whole = targets.whole_offsets and symbol.type != elf.SECTION
    offset = _offset(symbol, instruction.immediate, is_call=is_call, whole=whole) + relocation.addend
    if symbol.section in targets.code:
        return _function_target(image, where, symbol.section, offset)
    if is_call:
        raise ObjectError(f'{where}: a call to "{symbol.name}", which is not a function')
    return _data_target(image, where, symbol, offset, targets)


def _offset(symbol: elf.ElfSymbol, immediate: int, *, is_call: bool, whole: bool) -> int:
    """Return the byte of a section that a relocation points at.

    An instruction has an addend in bytes, a call in instructions less one; or the ``whole`` offset in bytes, of a call
    less one.
    """
    if whole:
        return immediate + is_call
    return symbol.value + ((immediate + 1) * instructions.SIZE if is_call else immediate)


def _extern_target(name: str, instruction: instructions.Instruction, targets: _Targets) -> Target:
    extern = targets.externs.get(name)
    if extern is not None and extern.kind == SETTING:
        return Target("data", KCONFIG, offset=extern.offset + instruction.immediate)
    return Target("extern", name)


def _function_target(image: ElfImage, where: str, section: int, offset: int) -> Target:
    if offset % instructions.SIZE or not 0 <= offset < image.sections[section].size:
        raise ObjectError(
            f'{where}: a call to byte {offset} of section "{image.sections[section].name}", where no function starts'
        )
    return Target("function", section=section, offset=offset)


def _data_target(image: ElfImage, where: str, symbol: elf.ElfSymbol, offset: int, targets: _Targets) -> Target:
    if symbol.section in targets.map_sections:
        name = targets.maps.get((symbol.section, offset))
        if name is None:
            raise ObjectError(
                f'{where}: a relocation to "{symbol.name}" at byte {offset} of the maps, where no map starts'
            )
        return Target("map", name)
    if symbol.section in targets.data:
        return Target("data", targets.data[symbol.section], symbol.section, offset)
    if symbol.section < len(image.sections) and image.sections[symbol.section].name == _JUMP_TABLES:
        return Target("jumps", symbol.name)
    if symbol.section == elf.COMMON:
        raise ObjectError(
            f'{where}: a relocation to "{symbol.name}", a variable that no section holds (COMMON)',
            hints=("give it a value, or compile with -fno-common, the default of clang 11 and gcc 10",),
        )
    if symbol.section >= len(image.sections):
        raise ObjectError(f'{where}: a relocation to "{symbol.name}" in no section of the file')
    section = image.sections[symbol.section].name
    if section == ARENA_SECTION:
        raise ObjectError(
            f'{where}: a relocation to "{symbol.name}" in section "{section}", which has variables for an arena',
            hints=("the object must have exactly one map of type arena, whose variables these are",),
        )
    raise ObjectError(
        f'{where}: a relocation to "{symbol.name}" in section "{section}", which holds neither maps nor data',
        hints=(
            'maps are read from SEC(".maps") and SEC("maps"), variables from .data, .rodata, .bss and sections with '
            "these names and a suffix (.data.mine)",
        ),
    )


def _by_section(symbols: Iterable[elf.ElfSymbol]) -> dict[int, list[elf.ElfSymbol]]:
    """Group the symbols that have names by section, in their order."""
    by_section: dict[int, list[elf.ElfSymbol]] = {}
    for symbol in symbols:
        if symbol.name:
            by_section.setdefault(symbol.section, []).append(symbol)
    return by_section


def _functions(section: ElfSection, symbols: Sequence[elf.ElfSymbol]) -> tuple[FunctionSpec, ...]:
    functions = {symbol.value: symbol for symbol in symbols if symbol.type == elf.FUNC}
    if not functions:
        return (_whole_section(section, symbols),)
    starts = sorted(functions)
    result = []
    for start, following in zip(starts, [*starts[1:], section.size], strict=True):
        symbol = functions[start]
        size = symbol.size or following - start
        if start % instructions.SIZE or size % instructions.SIZE or not 0 < size <= section.size - start:
            raise ObjectError(
                f'function "{symbol.name}" takes bytes {start} to {start + size} of section '
                f'"{section.name}", which has {section.size}'
            )
        result.append(FunctionSpec(symbol.name, section.number, start, size, symbol.binding != elf.LOCAL))
    return tuple(result)


def _whole_section(section: ElfSection, symbols: Sequence[elf.ElfSymbol]) -> FunctionSpec:
    """Return a section as one function: old compilers leave functions without a type."""
    name = next(
        (
            symbol.name
            for symbol in symbols
            if not symbol.value and symbol.type == elf.NOTYPE and symbol.binding != elf.LOCAL
        ),
        section.name,
    )
    return FunctionSpec(name, section.number, 0, section.size, is_global=True)


def _programs(sections: dict[int, CodeSection]) -> tuple[ProgramSpec, ...]:
    """Return the global functions outside ``.text``; those of ``.text`` when there are no others.

    A section whose functions are all static is a program from its start, as in tc.
    """
    for in_text in (False, True):
        programs = [
            ProgramSpec(function.name, section.name, function, *section_type(section.name))
            for section in sections.values()
            if (section.name == TEXT) is in_text
            for function in _entry_points(section)
        ]
        if programs:
            return tuple(programs)
    return ()


def _with_argument_types(programs: tuple[ProgramSpec, ...], btf: Btf | None) -> tuple[ProgramSpec, ...]:
    """Give programs in sections that say no type the one that their argument tells."""
    untyped = [program.name for program in programs if program.type is ProgramType.UNSPEC]
    if btf is None or not untyped:
        return programs
    from pytc.bpf.object.arguments import argument_types

    types = argument_types(btf, untyped)
    return tuple(
        program._replace(type=types[program.name])
        if program.type is ProgramType.UNSPEC and program.name in types
        else program
        for program in programs
    )


def _entry_points(section: CodeSection) -> list[FunctionSpec]:
    visible = [f for f in section.functions if f.is_global]
    return visible or [f for f in section.functions if f.offset == 0]
