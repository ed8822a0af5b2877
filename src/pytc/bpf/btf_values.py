"""Bytes to values, by their BTF type; :mod:`pytc.bpf.btf_encode` goes the other way."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Union

from pytc.bpf import btf as b
from pytc.bpf.btf import Btf, Member
from pytc.errors import ObjectError

Value = Union[bool, int, float, str, list["Value"], dict[str, "Value"]]  # noqa: UP007 (names itself)

_BOOL, _CHAR = 4, 2  # BTF_INT_BOOL, BTF_INT_CHAR
_FLOATS = {4: "<f", 8: "<d"}
_MAX_DEPTH = 32
_MAX_VALUES = 1 << 16


class Enumerator(str):
    """A name of an enum, which is not a string of the object."""

    __slots__ = ()


class Raw(str):
    """Bytes in hex, where the type says nothing."""

    __slots__ = ()


def decode(btf: Btf, type_id: int, data: bytes) -> Value:
    """The value of a variable: bool, int, float, text of a char array, :class:`Enumerator`, list, or a dict by member.

    Hex where ``data`` is no value of the type; raises ObjectError for BTF that makes no sense, or has no end.
    """
    return _Decoding(btf).decode(type_id, data)


class _Decoding:
    """Unions may hold unions: what is in few bytes can be many values."""

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._left = _MAX_VALUES

    def decode(self, type_id: int, data: bytes, depth: int = 0) -> Value:
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            raise ObjectError(f".BTF: type {type_id} has too many parts")
        type_id = self._btf.resolve(type_id)
        decoder = _DECODERS.get(self._btf.kind(type_id))
        if decoder is None or self._btf.size(type_id) > len(data):
            return Raw(data.hex())
        return decoder(self, type_id, data[:self._btf.size(type_id)], depth)

    def integer(self, type_id: int, data: bytes, _depth: int) -> Value:
        number = int.from_bytes(data, "little", signed=self._btf.is_signed(type_id))
        return bool(number) if self._is_bool(type_id) and number in (0, 1) else number

    def _is_bool(self, type_id: int) -> bool:
        return bool(self._btf.integer(type_id)[0] & _BOOL)

    def enum(self, type_id: int, data: bytes, _depth: int) -> Value:
        number = int.from_bytes(data, "little", signed=self._btf.is_signed(type_id))
        return self._enumerator(type_id, number, 8 * len(data))

    def _enumerator(self, type_id: int, number: int, bits: int) -> Value:
        mask = (1 << bits) - 1
        names = self._btf.enumerators(type_id)
        return next((Enumerator(name) for name, value in names if value & mask == number & mask), number)

    def float(self, _type_id: int, data: bytes, _depth: int) -> Value:
        if len(data) not in _FLOATS:
            return Raw(data.hex())
        number: float = struct.unpack(_FLOATS[len(data)], data)[0]
        # JSON has neither infinities nor NaN.
        return number if math.isfinite(number) else Raw(data.hex())

    def pointer(self, _type_id: int, data: bytes, _depth: int) -> Value:
        return int.from_bytes(data, "little")

    def array(self, type_id: int, data: bytes, depth: int) -> Value:
        element, count = self._btf.array(type_id)
        size = self._btf.size(element)
        if not size or not count:
            return []
        text = _text(data) if self._is_char(element) else None
        if text is not None:
            return text
        return [self.decode(element, data[at:at + size], depth + 1) for at in range(0, size * count, size)]

    def _is_char(self, type_id: int) -> bool:
        type_id = self._btf.resolve(type_id)
        return self._btf.kind(type_id) == b.INT and self._btf.size(type_id) == 1 and (
            self._btf.name(type_id) == "char" or bool(self._btf.integer(type_id)[0] & _CHAR))

    def structure(self, type_id: int, data: bytes, depth: int) -> Value:
        value: dict[str, Value] = {}
        for number, member in enumerate(self._btf.members(type_id)):
            found = self._member(member, data, depth)
            if not member.name and isinstance(found, dict):
                value.update(found)
            elif member.name or not member.bits:  # an unnamed bit field is a gap
                value[member.name or f"member {number}"] = found
        return value

    def _member(self, member: Member, data: bytes, depth: int) -> Value:
        if not member.bits:
            at = member.bit_offset // 8
            return self.decode(member.type_id, data[at:at + self._btf.size(member.type_id)], depth + 1)
        type_id = self._btf.resolve(member.type_id)
        number = int.from_bytes(data, "little") >> member.bit_offset & (1 << member.bits) - 1
        if self._btf.is_signed(type_id) and number >> member.bits - 1:
            number -= 1 << member.bits
        if self._btf.kind(type_id) in (b.ENUM, b.ENUM64):
            return self._enumerator(type_id, number, member.bits)
        return bool(number) if self._btf.kind(type_id) == b.INT and self._is_bool(type_id) else number


def _text(data: bytes) -> str | None:
    """A string that fills its array or ends with zeros only; None for anything else."""
    text = data.rstrip(b"\0")
    try:
        return None if b"\0" in text else text.decode()
    except UnicodeDecodeError:
        return None


_DECODERS: dict[int, Callable[[_Decoding, int, bytes, int], Value]] = {
    b.INT: _Decoding.integer, b.ENUM: _Decoding.enum, b.ENUM64: _Decoding.enum, b.FLOAT: _Decoding.float,
    b.PTR: _Decoding.pointer, b.ARRAY: _Decoding.array, b.STRUCT: _Decoding.structure, b.UNION: _Decoding.structure,
}


def value_text(value: Value) -> str:
    """A value as C would write it: ``"text"``, ``{ 53, 67 }``, ``{ .port = 53 }``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Enumerator, Raw)):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_CHARACTERS.get(c, c if c.isprintable() else _escaped(c)) for c in value) + '"'
    if isinstance(value, Mapping):
        return _braced([f".{name} = {value_text(member)}" for name, member in value.items()])
    if isinstance(value, Sequence):
        return _braced([value_text(element) for element in value])
    return str(value)


_CHARACTERS = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _braced(parts: list[str]) -> str:
    return f"{{ {', '.join(parts)} }}" if parts else "{ }"
