"""BTF: the type information of a BPF object.

Layout (Documentation/bpf/btf.rst): a header ``magic u16, version u8, flags u8, hdr_len u32, type_off u32,
type_len u32, str_off u32, str_len u32``, then types (``name_off u32, info u32, size_or_type u32`` and what the
kind adds), then strings.
"""

from __future__ import annotations

import struct

from pytc.bpf.btf.index import TypeIndex, name_offsets
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from mmap import mmap

MAGIC = 0xEB9F
HEADER = struct.Struct("<HBBIIIII")
_SECTION_VARIABLE = struct.Struct("<III")
_U32 = struct.Struct("<I")
_MAX_DEPTH = 64

(
    VOID,
    INT,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    FUNC_PROTO,
    VAR,
    DATASEC,
    FLOAT,
    DECL_TAG,
    TYPE_TAG,
    ENUM64,
) = range(20)
_MODIFIERS = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})
_VOID = memoryview(bytes(12)).cast("I")


class Member(NamedTuple):
    """A member of a struct or union; ``bits`` is the size of a bit field, 0 for other members."""

    name: str
    type_id: int
    bit_offset: int
    bits: int = 0


class ArrayType(NamedTuple):
    """An array: the type of its elements, and how many it has."""

    element: int
    length: int


class IntegerType(NamedTuple):
    """An integer: ``BTF_INT_*`` bits, the offset of its value in bits, and its size in bits."""

    encoding: int
    bit_offset: int
    bits: int


class Parameter(NamedTuple):
    """A parameter of a function; the type of the last one of a variadic function is 0."""

    name: str
    type_id: int


class EnumValue(NamedTuple):
    """An enumerator; ``value`` is unsigned, the way the kernel writes it."""

    name: str
    value: int


class SectionVariable(NamedTuple):
    """An entry of a DATASEC; ``offset`` and ``size`` in bytes."""

    name: str
    type_id: int
    variable_id: int
    offset: int
    size: int


class Btf:
    """Parsed BTF. Type 0 is ``void``. Raises ObjectError for anything out of bounds.

    The types of a kernel module continue those of a ``base``, the kernel: ids and offsets of strings go on where the
    base's end, and each is looked up in the one or the other. ``lazy`` leaves types unchecked until they are used; it
    is for the many of a kernel.
    """

    def __init__(self, data: bytes | mmap, base: Btf | None = None, *, lazy: bool = False) -> None:
        if len(data) < HEADER.size:
            raise ObjectError(f".BTF has {len(data)} bytes, too few for its header")
        magic, version, self._flags, header, type_at, type_size, string_at, string_size = HEADER.unpack_from(data)
        if magic != MAGIC or version != 1:
            raise ObjectError(f".BTF starts with {magic:#06x} version {version}; {MAGIC:#06x} version 1 expected")
        if max(header + type_at + type_size, header + string_at + string_size) > len(data):
            raise ObjectError(f".BTF is truncated: it has {len(data)} bytes")
        if type_size % 4:
            raise ObjectError(f".BTF has {type_size} bytes of types, not a multiple of 4")
        self._data = data
        self._base = base
        self._types = memoryview(data)[header + type_at : header + type_at + type_size]
        self._strings = bytes(data[header + string_at : header + string_at + string_size])
        self._strings_start = base.strings_end if base is not None else 0
        self._start = len(base) if base is not None else 1
        self._index = TypeIndex(self._types, self._start)
        self._words, self._first_words = self._index.words, self._index.first_words
        self._name_offsets: dict[frozenset[str], dict[int, str]] = {}
        self._known_strings: dict[int, str] = {}
        if not lazy:
            len(self._index)

    @property
    def strings_end(self) -> int:
        """The offset at which the strings of types that have these as their base begin."""
        return self._strings_start + len(self._strings)

    def __len__(self) -> int:
        """Return the number of types, ``void`` and those of the base included."""
        return self._start + len(self._index)

    def close(self) -> None:
        """Release a file that is mapped into memory; the types cannot be used afterwards."""
        self._index.close()
        self._types.release()
        if not isinstance(self._data, bytes):
            self._data.close()

    def _find(self, type_id: int) -> tuple[memoryview, int]:
        """Return the words of the types that hold a type, and the index of its first word there."""
        number = type_id - self._start
        if 0 <= number < len(self._first_words):
            return self._words, self._first_words[number]
        if number < 0:
            if self._base is not None:
                return self._base._find(type_id)
            if type_id == 0:
                return _VOID, 0
        elif (word := self._index.first_word(type_id)) >= 0:
            return self._words, word
        raise ObjectError(f".BTF: no type {type_id}; there are {len(self)}")

    def _header(self, type_id: int) -> tuple[int, int, int]:
        words, word = self._find(type_id)
        return words[word], words[word + 1], words[word + 2]

    def position(self, type_id: int) -> int:
        """Return the index of a type's first word among the words of all types."""
        return self._find(type_id)[1]

    def _extra(self, type_id: int, *kinds: int) -> tuple[memoryview, int]:
        """Return the words that hold a type of one of some kinds, and the index of its first word after the common
        three."""
        words, word = self._find(type_id)
        kind = words[word + 1] >> 24 & 0x1F
        if kind not in kinds:
            raise ObjectError(f".BTF: type {type_id} is of kind {kind}; kind {' or '.join(map(str, kinds))} expected")
        return words, word + 3

    def string(self, offset: int) -> str:
        """Return the string at ``offset`` of the string section."""
        known = self._known_strings.get(offset)
        if known is None:
            known = self._known_strings[offset] = self._read_string(offset)
        return known

    def strings(self, offsets: Iterable[int]) -> dict[int, str]:
        """Return strings by their offsets in the string section."""
        return {offset: self.string(offset) for offset in offsets}

    def _read_string(self, offset: int) -> str:
        if offset < self._strings_start and self._base is not None:
            return self._base.string(offset)
        offset -= self._strings_start
        if offset >= len(self._strings):
            raise ObjectError(f".BTF: no string at byte {offset}; there are {len(self._strings)} bytes of strings")
        end = self._strings.find(b"\0", offset)
        return self._strings[offset : end if end >= 0 else None].decode("utf-8", "backslashreplace")

    def kind(self, type_id: int) -> int:
        """Return the kind of a type: one of the constants of this module."""
        return (self._header(type_id)[1] >> 24) & 0x1F

    def name(self, type_id: int) -> str:
        """Return the name of a type, empty for one without."""
        return self.string(self._header(type_id)[0])

    def referred(self, type_id: int) -> int:
        """Return the type that a pointer, modifier, function or variable refers to."""
        return self._header(type_id)[2]

    def resolve(self, type_id: int) -> int:
        """Return the type behind typedefs, qualifiers and type tags."""
        for _ in range(_MAX_DEPTH):
            if self.kind(type_id) not in _MODIFIERS:
                return type_id
            type_id = self.referred(type_id)
        raise ObjectError(f".BTF: type {type_id} refers to itself")

    def vlen(self, type_id: int) -> int:
        """Return the number of members, enumerators, parameters or variables."""
        return self._header(type_id)[1] & 0xFFFF

    def flag(self, type_id: int) -> bool:
        """Return ``kind_flag``: bit fields in a struct, signed values in an enum, a union in a forward declaration."""
        return bool(self._header(type_id)[1] >> 31)

    def members(self, type_id: int) -> list[Member]:
        """Return the members of a struct or union."""
        words, start = self._extra(type_id, STRUCT, UNION)
        rows = words[start : start + 3 * self.vlen(type_id)].tolist()
        fields = zip(map(self.string, rows[::3]), rows[1::3], rows[2::3], strict=True)
        if not self.flag(type_id):
            return [Member(*field) for field in fields]
        return [Member(name, member_type, bits & 0xFFFFFF, bits >> 24) for name, member_type, bits in fields]

    def member(self, type_id: int, index: int) -> Member:
        """Return one member of a struct or union; raises ObjectError if there are not that many."""
        if not 0 <= index < self.vlen(type_id):
            raise ObjectError(f".BTF: type {type_id} has no member {index}; it has {self.vlen(type_id)}")
        words, start = self._extra(type_id, STRUCT, UNION)
        name, member_type, offset = words[start + 3 * index : start + 3 * index + 3]
        if not self.flag(type_id):
            return Member(self.string(name), member_type, offset)
        return Member(self.string(name), member_type, offset & 0xFFFFFF, offset >> 24)

    def array(self, type_id: int) -> ArrayType:
        """Return the element type and length of an array; raises ObjectError for another kind."""
        words, word = self._extra(type_id, ARRAY)
        return ArrayType(words[word], words[word + 2])

    def parameters(self, type_id: int) -> list[Parameter]:
        """Return the parameters of a function prototype; raises ObjectError for another kind."""
        words, start = self._extra(type_id, FUNC_PROTO)
        return [Parameter(self.string(words[i]), words[i + 1]) for i in range(start, start + 2 * self.vlen(type_id), 2)]

    def is_signed(self, type_id: int) -> bool:
        """Return whether an integer or enum is signed."""
        if self.kind(type_id) == INT:
            return bool(self.integer(type_id).encoding & 1)
        return self.kind(type_id) in (ENUM, ENUM64) and self.flag(type_id)

    def integer(self, type_id: int) -> IntegerType:
        """Return encoding, bit offset and size of an integer; raises ObjectError for another kind."""
        words, start = self._extra(type_id, INT)
        word = words[start]
        return IntegerType(word >> 24 & 0xF, word >> 16 & 0xFF, word & 0xFF)

    def enumerators(self, type_id: int) -> list[EnumValue]:
        """Return the enumerators of an enum; raises ObjectError for another kind."""
        (words, start), string = self._extra(type_id, ENUM, ENUM64), self.string
        if self.kind(type_id) == ENUM64:
            return [
                EnumValue(string(words[i]), words[i + 1] | words[i + 2] << 32)
                for i in range(start, start + 3 * self.vlen(type_id), 3)
            ]
        return [EnumValue(string(words[i]), words[i + 1]) for i in range(start, start + 2 * self.vlen(type_id), 2)]

    def linkage(self, type_id: int) -> int:
        """Return the linkage of a function or variable: 0 static, 1 global, 2 extern."""
        if self.kind(type_id) != VAR:
            return self.vlen(type_id)
        words, word = self._extra(type_id, VAR)
        return words[word]

    def size(self, type_id: int) -> int:
        """Return the size of a value of a type in bytes; raises ObjectError for a type without one."""
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

    def functions(self) -> list[tuple[int, str]]:
        """Return (type id, name) of each FUNC."""
        return [(type_id, self.string(name)) for type_id, name in self._index.of_kind(FUNC)]

    def data_sections(self) -> list[tuple[int, str]]:
        """Return (type id, section name) of each DATASEC."""
        return [(type_id, self.string(name)) for type_id, name in self._index.of_kind(DATASEC)]

    def data_section(self, name: str) -> int:
        """Return the id of the DATASEC with a name; 0 where there is none."""
        return next((type_id for type_id, section in self.data_sections() if section == name), 0)

    def section_variables(self, type_id: int) -> list[SectionVariable]:
        """Return the variables (and, of ``.ksyms``, functions) of a DATASEC, in the order of the file."""
        words, start = self._extra(type_id, DATASEC)
        return [
            SectionVariable(self.name(words[i]), self.referred(words[i]), words[i], words[i + 1], words[i + 2])
            for i in range(start, start + 3 * self.vlen(type_id), 3)
        ]

    def global_variables(self, type_id: int) -> list[str]:
        """Return the names of the variables of a DATASEC that are not static."""
        return [v.name for v in self.section_variables(type_id) if self.linkage(v.variable_id)]

    def named(self, names: Iterable[str], *kinds: int) -> dict[str, list[int]]:
        """Return the types of each name and one of some kinds (any kind where none is named), whatever their flavour,
        the part of a name after ``___``.

        Looks for all names at once, since a kernel has more than 100,000 types; leaves out those of the base.
        """
        offsets = self._offsets(frozenset(names))
        return self._index.named(offsets, kinds or range(1, ENUM64 + 1)) if offsets else {}

    def _offsets(self, names: frozenset[str]) -> dict[int, str]:
        """Return {offset: name} of the strings, the base's included, that equal one of some names but for a flavour.

        The result is kept: every module is searched for the same names.
        """
        known = self._name_offsets.get(names)
        if known is None:
            own = name_offsets(self._strings, names)
            known = self._name_offsets[names] = {self._strings_start + offset: name for offset, name in own.items()}
        return {**self._base._offsets(names), **known} if self._base is not None else known

    def find(self, name: str, *kinds: int) -> int:
        """Return the id of the first type with a name and one of some kinds; 0 where there is none."""
        return next((i for i in self.named([name], *kinds).get(name, ()) if self.name(i) == name), 0)

    def for_kernel(self, sizes: Mapping[str, int], offsets: Mapping[tuple[str, str], int]) -> bytes:
        """Return the bytes for BPF_BTF_LOAD.

        Compilers leave the size of a DATASEC and the offsets of its global variables zero; the kernel wants them.
        A linker (``bpftool gen object``) has filled them in already, and may have brought static variables of
        one name together. ``sizes`` has the bytes of each ELF section, ``offsets`` those of (section, variable).
        """
        types = bytearray(self._types)
        for type_id, section in self.data_sections():
            if section not in sizes:
                continue
            filled_in = self.referred(type_id) != 0
            entries = sorted(
                (
                    v.offset
                    if filled_in or not self.linkage(v.variable_id)
                    else min(offsets.get((section, v.name), v.offset), 0xFFFFFFFF),
                    v.size,
                    v.variable_id,
                )
                for v in self.section_variables(type_id)
            )
            start = self.position(type_id) * 4
            _U32.pack_into(types, start + 8, sizes[section])
            for index, (offset, size, variable) in enumerate(entries):
                _SECTION_VARIABLE.pack_into(types, start + 12 + index * 12, variable, offset, size)
        header = HEADER.pack(MAGIC, 1, self._flags, HEADER.size, 0, len(types), len(types), len(self._strings))
        return header + bytes(types) + self._strings
