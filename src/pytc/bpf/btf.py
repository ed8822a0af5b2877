"""BTF: the type information of a BPF object.

Layout (Documentation/bpf/btf.rst): a header ``magic u16, version u8, flags u8, hdr_len u32, type_off u32,
type_len u32, str_off u32, str_len u32``, then types (``name_off u32, info u32, size_or_type u32`` and what the
kind adds), then strings.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

from pytc.errors import ObjectError

MAGIC = 0xEB9F
HEADER = struct.Struct("<HBBIIIII")
_SECTION_VARIABLE = struct.Struct("<III")
_U32 = struct.Struct("<I")
_MAX_DEPTH = 64

(VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR,
 DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64) = range(20)
_MODIFIERS = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})

# Words (u32) of a type, by kind: those that each has, and those for each of its vlen members.
_FIXED = [3] * 20 + [1 << 40] * 12
_EACH = [0] * 32
for _kind, _words in ((INT, 4), (ARRAY, 6), (VAR, 4), (DECL_TAG, 4)):
    _FIXED[_kind] = _words
for _kind, _words in ((STRUCT, 3), (UNION, 3), (ENUM, 2), (FUNC_PROTO, 2), (DATASEC, 3), (ENUM64, 3)):
    _EACH[_kind] = _words


class _Steps(dict[int, int]):
    """Words of a type by its second word, ``info``: computed once for each of the few thousand that there are."""

    def __missing__(self, info: int) -> int:
        kind = info >> 24 & 0x1F
        step = self[info] = _FIXED[kind] + _EACH[kind] * (info & 0xFFFF)
        return step


class Member(NamedTuple):
    """A member of a struct or union; ``bits`` is the size of a bit field, 0 for other members."""

    name: str
    type_id: int
    bit_offset: int
    bits: int = 0


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
        if type_size % 4:
            raise ObjectError(f".BTF has {type_size} bytes of types, no multiple of 4")
        self._types = data[header + type_at:header + type_at + type_size]
        self._strings = data[header + string_at:header + string_at + string_size]
        self._words = memoryview(self._types).cast("I")
        self._at = self._walk()

    def _walk(self) -> list[int]:
        """The first word of each type. A loop over 130,000 types for a kernel's BTF: kept plain."""
        words, positions, at, end = self._words, [0], 0, len(self._words)
        steps, add = _Steps(), positions.append
        try:
            while True:
                add(at)
                at += steps[words[at + 1]]
        except IndexError:
            last = positions.pop()
        if last < end:  # it should be the position behind the last type
            raise self._cut_off(last, len(positions))
        if last > end:
            raise self._cut_off(positions[-1], len(positions) - 1)
        return positions

    def _cut_off(self, at: int, type_id: int) -> ObjectError:
        kind = self._words[at + 1] >> 24 & 0x1F if at + 1 < len(self._words) else VOID
        if kind > ENUM64:
            return ObjectError(f".BTF: type {type_id} is of unknown kind {kind}")
        return ObjectError(f".BTF: type {type_id} is cut off")

    def __len__(self) -> int:
        """Number of types, ``void`` included."""
        return len(self._at)

    def _header(self, type_id: int) -> tuple[int, int, int]:
        if not 0 < type_id < len(self._at):
            if type_id == 0:
                return 0, 0, 0
            raise ObjectError(f".BTF: type {type_id} of {len(self._at)}")
        at = self._at[type_id]
        return self._words[at], self._words[at + 1], self._words[at + 2]

    def position(self, type_id: int) -> int:
        """The first word of a type among the words of all types."""
        self._header(type_id)
        return self._at[type_id]

    def _extra(self, type_id: int, *kinds: int) -> int:
        """The position of the word behind the three that every type has, of a type of one of these kinds."""
        kind = self.kind(type_id)
        if kind not in kinds:
            raise ObjectError(f".BTF: type {type_id} is of kind {kind}, where {' or '.join(map(str, kinds))} belongs")
        return self._at[type_id] + 3

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

    def vlen(self, type_id: int) -> int:
        """Number of members, enumerators, parameters or variables."""
        return self._header(type_id)[1] & 0xFFFF

    def flag(self, type_id: int) -> bool:
        """``kind_flag``: bit fields in a struct, signed values in an enum, a union in a forward declaration."""
        return bool(self._header(type_id)[1] >> 31)

    def members(self, type_id: int) -> list[Member]:
        """Members of a struct or union."""
        return [self.member(type_id, index) for index in range(self.vlen(type_id))]

    def member(self, type_id: int, index: int) -> Member:
        """One member of a struct or union; raises ObjectError when there are not so many."""
        if not 0 <= index < self.vlen(type_id):
            raise ObjectError(f".BTF: member {index} of type {type_id}, which has {self.vlen(type_id)}")
        at = self._extra(type_id, STRUCT, UNION) + 3 * index
        name, member_type, offset = self._words[at], self._words[at + 1], self._words[at + 2]
        if not self.flag(type_id):
            return Member(self.string(name), member_type, offset)
        return Member(self.string(name), member_type, offset & 0xFFFFFF, offset >> 24)

    def array(self, type_id: int) -> tuple[int, int]:
        """(element type, number of elements) of an array."""
        at = self._extra(type_id, ARRAY)
        return self._words[at], self._words[at + 2]

    def parameters(self, type_id: int) -> list[tuple[str, int]]:
        """(name, type) of each parameter of a function prototype."""
        at = self._extra(type_id, FUNC_PROTO)
        return [(self.string(self._words[at + 2 * i]), self._words[at + 2 * i + 1])
                for i in range(self.vlen(type_id))]

    def is_signed(self, type_id: int) -> bool:
        """Whether an integer or enum is signed."""
        if self.kind(type_id) == INT:
            return bool(self._words[self._extra(type_id, INT)] >> 24 & 1)
        return self.kind(type_id) in (ENUM, ENUM64) and self.flag(type_id)

    def integer(self, type_id: int) -> tuple[int, int, int]:
        """(encoding bits, bit offset, number of bits) of an integer."""
        word = self._words[self._extra(type_id, INT)]
        return word >> 24 & 0xF, word >> 16 & 0xFF, word & 0xFF

    def enumerators(self, type_id: int) -> list[tuple[str, int]]:
        """(name, value as unsigned) of an enum."""
        at, words, string = self._extra(type_id, ENUM, ENUM64), self._words, self.string
        if self.kind(type_id) == ENUM64:
            return [(string(words[i]), words[i + 1] | words[i + 2] << 32)
                    for i in range(at, at + 3 * self.vlen(type_id), 3)]
        return [(string(words[i]), words[i + 1]) for i in range(at, at + 2 * self.vlen(type_id), 2)]

    def linkage(self, type_id: int) -> int:
        """0 static, 1 global, 2 extern; of a function or a variable."""
        return self._words[self._extra(type_id, VAR)] if self.kind(type_id) == VAR else self.vlen(type_id)

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
        words = self._words
        for type_id, at in enumerate(self._at):
            if type_id and words[at + 1] >> 24 & 0x1F == DATASEC:
                yield type_id, self.name(type_id)

    def data_section(self, name: str) -> int:
        """The type id of the DATASEC of that name, 0 when there is none."""
        return next((type_id for type_id, found in self.data_sections() if found == name), 0)

    def section_variables(self, type_id: int) -> list[SectionVariable]:
        """The variables (and, of ``.ksyms``, functions) of a DATASEC, in the order of the file."""
        at, words = self._extra(type_id, DATASEC), self._words
        return [SectionVariable(self.name(words[i]), self.referred(words[i]), words[i], words[i + 1], words[i + 2])
                for i in range(at, at + 3 * self.vlen(type_id), 3)]

    def named(self, names: Iterable[str]) -> dict[str, list[int]]:
        """The types of each name, whatever their kind and flavour (what follows ``___`` in a name).

        For all names at once: a kernel has more than 100,000 types.
        """
        wanted: dict[int, str] = {}
        for name in names:
            wanted.update(dict.fromkeys(self._places(name), name))
        found: dict[str, list[int]] = {}
        every = self._name_offsets() if wanted else b""
        for offset, name in wanted.items():
            pattern = offset.to_bytes(4, "little")
            at = every.find(pattern, 4)
            while at >= 0:
                if not at % 4:
                    found.setdefault(name, []).append(at // 4)
                at = every.find(pattern, at + 1)
        return {name: sorted(ids) for name, ids in found.items()}

    def _name_offsets(self) -> bytes:
        """name_off of every type as u32, by id: gathered and then searched at the speed of C."""
        if len(self._at) < 2:
            return bytes(4)
        gathered = itemgetter(*self._at)(self._words)
        return array("I", gathered).tobytes()

    def _places(self, name: str) -> Iterator[int]:
        """Offsets at which the string section has a name, with or without a flavour."""
        text = name.encode()
        at = self._strings.find(text)
        while at >= 0 and text:
            end = at + len(text)
            if self._strings[end:end + 1] == b"\0" or self._strings[end:end + 3] == b"___":
                yield at
            at = self._strings.find(text, at + 1)

    def find(self, name: str, *kinds: int) -> int:
        """The id of the first type of that name and one of those kinds, 0 when there is none."""
        return next((i for i in self.named([name]).get(name, ()) if self.kind(i) in kinds and self.name(i) == name), 0)

    def for_kernel(self, sizes: Mapping[str, int], offsets: Mapping[tuple[str, str], int]) -> bytes:
        """The bytes for BPF_BTF_LOAD.

        Compilers leave the size of a DATASEC and the offsets of its global variables zero; the kernel wants them.
        A linker (``bpftool gen object``) has filled them in already, and may have brought static variables of
        one name together. ``sizes`` has the bytes of each ELF section, ``offsets`` those of (section, variable).
        """
        types = bytearray(self._types)
        for type_id, section in list(self.data_sections()):
            if section not in sizes:
                continue
            filled_in = self.referred(type_id) != 0
            placed = sorted(
                (v.offset if filled_in or not self.linkage(v.variable_id)
                 else min(offsets.get((section, v.name), v.offset), 0xFFFFFFFF), v.size, v.variable_id)
                for v in self.section_variables(type_id))
            at = self._at[type_id] * 4
            _U32.pack_into(types, at + 8, sizes[section])
            for index, (offset, size, variable) in enumerate(placed):
                _SECTION_VARIABLE.pack_into(types, at + 12 + index * 12, variable, offset, size)
        header = HEADER.pack(MAGIC, 1, self._flags, HEADER.size, 0, len(types), len(types),
                             len(self._strings))
        return header + bytes(types) + self._strings
