"""Downgrade BTF for kernels that do not know all of its kinds, each to a kind they know, of the same length."""

from __future__ import annotations

import struct

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import HEADER, Btf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.bpf.kernel.features import Features

_WORD = struct.Struct("<I")
_BYTE = 8  # BTF_INT: 8 bits at offset 0, no encoding
_EXTERN = 2  # BTF_FUNC_EXTERN
#: The feature that a kind needs; kinds that are not here are as old as BTF.
NEEDS = {
    b.VAR: "btf_datasec",
    b.DATASEC: "btf_datasec",
    b.FLOAT: "btf_float",
    b.DECL_TAG: "btf_decl_tag",
    b.TYPE_TAG: "btf_type_tag",
    b.ENUM64: "btf_enum64",
}


def downgrade(image: bytes, features: Features) -> bytes:
    """Return the BTF image unchanged if the kernel knows all its kinds, else one with substitutes.

    A variable or declaration tag becomes an integer, a DATASEC a structure, a floating point number an empty structure
    without a name, a type tag a const, a 64-bit enum a union. An extern function, which no kernel takes, becomes a
    typedef: programs that call one cannot be linked.
    """
    btf = Btf(image)
    kinds = {btf.kind(type_id) for type_id in range(1, len(btf))}
    unknown = {kind for kind in kinds & NEEDS.keys() if not features.has(NEEDS[kind])}
    undefined = [
        type_id for type_id in range(1, len(btf)) if btf.kind(type_id) == b.FUNC and btf.linkage(type_id) == _EXTERN
    ]
    if not unknown and not undefined:
        return image
    editor = _Editor(btf, image)
    for type_id in undefined:
        editor.set_kind(type_id, b.TYPEDEF)
    for type_id in range(1, len(btf)):
        kind = btf.kind(type_id)
        if kind in unknown:
            _SUBSTITUTES[kind](editor, type_id)
    return bytes(editor.data)


def make_functions_static(image: bytes) -> bytes:
    """Return the BTF image with its functions static, so that the verifier checks them where they are called.

    Extern ones stay, for :func:`downgrade` to find.
    """
    btf = Btf(image)
    editor = _Editor(btf, image)
    for type_id in range(1, len(btf)):
        if btf.kind(type_id) == b.FUNC and btf.linkage(type_id) != _EXTERN:
            editor.set_kind(type_id, b.FUNC)
    return bytes(editor.data)


class _Editor:
    def __init__(self, btf: Btf, image: bytes) -> None:
        self.btf = btf
        self.data = bytearray(image)
        self._strings = HEADER.size + HEADER.unpack_from(image)[5]
        self.integer = next((i for i in range(1, len(btf)) if btf.kind(i) == b.INT and btf.size(i) <= 4), 0)

    def word(self, type_id: int, index: int) -> int:
        return int(_WORD.unpack_from(self.data, self._at(type_id, index))[0])

    def set(self, type_id: int, index: int, value: int) -> None:
        _WORD.pack_into(self.data, self._at(type_id, index), value)

    def set_kind(self, type_id: int, kind: int, *, vlen: int = 0) -> None:
        self.set(type_id, 1, kind << 24 | vlen)

    def make_identifier(self, offset: int) -> None:
        """Turn the name of a section or variable into one that a structure or its member may have."""
        start = self._strings + offset
        end = self.data.index(0, start)
        self.data[start:end] = self.data[start:end].replace(b".", b"_").replace(b"?", b"_")

    def _at(self, type_id: int, index: int) -> int:
        return HEADER.size + (self.btf.position(type_id) + index) * 4


def _to_integer(editor: _Editor, type_id: int) -> None:
    editor.set_kind(type_id, b.INT)
    editor.set(type_id, 2, 1)
    editor.set(type_id, 3, _BYTE)


def _to_structure(editor: _Editor, type_id: int) -> None:
    """Turn a DATASEC into a structure: entries (variable, offset, size) become members (name, type, bit offset)."""
    variables = editor.btf.section_variables(type_id)
    editor.make_identifier(editor.word(type_id, 0))
    editor.set_kind(type_id, b.STRUCT, vlen=len(variables))
    for index, variable in enumerate(variables):
        name = editor.word(variable.variable_id, 0)
        editor.make_identifier(name)  # a static variable of a function has a dot in its name, which members may not
        for word, value in enumerate((name, variable.type_id, variable.offset * 8)):
            editor.set(type_id, 3 + 3 * index + word, value)


def _to_empty_structure(editor: _Editor, type_id: int) -> None:
    """Replace a type by an empty structure without a name: a structure cannot be called ``long double``."""
    editor.set(type_id, 0, 0)
    editor.set_kind(type_id, b.STRUCT)


def _to_const(editor: _Editor, type_id: int) -> None:
    editor.set(type_id, 0, 0)
    editor.set_kind(type_id, b.CONST)


def _to_union(editor: _Editor, type_id: int) -> None:
    count = editor.btf.vlen(type_id)
    editor.set_kind(type_id, b.UNION, vlen=count)
    for index in range(count):
        editor.set(type_id, 3 + 3 * index + 1, editor.integer)
        editor.set(type_id, 3 + 3 * index + 2, 0)


_SUBSTITUTES: dict[int, Callable[[_Editor, int], None]] = {
    b.VAR: _to_integer,
    b.DECL_TAG: _to_integer,
    b.DATASEC: _to_structure,
    b.FLOAT: _to_empty_structure,
    b.TYPE_TAG: _to_const,
    b.ENUM64: _to_union,
}
