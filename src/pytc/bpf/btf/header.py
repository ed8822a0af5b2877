"""Print all types of BTF as a C header that compiles, in the order that C needs: ``vmlinux.h``.

Sizes and offsets are those of the BTF: padding is written out, and structures are packed where they are not aligned.
With ``preserve_access_index``, a program that includes the header finds members where the kernel that runs it has them.
"""

from __future__ import annotations

import re

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import Declarations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.btf.types import Btf, Member

_TAGS = (b.STRUCT, b.UNION, b.ENUM, b.ENUM64)
_REFERRING = (b.CONST, b.VOLATILE, b.RESTRICT, b.TYPE_TAG)
#: The compiler's own typedefs, which are others for BPF than for the kernel.
_BUILT_IN = ("__builtin_va_list",)
_NO_LIMIT = 1 << 16
_BEGIN = """\
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

"""
_END = """
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
"""


def header(btf: Btf) -> Iterator[str]:
    """Yield the lines of a header with all types; raises ObjectError for BTF that makes no sense."""
    yield _BEGIN
    writer = _Writer(btf)
    for type_id in range(1, len(btf)):
        kind = btf.kind(type_id)
        if kind in (*_TAGS, b.TYPEDEF) and (btf.name(type_id) or kind in (b.ENUM, b.ENUM64)):
            writer.require(type_id, whole=True)
            yield from writer.take()
    yield _END


class _Writer(Declarations):
    empty = "0"  # unlike [], it may be the only member, and stand before others

    def __init__(self, btf: Btf) -> None:
        super().__init__(btf, _NO_LIMIT, _NO_LIMIT)
        self._lines: list[str] = []
        self._names = _unique_names(btf)
        self._known_enumerators: set[str] = set()
        self._inner_enums = _inner_enums(btf)
        self._begun: set[int] = set()
        self._forward: set[str] = set()
        self._alignments: dict[int, int] = {}
        self._pads = 0

    def take(self) -> list[str]:
        """Return the lines that have been written, and forget them."""
        lines, self._lines = self._lines, []
        return lines

    def name(self, type_id: int) -> str:
        """Return the name of a type: that of another one that has it, too, ends with a number."""
        name = self._names.get(type_id) or self.btf.name(type_id)
        return name if self.btf.kind(type_id) in (b.INT, b.FLOAT) else _identifier(name)

    def require(self, type_id: int, *, whole: bool) -> None:
        """Write what has to stand before a declaration with a type; ``whole`` where its size counts."""
        btf = self.btf
        kind = btf.kind(type_id)
        if kind in _REFERRING:
            self.require(btf.referred(type_id), whole=whole)
        elif kind == b.PTR:
            self.require(btf.referred(type_id), whole=False)
        elif kind == b.ARRAY:
            self.require(btf.array(type_id).element, whole=True)
        elif kind == b.FUNC_PROTO:
            for number in (btf.referred(type_id), *(of for _, of in btf.parameters(type_id))):
                self.require(number, whole=False)
        elif kind == b.TYPEDEF:
            self._typedef(type_id, whole=whole)
        elif kind in (b.ENUM, b.ENUM64):
            self._define(type_id, ())
        elif kind in (b.STRUCT, b.UNION):
            if whole or not btf.name(type_id):
                self._define(type_id, btf.members(type_id))
            else:
                self._declare_forward(f"{'struct' if kind == b.STRUCT else 'union'} {self.name(type_id)}")
        elif kind == b.FWD:
            self._declare_forward(f"{'union' if btf.flag(type_id) else 'struct'} {self.name(type_id)}")

    def _typedef(self, type_id: int, *, whole: bool) -> None:
        target = self.btf.referred(type_id)
        self.require(target, whole=whole)
        if type_id not in self._begun:
            self._begun.add(type_id)
            self._lines.append(f"typedef {self.declare(target, self.name(type_id))};\n\n")

    def _declare_forward(self, text: str) -> None:
        if text not in self._forward:
            self._forward.add(text)
            self._lines.append(f"{text};\n\n")

    def _define(self, type_id: int, members: list[Member] | tuple[()]) -> None:
        """Write a structure or enum with a name; of one without, what has to stand before it."""
        if type_id in self._begun:
            return
        self._begun.add(type_id)
        for member in members:
            self.require(member.type_id, whole=True)
        name, kind = self.name(type_id), self.btf.kind(type_id)
        if name or (kind in (b.ENUM, b.ENUM64) and type_id not in self._inner_enums):
            keyword = {b.STRUCT: "struct", b.UNION: "union"}.get(kind, "enum")
            self._lines.append(f"{keyword} {name}{' ' * bool(name)}{self.body(type_id, 0, 0)};\n\n")
            self._forward.add(f"{keyword} {name}")

    def body(self, type_id: int, depth: int, bodies: int) -> str:
        """Return the members of a structure, a line for each, or the enumerators of an enum."""
        kind = self.btf.kind(type_id)
        indent = "\t" * (bodies + 1)
        lines = self._enumerators(type_id) if kind in (b.ENUM, b.ENUM64) else self._members(type_id, depth, bodies)
        text = "".join(f"{indent}{line}\n" for line in lines)
        return f"{{\n{text}{indent[1:]}}}{self._attributes(type_id)}"

    def _attributes(self, type_id: int) -> str:
        kind, size = self.btf.kind(type_id), self.btf.size(type_id)
        if kind in (b.STRUCT, b.UNION):
            return " __attribute__((packed))" if self._is_packed(type_id) else ""
        if size < 4:
            return " __attribute__((packed))"
        return " __attribute__((mode(word)))" if size == 8 else ""

    def _enumerators(self, type_id: int) -> Iterator[str]:
        bits = 8 * self.btf.size(type_id)
        for name, encoded in self.btf.enumerators(type_id):
            unique = _next_unused(name, self._known_enumerators)
            value = encoded & ((1 << bits) - 1)
            if self.btf.flag(type_id) and value >> (bits - 1):
                value -= 1 << bits
            suffix = "ULL" if value >= 1 << 63 else "LL" if not -(1 << 31) <= value < 1 << 32 else ""
            yield f"{unique} = {value}{suffix},"

    def _members(self, type_id: int, depth: int, bodies: int) -> Iterator[str]:
        """Yield the members with the padding before each, and at the end."""
        is_union, packed = self.btf.kind(type_id) == b.UNION, self._is_packed(type_id)
        end = 0
        for member in self.btf.members(type_id):
            align = 8 if packed else 8 * self.alignment(member.type_id)
            width = member.bits or 8 * self.btf.size(member.type_id)
            if not is_union:
                yield from self._padding(end, member, align, packed=packed)
                end = member.bit_offset + width
            else:
                end = max(end, width)
            yield self.member(member, depth, bodies)
        whole = 8 * self.btf.size(type_id)
        natural = _up(end, 8 if packed else 8 * self.alignment(type_id))
        if whole > natural:
            size = (whole - (0 if is_union else _up(end, 8))) // 8
            yield self._pad(size)

    def _pad(self, size: int) -> str:
        """Return the declaration of padding; members of unnamed structures share names with those around them."""
        self._pads += 1
        return f"char __pad_{self._pads}[{size}];"

    def _padding(self, end: int, member: Member, align: int, *, packed: bool) -> Iterator[str]:
        """Yield what makes a member begin at its offset; ``end`` is where the one before ends."""
        if member.bits:
            size = 8 * self.btf.size(member.type_id)
            crosses = not packed and end // size != (end + member.bits - 1) // size
            natural = _up(end, size) if crosses else end
        else:
            natural = _up(end, align)
        if member.bit_offset <= natural:
            return
        boundary = _up(end, 8)
        whole = (member.bit_offset - boundary) // 8
        if whole > 0:
            yield self._pad(whole)
            boundary += 8 * whole
        else:
            boundary = end
        if member.bit_offset > boundary and member.bits:
            yield f"{self.declare(member.type_id, '')} : {member.bit_offset - boundary};"

    def _is_packed(self, type_id: int) -> bool:
        return self.alignment(type_id) == 1 and self._natural_alignment(type_id) > 1

    def alignment(self, type_id: int) -> int:
        """Return the alignment in bytes that a type has in the header."""
        type_id = self.btf.resolve(type_id)
        if type_id not in self._alignments:
            self._alignments[type_id] = self._find_alignment(type_id)
        return self._alignments[type_id]

    def _find_alignment(self, type_id: int) -> int:
        btf, kind = self.btf, self.btf.kind(type_id)
        if kind == b.ARRAY:
            return self.alignment(btf.array(type_id).element)
        if kind not in (b.STRUCT, b.UNION):
            return 8 if kind == b.PTR else max(1, min(16, btf.size(type_id)))
        natural = self._natural_alignment(type_id)
        is_aligned = btf.size(type_id) % natural == 0 and all(
            member.bits or member.bit_offset % (8 * self.alignment(member.type_id)) == 0
            for member in btf.members(type_id)
        )
        return natural if is_aligned else 1

    def _natural_alignment(self, type_id: int) -> int:
        return max((self.alignment(member.type_id) for member in self.btf.members(type_id)), default=1)


def _up(bits: int, step: int) -> int:
    return -(-bits // step) * step


def _identifier(name: str) -> str:
    """Return a name that C accepts: those of Rust have colons and brackets."""
    return name if name.isidentifier() and name.isascii() else re.sub(r"\W", "_", name, flags=re.ASCII)


def _unique_names(btf: Btf) -> dict[int, str]:
    """Return names for types that share theirs with another one: all but the first end with ``___2``, ``___3`` ..."""
    names: dict[int, str] = {}
    tags, typedefs = set[str](), {*_BUILT_IN}
    for type_id in range(1, len(btf)):
        kind = btf.kind(type_id)
        name = _identifier(btf.name(type_id)) if kind in (*_TAGS, b.TYPEDEF) else ""
        if name:
            unique = _next_unused(name, typedefs if kind == b.TYPEDEF else tags)
            if unique != name:
                names[type_id] = unique
    return names


def _next_unused(name: str, used: set[str]) -> str:
    unique, number = name, 1
    while unique in used:
        number += 1
        unique = f"{name}___{number}"
    used.add(unique)
    return unique


def _inner_enums(btf: Btf) -> set[int]:
    """Return unnamed enums that members, typedefs, arrays and others refer to, which define their enumerators."""
    found: set[int] = set()
    for type_id in range(1, len(btf)):
        kind = btf.kind(type_id)
        if kind in (b.STRUCT, b.UNION):
            found.update(member.type_id for member in btf.members(type_id))
        elif kind == b.ARRAY:
            found.add(btf.array(type_id).element)
        elif kind in (*_REFERRING, b.TYPEDEF, b.PTR):
            found.add(btf.referred(type_id))
    return found
