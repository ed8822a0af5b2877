"""Maps in the ``.maps`` section, declared through BTF.

A variable of struct type in DATASEC ``.maps``; its members are the attributes. Numbers are the length of an
array that a member points at (``__uint(max_entries, 4)``) or the value of an anonymous enum (``__ulong``);
types are what a member points at (``__type(key, __u32)``). Source: the kernel's
Documentation/bpf/map_*.rst and tools/lib/bpf/bpf_helpers.h for the macros.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.object.elf import FUNC, SECTION
from pytc.bpf.object.legacy_maps import MapDefinition, broken_maps
from pytc.bpf.object.spec import MODERN, PIN_GLOBAL_NS, PIN_NONE, MapSpec
from pytc.bpf.sys.constants import MAP_IN_MAP, MapType
from pytc.errors import MapDefinitionError, ObjectError, shortlist
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.object.elf import ElfImage, ElfRelocation, ElfSection

_NUMBERS = {
    "type": "type",
    "max_entries": "max_entries",
    "map_flags": "flags",
    "numa_node": "numa_node",
    "key_size": "key_size",
    "value_size": "value_size",
    "map_extra": "map_extra",
}
#: LIBBPF_PIN_BY_NAME; a PIN_GLOBAL_NS carried over from tc's layout means the same.
_PIN_BY_NAME = (1, PIN_GLOBAL_NS)
_U32_MAX = 0xFFFFFFFF


class _Declared(NamedTuple):
    spec: MapSpec
    values_at: int = -1  # byte offset of the member ``values`` in the variable


def read_btf_maps(image: ElfImage, btf: Btf | None) -> list[MapDefinition]:
    """Return all maps of section ``.maps``; one that makes no sense has a ``problem``.

    Raises MapDefinitionError where not even the names of the maps are known.
    """
    section = image.by_name.get(MODERN)
    if section is None or not section.size:
        return []
    symbols = {s.name: s for s in image.symbols if s.section == section.number and s.name and s.type != FUNC}
    data_section = btf.data_section(MODERN) if btf is not None else 0
    if btf is None or not data_section:
        names = shortlist([name for name in symbols if name != MODERN])
        lacks = (
            f"need BTF, and the object has none: {_recompile(image)}" if btf is None else "are not in the object's BTF"
        )
        problem = f'maps in section ".maps" ({names}) {lacks}'
        broken = broken_maps(image, section, problem)
        if not broken:
            raise MapDefinitionError(problem)
        return broken
    result = []
    for variable in btf.section_variables(data_section):
        symbol = symbols.get(variable.name)
        if symbol is None:
            raise MapDefinitionError(f'map "{variable.name}" is in the BTF but has no symbol')
        try:
            declared = _read_map(btf, variable.name, variable.type_id)
            slots = _slots(image, section, symbol.value, declared)
        except ObjectError as error:  # another program may do without the map
            spec = MapSpec(variable.name, 0, 0, 0, 0, section=MODERN, problem=str(error))
            result.append(MapDefinition(spec, section.number, symbol.value))
        else:
            result.append(MapDefinition(declared.spec._replace(slots=slots), section.number, symbol.value))
    return result


def _recompile(image: ElfImage) -> str:
    """Return how to compile an object with BTF, with the compiler that it names."""
    comment = image.by_name.get(".comment")
    if comment is not None and b"GCC: (" in comment.data and b"clang" not in comment.data:
        return "compile it with -gbtf (bpf-gcc -O2 -gbtf -c FILE.c -o FILE.o), and do not strip .BTF"
    return "compile it with -g (clang -O2 -g -target bpf -c FILE.c -o FILE.o), and do not strip .BTF"


def _read_map(btf: Btf, name: str, type_id: int, *, inner: bool = False) -> _Declared:
    definition = btf.resolve(type_id)
    if btf.kind(definition) != b.STRUCT:
        raise MapDefinitionError(f'map "{name}" is not declared as a struct')
    spec, values_at = MapSpec(name, 0, 0, 0, 0, section=MODERN), -1
    members = btf.members(definition)
    for member in members:
        if member.name in _NUMBERS:
            spec = _attribute(btf, spec, member)
        elif member.name in _ATTRIBUTES:
            spec = _ATTRIBUTES[member.name](btf, spec, member)
        elif member.name == "values":
            if inner:
                raise MapDefinitionError(f'map "{name}": an inner map cannot have "values"')
            spec, values_at = _template(btf, spec, member), member.bit_offset // 8
        else:
            raise MapDefinitionError(f'map "{name}": unknown attribute "{member.name}"')
    if not spec.type:
        raise MapDefinitionError(f'map "{name}" has no type')
    if any(member.name in ("key_size", "value_size") for member in members):
        _check_sizes(btf, spec)
    return _Declared(_normalise(spec), values_at)


def _check_sizes(btf: Btf, spec: MapSpec) -> None:
    for what, size, type_id in (
        ("key", spec.key_size, spec.key_type_id),
        ("value", spec.value_size, spec.value_type_id),
    ):
        if not type_id:
            continue
        of_type = btf.size(type_id)
        if size != of_type:
            raise MapDefinitionError(
                f'map "{spec.name}": {what}_size is {size}, but its {what} type has {of_type} bytes'
            )


def _normalise(spec: MapSpec) -> MapSpec:
    if spec.type in MAP_IN_MAP or spec.type == MapType.PROG_ARRAY:
        return spec._replace(value_size=spec.value_size or 4, key_size=spec.key_size or 4)
    if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF):
        # A value type only documents what is written into it: the kernel wants no key and no value size.
        return spec._replace(key_size=0, value_size=0, key_type_id=0, value_type_id=0)
    return spec


def _attribute(btf: Btf, spec: MapSpec, member: b.Member) -> MapSpec:
    number = _number(btf, spec.name, member)
    if number > _U32_MAX and member.name != "map_extra":
        raise MapDefinitionError(f'map "{spec.name}": attribute "{member.name}" is {number}, more than {_U32_MAX}')
    numbers: dict[str, Any] = {_NUMBERS[member.name]: number}
    return spec._replace(**numbers)


def _number(btf: Btf, name: str, member: b.Member) -> int:
    kind = btf.kind(member.type_id)
    if kind == b.PTR:
        array = btf.resolve(btf.referred(member.type_id))
        if btf.kind(array) == b.ARRAY:
            return btf.array(array).length
    elif kind in (b.ENUM, b.ENUM64):
        enumerators = btf.enumerators(member.type_id)
        if enumerators:
            return enumerators[0].value
    if btf.kind(btf.resolve(member.type_id)) == b.INT:
        raise MapDefinitionError(
            f'map "{name}": "{member.name}" is a plain number, as in section "maps"; in ".maps" it is a type: '
            f'__uint({member.name}, NUMBER). Rewrite the declaration, or put the map into SEC("maps")'
        )
    raise MapDefinitionError(f'map "{name}": attribute "{member.name}" is not a number')


def _key(btf: Btf, spec: MapSpec, member: b.Member) -> MapSpec:
    type_id, size = _pointee(btf, spec, member, spec.key_size)
    return spec._replace(key_type_id=type_id, key_size=size)


def _value(btf: Btf, spec: MapSpec, member: b.Member) -> MapSpec:
    type_id, size = _pointee(btf, spec, member, spec.value_size)
    return spec._replace(value_type_id=type_id, value_size=size)


def _pointee(btf: Btf, spec: MapSpec, member: b.Member, declared_size: int) -> tuple[int, int]:
    """Return the type that a member points at, and its size in bytes where none is declared."""
    if btf.kind(member.type_id) != b.PTR:
        raise MapDefinitionError(f'map "{spec.name}": attribute "{member.name}" is not a pointer to a type')
    type_id = btf.referred(member.type_id)
    if declared_size:
        return type_id, declared_size
    if btf.kind(btf.resolve(type_id)) == b.FWD:
        name = btf.name(btf.resolve(type_id)) or btf.name(type_id)
        raise MapDefinitionError(
            f'map "{spec.name}": the type of its {member.name}, {name}, is only declared, and has no size: define it'
        )
    try:
        size = btf.size(type_id)
    except ObjectError as error:
        raise MapDefinitionError(f'map "{spec.name}": its {member.name}: {error}') from error
    if size > _U32_MAX:
        raise MapDefinitionError(f'map "{spec.name}": its {member.name} type has {size} bytes, more than {_U32_MAX}')
    return type_id, size


def _pinning(btf: Btf, spec: MapSpec, member: b.Member) -> MapSpec:
    number = _number(btf, spec.name, member)
    if number in _PIN_BY_NAME:
        return spec._replace(pinning=PIN_GLOBAL_NS)
    return spec._replace(pinning=PIN_NONE if number == 0 else number)


_ATTRIBUTES: dict[str, Callable[[Btf, MapSpec, b.Member], MapSpec]] = {
    "key": _key,
    "value": _value,
    "pinning": _pinning,
}


def _template(btf: Btf, spec: MapSpec, member: b.Member) -> MapSpec:
    """Return the meaning of ``__array(values, ...)``: the definition of inner maps, or that the slots take programs."""
    array = btf.resolve(member.type_id)
    if btf.kind(array) != b.ARRAY:
        raise MapDefinitionError(f'map "{spec.name}": "values" is not an array')
    pointer = btf.resolve(btf.array(array).element)
    pointee = btf.resolve(btf.referred(pointer)) if btf.kind(pointer) == b.PTR else pointer
    kind = btf.kind(pointee)
    if kind == b.FUNC_PROTO and spec.type in (MapType.PROG_ARRAY, 0):
        return spec
    if kind == b.STRUCT:
        return spec._replace(inner=_read_map(btf, f"{spec.name}.inner", pointee, inner=True).spec)
    raise MapDefinitionError(f'map "{spec.name}": "values" holds neither maps nor programs')


def _slots(image: ElfImage, section: ElfSection, start: int, declared: _Declared) -> tuple[tuple[int, str], ...]:
    relocations: list[ElfRelocation] = [r for r in image.relocations.get(section.number, ()) if r.offset >= start]
    if not relocations:
        return ()
    end = min(
        (
            s.value
            for s in image.symbols
            if s.section == section.number and s.name and s.value > start and s.type != FUNC
        ),
        default=section.size,
    )
    slots = []
    for relocation in relocations:
        if relocation.offset >= end:
            continue
        index, rest = divmod(relocation.offset - start - declared.values_at, 8)
        if declared.values_at < 0 or rest or index < 0:
            raise MapDefinitionError(
                f'map "{declared.spec.name}": a relocation at byte {relocation.offset - start}, '
                'which is not an element of "values"'
            )
        slots.append((index, _target(image, section, relocation, declared.spec.name)))
    return tuple(slots)


def _target(image: ElfImage, section: ElfSection, relocation: ElfRelocation, name: str) -> str:
    """Return the name of the map or program in a slot; a static one has no symbol of its own, but a section and an
    offset."""
    symbol = relocation.symbol
    if symbol.type != SECTION:
        return symbol.name
    offset = relocation.addend or int.from_bytes(section.data[relocation.offset : relocation.offset + 8], "little")
    target = next(
        (
            s.name
            for s in image.symbols
            if (s.section, s.value) == (symbol.section, offset) and s.name and s.type != SECTION
        ),
        None,
    )
    if target is None:
        raise MapDefinitionError(
            f'map "{name}": "values" refers to byte {offset} of section "{symbol.name}", where nothing starts'
        )
    return target
