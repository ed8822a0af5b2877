"""Compile BTF types to codecs."""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.codec.compound import Array, Bits, Structure, StructureMember, Text
from pytc.bpf.codec.scalars import Enumeration, Float, Integer, hex_codec, ip_codec
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytc.bpf.btf.types import Btf, Member
    from pytc.bpf.codec.scalars import Codec

_BOOL, _CHAR = 4, 2  # BTF_INT_BOOL, BTF_INT_CHAR
_MAX_DEPTH = 32
_MAX_LEAVES = 1 << 16
_POINTER_BYTES = 8
_LARGEST_INTEGER = 16
_ENUM_SIZES = (1, 2, 4, 8)

#: Members that belong to the kernel: zeros when they are read, ignored when they are written.
_KERNELS_OWN = frozenset(
    {
        "bpf_spin_lock",
        "bpf_res_spin_lock",
        "bpf_timer",
        "bpf_wq",
        "bpf_task_work",
        "bpf_list_head",
        "bpf_list_node",
        "bpf_rb_root",
        "bpf_rb_node",
        "bpf_refcount",
    }
)
#: Typedefs and structures in network byte order.
_BIG_ENDIAN = {"__be16": 2, "__be64": 8}
_ADDRESSES = {"__be32": 4, "in_addr": 4, "in6_addr": 16}


def btf_codec(btf: Btf, type_id: int, *, max_leaves: int = _MAX_LEAVES, in_map: bool = False) -> Codec:
    """Return the codec of a type; raises ObjectError for BTF that makes no sense, or a value of more than
    ``max_leaves`` parts.

    ``in_map`` is for what programs and user space share in maps: ``__be16`` and ``__be64`` are numbers in network byte
    order, ``__be32``, ``struct in_addr`` and ``struct in6_addr`` IP addresses, and locks, timers and their like are
    left out. Without it, values are what a C initializer has.
    """
    return _Compilation(btf, max_leaves, in_map=in_map).codec(type_id)


def has_spin_lock(btf: Btf, type_id: int) -> bool:
    """Return whether a map's value has a ``struct bpf_spin_lock``, so that BPF_F_LOCK works."""
    type_id = btf.resolve(type_id)
    return btf.kind(type_id) == b.STRUCT and any(
        btf.name(btf.resolve(member.type_id)) == "bpf_spin_lock" for member in btf.members(type_id)
    )


class _Compilation:
    """A compiler of types to codecs, each compiled once. Unions may hold unions, so that few bytes can hold many
    values."""

    def __init__(self, btf: Btf, max_leaves: int, *, in_map: bool) -> None:
        self._btf, self._max_leaves, self._in_map = btf, max_leaves, in_map
        self._compiled: dict[int, Codec] = {}

    def codec(self, type_id: int, depth: int = 0) -> Codec:
        """Return the codec of a type; raises ObjectError."""
        if type_id in self._compiled:
            return self._compiled[type_id]
        if depth > _MAX_DEPTH:
            raise self._too_many(type_id)
        codec = self._special(type_id) if self._in_map else None
        if codec is None:
            resolved = self._btf.resolve(type_id)
            compiler = _COMPILERS.get(self._btf.kind(resolved))
            codec = compiler(self, resolved, depth) if compiler else hex_codec(self._btf.size(resolved))
        if codec.leaves > self._max_leaves:
            raise self._too_many(type_id)
        self._compiled[type_id] = codec
        return codec

    def _too_many(self, type_id: int) -> ObjectError:
        return ObjectError(f".BTF: type {type_id} has too many parts")

    def _special(self, type_id: int) -> Codec | None:
        """Return the codec that the name of a typedef or structure implies; None for other types."""
        for _ in range(_MAX_DEPTH):
            kind, name = self._btf.kind(type_id), self._btf.name(type_id)
            if name in _BIG_ENDIAN and kind == b.TYPEDEF:
                return Integer(_BIG_ENDIAN[name], big_endian=True)
            if name in _ADDRESSES and kind in (b.TYPEDEF, b.STRUCT) and self._btf.size(type_id) == _ADDRESSES[name]:
                return ip_codec(_ADDRESSES[name])
            if kind not in (b.TYPEDEF, b.VOLATILE, b.CONST, b.RESTRICT, b.TYPE_TAG):
                return None
            type_id = self._btf.referred(type_id)
        return None

    def integer(self, type_id: int, _depth: int) -> Codec:
        size = self._btf.size(type_id)
        if not 1 <= size <= _LARGEST_INTEGER:
            raise ObjectError(f".BTF: type {type_id} is an integer of {size} bytes")
        encoding, signed = self._btf.integer(type_id).encoding, self._btf.is_signed(type_id)
        return Integer(
            size, signed=signed, is_bool=bool(encoding & _BOOL), is_char=size == 1 and bool(encoding & _CHAR or signed)
        )

    def enum(self, type_id: int, _depth: int) -> Codec:
        size = self._btf.size(type_id)
        if size not in _ENUM_SIZES:
            raise ObjectError(f".BTF: type {type_id} is an enum of {size} bytes")
        names = dict(reversed(self._btf.enumerators(type_id)))
        return Enumeration(size, dict(reversed(names.items())), signed=self._btf.is_signed(type_id))

    def float(self, type_id: int, _depth: int) -> Codec:
        return Float(self._btf.size(type_id))

    def pointer(self, _type_id: int, _depth: int) -> Codec:
        return Integer(_POINTER_BYTES)

    def array(self, type_id: int, depth: int) -> Codec:
        element, count = self._btf.array(type_id)
        item = self.codec(element, depth + 1)
        if isinstance(item, Integer) and count and self._is_char(element):
            return Text(count, item)
        return Array(item, count)

    def _is_char(self, type_id: int) -> bool:
        type_id = self._btf.resolve(type_id)
        return (
            self._btf.kind(type_id) == b.INT
            and self._btf.size(type_id) == 1
            and (self._btf.name(type_id) == "char" or bool(self._btf.integer(type_id).encoding & _CHAR))
        )

    def structure(self, type_id: int, depth: int) -> Codec:
        members = []
        for index, member in enumerate(self._btf.members(type_id)):
            compiled = self._member(member, index, depth)
            if compiled is not None:
                members.append(compiled)
        return self._bounded(type_id, members, self._padding(type_id) if self._in_map else ())

    def _bounded(
        self, type_id: int, members: list[StructureMember], padding: Sequence[StructureMember] = ()
    ) -> Structure:
        """Return a structure; raises ObjectError for a member that lies beyond its end."""
        size = self._btf.size(type_id)
        for member in members:
            if member.offset + member.codec.size > size:
                raise ObjectError(
                    f'.BTF: member "{member.name}" of type {type_id} ends at byte {member.offset + member.codec.size}, '
                    f"and the type has {size} bytes"
                )
        return Structure(size, members, padding)

    def _padding(self, type_id: int) -> list[StructureMember]:
        """Return the bytes that no member has, each run as a member ``pad_OFFSET``."""
        spans = sorted(self._spans(type_id, 0, 0))
        names = {member.name for member in self._btf.members(type_id)}
        result, end = [], 0
        for first, last in [*spans, (self._btf.size(type_id), 0)] if spans else []:
            if first > end and f"pad_{end}" not in names:
                result.append(StructureMember(f"pad_{end}", end, hex_codec(first - end)))
            end = max(end, last)
        return result

    def _spans(self, type_id: int, offset: int, depth: int) -> Iterator[tuple[int, int]]:
        """Yield the bytes of each member, of unnamed structures those of their members."""
        for member in self._btf.members(type_id):
            first = offset + member.bit_offset // 8
            resolved = self._btf.resolve(member.type_id)
            if not member.name and self._btf.kind(resolved) in (b.STRUCT, b.UNION) and depth < _MAX_DEPTH:
                yield from self._spans(resolved, first, depth + 1)
            elif member.bits:
                yield first, offset + (member.bit_offset + member.bits + 7) // 8
            else:
                yield first, first + self._btf.size(member.type_id)

    def _member(self, member: Member, index: int, depth: int) -> StructureMember | None:
        if member.bits:
            return self._bit_field(member, depth) if member.name else None  # an unnamed one is a gap
        resolved = self._btf.resolve(member.type_id)
        if self._in_map and self._btf.kind(resolved) == b.STRUCT and self._btf.name(resolved) in _KERNELS_OWN:
            return None
        codec = self.codec(member.type_id, depth + 1)
        if not member.name and isinstance(codec, Structure):
            codec = Structure(codec.size, codec.members)  # its padding is the outer one's
        name = member.name if member.name or isinstance(codec, Structure) else f"member {index}"
        return StructureMember(name, member.bit_offset // 8, codec)

    def _bit_field(self, member: Member, depth: int) -> StructureMember:
        first, last = member.bit_offset // 8, (member.bit_offset + member.bits - 1) // 8
        base = self.codec(self._btf.resolve(member.type_id), depth + 1)
        return StructureMember(member.name, first, Bits(base, last - first + 1, member.bit_offset % 8, member.bits))

    def data_section(self, type_id: int, depth: int) -> Codec:
        """Return the codec of a data map: its variables as members."""
        variables = self._btf.section_variables(type_id)
        members = [StructureMember(v.name, v.offset, self.codec(v.type_id, depth + 1)) for v in variables]
        return self._bounded(type_id, members)


_COMPILERS: dict[int, Callable[[_Compilation, int, int], Codec]] = {
    b.INT: _Compilation.integer,
    b.ENUM: _Compilation.enum,
    b.ENUM64: _Compilation.enum,
    b.FLOAT: _Compilation.float,
    b.PTR: _Compilation.pointer,
    b.ARRAY: _Compilation.array,
    b.STRUCT: _Compilation.structure,
    b.UNION: _Compilation.structure,
    b.DATASEC: _Compilation.data_section,
}
