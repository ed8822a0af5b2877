"""Maps in the ``maps`` section: tc's ``struct bpf_elf_map`` in all its layouts, and ``struct bpf_map_def``.

Where BTF describes the structure, the names of its members decide (:mod:`pytc.bpf.object.legacy_members`). Otherwise
the size tells the layout: that of the map's symbol, or else bytes of the section divided by the number of map symbols
in it. All fields are ``u32``, little-endian:

===== ============================================================================ =====================
bytes fields                                                                       since
===== ============================================================================ =====================
16    type size_key size_value max_elem                                            the minimum
20    ... id                                                                       iproute2, April 2015
20    ... map_flags                                                                ``struct bpf_map_def``
24    ... id pinning                                                               November 2015
28    ... flags id pinning                                                         April 2016
36    ... flags id pinning inner_id inner_idx                                      July 2017
===== ============================================================================ =====================

Two structures have 20 bytes. Rule: the type's name in BTF, or else in DWARF's strings, decides. Without debug
information it is ``bpf_map_def`` when an LPM trie has an odd fifth word (it cannot exist without
BPF_F_NO_PREALLOC), or when two maps have the same fifth word (ids differ); otherwise tc's. The ``layout20``
argument of :func:`pytc.bpf.read_object` overrides it.
"""

from __future__ import annotations

import struct

from pytc.bpf.btf import types as b
from pytc.bpf.object.elf import FUNC, GLOBAL, SECTION
from pytc.bpf.object.legacy_members import read_members, structure_of, unknown_field
from pytc.bpf.object.spec import LEGACY, MODERN, MapSpec
from pytc.bpf.sys.constants import F_NO_PREALLOC, MAP_IN_MAP, MapType
from pytc.errors import MapDefinitionError, ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.object.elf import ElfImage, ElfSection, ElfSymbol
    from pytc.bpf.object.legacy_members import Structure

ELF_MAP: Final = "bpf_elf_map"
MAP_DEF: Final = "bpf_map_def"

_COMMON = ("type", "key_size", "value_size", "max_entries")
_LAYOUTS: dict[int, tuple[str, ...]] = {
    16: _COMMON,
    20: (*_COMMON, "id"),
    24: (*_COMMON, "id", "pinning"),
    28: (*_COMMON, "flags", "id", "pinning"),
    36: (*_COMMON, "flags", "id", "pinning", "inner_id", "inner_idx"),
}
_MAP_DEF_LAYOUT = (*_COMMON, "flags")
_LARGEST = 36
_F_NUMA_NODE = 1 << 2
_ANNOTATION = "____btf_map_"


class MapDefinition(NamedTuple):
    """A map's specification and the position of its symbol: section index and byte offset."""

    spec: MapSpec
    section: int
    offset: int


def legacy_sections(image: ElfImage) -> list[ElfSection]:
    """Return the sections ``maps``, and ``maps/NAME`` for some older loaders, in the order of the file."""
    return [section for section in image.sections if section.name == LEGACY or section.name.startswith(LEGACY + "/")]


def read_legacy_maps(image: ElfImage, btf: Btf | None, *, layout20: str = "") -> list[MapDefinition]:
    """Return all maps of the legacy sections, in order; raises MapDefinitionError."""
    result: list[MapDefinition] = []
    for section in legacy_sections(image):
        if section.size:
            result += _read_section(image, section, btf, layout20)
    return _annotated(result, btf) if btf is not None else result


def broken_maps(image: ElfImage, section: ElfSection, problem: str) -> list[MapDefinition]:
    """Return the maps of a section of which only the names are known, and why."""
    return [
        MapDefinition(
            MapSpec(
                symbol.name, 0, 0, 0, 0, origin=MODERN if section.name == MODERN else LEGACY, section=section.name
            )._replace(problem=problem),
            section.number,
            symbol.value,
        )
        for symbol in _map_symbols(image, section)
    ]


def _annotated(maps: list[MapDefinition], btf: Btf) -> list[MapDefinition]:
    """Add key and value types where BPF_ANNOTATE_KV_PAIR declares them: ``struct ____btf_map_NAME { KEY key; VALUE
    value; }``.

    An annotation whose sizes differ from the map's is ignored.
    """
    structs = btf.named((_ANNOTATION + placed.spec.name for placed in maps), b.STRUCT)
    result = []
    for placed in maps:
        spec = placed.spec
        for type_id in structs.get(_ANNOTATION + spec.name, ()):
            types = {m.name: m.type_id for m in btf.members(type_id)}
            if types.keys() == {"key", "value"} and (btf.size(types["key"]), btf.size(types["value"])) == (
                spec.key_size,
                spec.value_size,
            ):
                spec = spec._replace(key_type_id=types["key"], value_type_id=types["value"])
        result.append(placed._replace(spec=spec))
    return result


def _read_section(image: ElfImage, section: ElfSection, btf: Btf | None, layout20: str) -> list[MapDefinition]:
    symbols = _map_symbols(image, section)
    if not symbols:
        raise MapDefinitionError(f'section "{section.name}" has {section.size} bytes but no map symbols')
    sizes = _sizes(section, symbols)
    structures = _structures(section, btf)
    rows = [(symbol, _words(section, symbol, size)) for symbol, size in zip(symbols, sizes, strict=True)]
    described = {
        symbol.name: structures[symbol.name]
        for symbol, words in rows
        if symbol.name in structures and not (layout20 and len(words) == 5)
    }
    by_size: dict[int, list[tuple[int, ...]]] = {}
    for symbol, words in rows:
        if symbol.name not in described:
            by_size.setdefault(len(words), []).append(words)
    result = []
    for symbol, words in rows:
        structure, size = described.get(symbol.name), 4 * len(words)
        _check_pointers(image, section, symbol, size, structure)
        if structure is not None:
            fields = read_members(symbol.name, structure, section.data[symbol.value : symbol.value + size])
        else:
            layout = _layout(size, by_size[len(words)], image, section, btf=btf, layout20=layout20)
            fields = _fields(symbol, words, layout)
        spec = _spec(symbol.name, fields, section.name)._replace(definition_size=size)
        result.append(MapDefinition(spec, section.number, symbol.value))
    return result


def _structures(section: ElfSection, btf: Btf | None) -> dict[str, Structure]:
    """Return the structures of the section's maps that BTF describes, by the map's name."""
    data_section = btf.data_section(section.name) if btf is not None else 0
    if btf is None or not data_section:
        return {}
    found = {v.name: structure_of(btf, v.type_id) for v in btf.section_variables(data_section)}
    return {name: structure for name, structure in found.items() if structure is not None}


def _check_pointers(
    image: ElfImage, section: ElfSection, symbol: ElfSymbol, size: int, structure: Structure | None
) -> None:
    """Raise MapDefinitionError for a definition that refers to something else, like goebpf's to a path."""
    for relocation in image.relocations.get(section.number, ()):
        offset = relocation.offset - symbol.value
        if not 0 <= offset < size:
            continue
        member = structure.member_at(offset) if structure is not None else ""
        if structure is not None and member:
            raise unknown_field(symbol.name, structure, member)
        raise MapDefinitionError(
            f'map "{symbol.name}": its definition has a pointer at byte {offset}; tc\'s struct bpf_elf_map has none'
        )


def _sizes(section: ElfSection, symbols: list[ElfSymbol]) -> list[int]:
    """Return the size of each definition in bytes: that of its symbol, or an even share of the section where the
    symbols have no sizes that could be.

    A linker leaves other bytes between symbols, like a weak definition that another has overridden.
    """
    starts = [symbol.value for symbol in symbols]
    sizes = [symbol.size for symbol in symbols]
    if all(
        size >= 16 and size % 4 == 0 and start + size <= following
        for start, size, following in zip(starts, sizes, [*starts[1:], section.size], strict=True)
    ):
        return sizes
    size, rest = divmod(section.size, len(symbols))
    if rest or size % 4 or size < 16:
        raise MapDefinitionError(
            f'section "{section.name}" has {section.size} bytes for {len(symbols)} maps: not a whole number of '
            "structures of one size (struct bpf_elf_map has 16, 20, 24, 28 or 36 bytes)"
        )
    if starts != list(range(0, section.size, size)):
        misplaced = next(
            symbol for symbol, start in zip(symbols, range(0, section.size, size), strict=True) if symbol.value != start
        )
        raise MapDefinitionError(
            f'map "{misplaced.name}" starts at byte {misplaced.value} of section "{section.name}", '
            f"which holds structures of {size} bytes"
        )
    return [size] * len(symbols)


def _map_symbols(image: ElfImage, section: ElfSection) -> list[ElfSymbol]:
    by_offset: dict[int, ElfSymbol] = {}
    for symbol in image.symbols:
        if symbol.section != section.number or symbol.type in (SECTION, FUNC) or not symbol.name:
            continue
        if symbol.name.startswith(".L"):
            continue
        known = by_offset.get(symbol.value)
        if known is None or (symbol.binding == GLOBAL and known.binding != GLOBAL):
            by_offset[symbol.value] = symbol
    return sorted(by_offset.values(), key=lambda symbol: symbol.value)


def _words(section: ElfSection, symbol: ElfSymbol, size: int) -> tuple[int, ...]:
    if symbol.value + size > len(section.data):
        raise MapDefinitionError(
            f'map "{symbol.name}" at byte {symbol.value} of section "{section.name}" has no '
            f"contents: structures of {size} bytes in {len(section.data)}"
        )
    return struct.unpack_from(f"<{size // 4}I", section.data, symbol.value)


def _fields(symbol: ElfSymbol, words: tuple[int, ...], layout: tuple[str, ...]) -> dict[str, int]:
    if any(words[_LARGEST // 4 :]):
        raise MapDefinitionError(
            f'map "{symbol.name}": a structure of {4 * len(words)} bytes whose bytes after the first '
            f"{_LARGEST} are not zero; pytc does not know them"
        )
    return dict(zip(layout, words, strict=False))


def _layout(
    size: int, rows: Sequence[tuple[int, ...]], image: ElfImage, section: ElfSection, *, btf: Btf | None, layout20: str
) -> tuple[str, ...]:
    if size == 20 and layout20 not in ("", ELF_MAP, MAP_DEF):
        raise ObjectError(f'"{layout20}" is not a layout of 20 bytes; "{ELF_MAP}" and "{MAP_DEF}" are')
    if size == 20 and (layout20 or _kind_of_20(rows, image, section, btf)) == MAP_DEF:
        return _MAP_DEF_LAYOUT
    fields = _LAYOUTS.get(min(size, _LARGEST))
    if fields is None:
        raise MapDefinitionError(
            f'section "{section.name}": structures of {size} bytes; struct bpf_elf_map has 16, 20, 24, 28 or 36'
        )
    return fields


def _kind_of_20(rows: Sequence[tuple[int, ...]], image: ElfImage, section: ElfSection, btf: Btf | None) -> str:
    named = _type_name(image, section, btf)
    if named in (ELF_MAP, MAP_DEF):
        return named
    fifth = [words[4] for words in rows]
    needs_flag = any(words[0] == MapType.LPM_TRIE and words[4] & F_NO_PREALLOC for words in rows)
    return MAP_DEF if needs_flag or len(set(fifth)) < len(fifth) else ELF_MAP


def _type_name(image: ElfImage, section: ElfSection, btf: Btf | None) -> str:
    if btf is not None:
        data_section = btf.data_section(section.name)
        for variable in btf.section_variables(data_section) if data_section else ():
            return btf.name(btf.resolve(variable.type_id)) or btf.name(variable.type_id)
        for name in (ELF_MAP, MAP_DEF):
            if btf.find(name, b.STRUCT):
                return name
    strings = image.by_name.get(".debug_str")
    present = [
        name
        for name in (ELF_MAP, MAP_DEF)
        if strings is not None and b"\0" + name.encode() + b"\0" in b"\0" + strings.data
    ]
    return present[0] if len(present) == 1 else ""


def _spec(name: str, values: dict[str, int], section: str) -> MapSpec:
    inner_idx = values.get("inner_idx", 0xFFFFFFFF)
    return MapSpec(
        name=name,
        type=values["type"],
        key_size=values["key_size"],
        value_size=values["value_size"],
        max_entries=values["max_entries"],
        flags=values.get("flags", 0),
        pinning=values.get("pinning", 0),
        origin=LEGACY,
        id=values.get("id"),
        inner_id=values.get("inner_id", 0),
        inner_idx=inner_idx - (1 << 32) if inner_idx >= 1 << 31 else inner_idx,
        numa_node=values.get("numa_node") if values.get("flags", 0) & _F_NUMA_NODE else None,
        section=section,
    )


def link_inner_maps(maps: dict[str, MapSpec]) -> dict[str, MapSpec]:
    """Give each legacy map-in-map its template and its slots.

    A map-in-map's ``inner_id`` names the template by ``id``; every map with an ``id`` and an ``inner_idx`` other than
    -1 goes into each map-in-map with that ``inner_id``, at index ``inner_idx``.
    """
    result = dict(maps)
    for outer in maps.values():
        if outer.origin != LEGACY or outer.type not in MAP_IN_MAP:
            continue
        members = [
            m for m in maps.values() if m.origin == LEGACY and m.id and m.id == outer.inner_id and m.name != outer.name
        ]
        if not members:
            result[outer.name] = outer._replace(
                problem=f'map "{outer.name}" wants a map with id {outer.inner_id} as its template (inner_id); '
                "the object has none"
            )
            continue
        slots = tuple((m.inner_idx, m.name) for m in members if m.inner_idx >= 0)
        result[outer.name] = outer._replace(inner=members[0], slots=slots)
    return result
