"""BTF: the type information of a BPF object.

Layout (Documentation/bpf/btf.rst): a header ``magic u16, version u8, flags u8, hdr_len u32, type_off u32,
type_len u32, str_off u32, str_len u32``, then types (``name_off u32, info u32, size_or_type u32`` and what the
kind adds), then strings.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytc.errors import ObjectError

MAGIC = 0xEB9F
HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
_ARRAY = struct.Struct("<III")
_MEMBER = struct.Struct("<III")
_SECTION_VARIABLE = struct.Struct("<III")
_U32 = struct.Struct("<I")
_MAX_DEPTH = 64

(VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR,
 DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64) = range(20)
_MODIFIERS = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})

# Bytes that follow the 12 of struct btf_type: (fixed, for each of vlen).
_EXTRA: dict[int, tuple[int, int]] = {
    INT: (4, 0), PTR: (0, 0), ARRAY: (12, 0), STRUCT: (0, 12), UNION: (0, 12), ENUM: (0, 8), FWD: (0, 0),
    TYPEDEF: (0, 0), VOLATILE: (0, 0), CONST: (0, 0), RESTRICT: (0, 0), FUNC: (0, 0), FUNC_PROTO: (0, 8),
    VAR: (4, 0), DATASEC: (0, 12), FLOAT: (0, 0), DECL_TAG: (4, 0), TYPE_TAG: (0, 0), ENUM64: (0, 12),
}


class Member(NamedTuple):
    """A member of a struct or union; ``bit_offset`` without the bit field size of kind_flag types."""

    name: str
    type_id: int
    bit_offset: int


class SectionVariable(NamedTuple):
    """An entry of a DATASEC; ``offset`` and ``size`` in bytes."""

    name: str
    type_id: int
    variable_id: int
    offset: int
    size: int


class Btf:
    """Parsed BTF. Type 0 is ``void``. Raises ObjectError for anything out of bounds."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size:
            raise ObjectError(f".BTF has {len(data)} bytes, too few for its header")
        magic, version, self._flags, header, type_at, type_size, string_at, string_size = HEADER.unpack_from(data)
        if magic != MAGIC or version != 1:
            raise ObjectError(f".BTF starts with {magic:#06x} version {version}; {MAGIC:#06x} version 1 expected")
        if max(header + type_at + type_size, header + string_at + string_size) > len(data):
            raise ObjectError(f".BTF is truncated: it has {len(data)} bytes")
        self._types = data[header + type_at:header + type_at + type_size]
        self._strings = data[header + string_at:header + string_at + string_size]
        self._at = self._walk()

    def _walk(self) -> list[int]:
        types, positions, at, end = self._types, [0], 0, len(self._types)
        unpack, extra = _TYPE.unpack_from, _EXTRA
        while at < end:
            if at + 12 > end:
                raise ObjectError(f".BTF: type {len(positions)} is cut off")
            info = unpack(types, at)[1]
            sizes = extra.get((info >> 24) & 0x1F)
            if sizes is None:
                raise ObjectError(f".BTF: type {len(positions)} is of unknown kind {(info >> 24) & 0x1F}")
            positions.append(at)
            at += 12 + sizes[0] + sizes[1] * (info & 0xFFFF)
        if at != end:
            raise ObjectError(f".BTF: type {len(positions) - 1} is cut off")
        return positions

    def __len__(self) -> int:
        """Number of types, ``void`` included."""
        return len(self._at)

    def _header(self, type_id: int) -> tuple[int, int, int]:
        if not 0 < type_id < len(self._at):
            if type_id == 0:
                return 0, 0, 0
            raise ObjectError(f".BTF: type {type_id} of {len(self._at)}")
        return _TYPE.unpack_from(self._types, self._at[type_id])

    def string(self, offset: int) -> str:
        """The string at ``offset`` of the string section."""
        if offset >= len(self._strings):
            raise ObjectError(f".BTF: a string at byte {offset} of {len(self._strings)}")
        end = self._strings.find(b"\0", offset)
        return self._strings[offset:end if end >= 0 else None].decode("utf-8", "backslashreplace")

    def kind(self, type_id: int) -> int:
        return (self._header(type_id)[1] >> 24) & 0x1F

    def name(self, type_id: int) -> str:
        return self.string(self._header(type_id)[0])

    def referred(self, type_id: int) -> int:
        """The type that a pointer, modifier, function or variable refers to."""
        return self._header(type_id)[2]

    def resolve(self, type_id: int) -> int:
        """Skips typedefs and qualifiers."""
        for _ in range(_MAX_DEPTH):
            if self.kind(type_id) not in _MODIFIERS:
                return type_id
            type_id = self.referred(type_id)
        raise ObjectError(f".BTF: type {type_id} refers to itself")

    def members(self, type_id: int) -> list[Member]:
        """Members of a struct or union."""
        _, info, _ = self._header(type_id)
        start = self._at[type_id] + 12
        by_kind = 0xFFFFFF if info >> 31 else 0xFFFFFFFF
        return [Member(self.string(name), member_type, offset & by_kind)
                for name, member_type, offset in self._records(_MEMBER, start, info & 0xFFFF)]

    def array(self, type_id: int) -> tuple[int, int]:
        """(element type, number of elements) of an array."""
        element, _index, count = _ARRAY.unpack_from(self._types, self._at[type_id] + 12)
        return element, count

    def enumerators(self, type_id: int) -> list[tuple[str, int]]:
        """(name, value as unsigned) of an enum."""
        _, info, _ = self._header(type_id)
        start, count = self._at[type_id] + 12, info & 0xFFFF
        if self.kind(type_id) == ENUM64:
            return [(self.string(name), low | high << 32)
                    for name, low, high in self._records(_MEMBER, start, count)]
        return [(self.string(name), value)
                for name, value in self._records(struct.Struct("<II"), start, count)]

    def linkage(self, type_id: int) -> int:
        """0 static, 1 global, 2 extern; of a function or a variable."""
        _, info, _ = self._header(type_id)
        if self.kind(type_id) == VAR:
            return int(_U32.unpack_from(self._types, self._at[type_id] + 12)[0])
        return info & 0xFFFF

    def size(self, type_id: int) -> int:
        """Bytes of a value of this type; raises ObjectError for one without a size."""
        count = 1
        for _ in range(_MAX_DEPTH):
            type_id = self.resolve(type_id)
            kind = self.kind(type_id)
            if kind in (INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC):
                return count * self._header(type_id)[2]
            if kind == PTR:
                return count * 8
            if kind == ARRAY:
                type_id, length = self.array(type_id)
                count *= length
            elif kind == VAR:
                type_id = self.referred(type_id)
            else:
                raise ObjectError(f".BTF: type {type_id} ({self.name(type_id) or 'unnamed'}) has no size")
        raise ObjectError(f".BTF: type {type_id} is nested too deeply")

    def data_sections(self) -> Iterator[tuple[int, str]]:
        """(type id, section name) of each DATASEC."""
        for type_id in range(1, len(self._at)):
            if self.kind(type_id) == DATASEC:
                yield type_id, self.name(type_id)

    def data_section(self, name: str) -> int:
        """The type id of the DATASEC of that name, 0 when there is none."""
        return next((type_id for type_id, found in self.data_sections() if found == name), 0)

    def section_variables(self, type_id: int) -> list[SectionVariable]:
        """The variables of a DATASEC, in the order of the file."""
        _, info, _ = self._header(type_id)
        start = self._at[type_id] + 12
        return [SectionVariable(self.name(variable), self.referred(variable), variable, offset, size)
                for variable, offset, size in self._records(_SECTION_VARIABLE, start, info & 0xFFFF)]

    def _records(self, layout: struct.Struct, start: int, count: int) -> Iterator[tuple[int, ...]]:
        return layout.iter_unpack(self._types[start:start + layout.size * count])

    def find(self, name: str, *kinds: int) -> int:
        """The id of the first type of that name and one of those kinds, 0 when there is none."""
        return next((i for i in range(1, len(self._at)) if self.kind(i) in kinds and self.name(i) == name), 0)

    def for_kernel(self, sizes: Mapping[str, int], offsets: Mapping[tuple[str, str], int]) -> bytes:
        """The bytes for BPF_BTF_LOAD.

        Compilers leave the size of a DATASEC and the offsets of its variables zero; the kernel wants them.
        ``sizes`` has the bytes of each ELF section, ``offsets`` those of (section, variable).
        """
        types = bytearray(self._types)
        for type_id, section in list(self.data_sections()):
            if section not in sizes:
                continue
            variables = self.section_variables(type_id)
            placed = sorted(
                (offsets.get((section, v.name), v.offset), v.size, v.variable_id) for v in variables)
            at = self._at[type_id]
            _U32.pack_into(types, at + 8, sizes[section])
            for index, (offset, size, variable) in enumerate(placed):
                _SECTION_VARIABLE.pack_into(types, at + 12 + index * 12, variable, offset, size)
        header = HEADER.pack(MAGIC, 1, self._flags, HEADER.size, 0, len(types), len(types),
                             len(self._strings))
        return header + bytes(types) + self._strings
