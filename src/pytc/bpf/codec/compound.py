"""Codecs with parts: arrays, structures, unions, bit fields, text, and values of many CPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytc.bpf.codec.scalars import (
    Codec,
    Column,
    Columns,
    Component,
    Enumeration,
    Enumerator,
    Integer,
    Style,
    format_value,
    limits,
    short,
)
from pytc.bpf.codec.text import address, from_json, is_number, mac, number, printable, quoted, shown
from pytc.errors import CodecError, shortlist
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.codec.scalars import Value

#: Arrays with more single values than this are not worth columns of their own.
_WIDEST = 64


class Text(Codec):
    """Characters of a fixed number: text where only zeros follow it, else a list of numbers."""

    def __init__(self, size: int, character: Integer) -> None:
        self.size, self.leaves = size, max(size, 1)
        self._numbers = _Characters(character, size)

    def decode(self, data: bytes) -> Value:
        text = data.rstrip(b"\0")
        try:
            return self._numbers.decode(data) if b"\0" in text else text.decode()
        except UnicodeDecodeError:
            return self._numbers.decode(data)

    def _encode(self, value: Any) -> bytes:
        # Text that fits is text, also if it looks like an address or a list: a list of as many numbers as there are
        # characters never fits, nor does any address but a short IPv6 one.
        if isinstance(value, str) and len(value.encode("utf-8", "surrogateescape")) <= self.size:
            return text_bytes(value, self.size)
        if not isinstance(value, Sequence):
            raise CodecError(f"{shown(value)} is not text")
        return self._numbers.encode(value)

    def element(self, index: int) -> Component:
        return self._numbers.element(index)


class String(Codec):
    r"""Bytes of a fixed number, always as text: bytes that are not UTF-8 stand as ``\xff``."""

    def __init__(self, size: int) -> None:
        self.size = size

    def decode(self, data: bytes) -> Value:
        return data.rstrip(b"\0").decode("utf-8", "backslashreplace")

    def _encode(self, value: Any) -> bytes:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise CodecError(f"{shown(value)} is not text")
        return text_bytes(value, self.size)


def text_bytes(text: str, size: int) -> bytes:
    """Return text with zeros after it, ``size`` bytes in all; raises CodecError when it is too long."""
    encoded = text.encode("utf-8", "surrogateescape")
    if len(encoded) > size:
        raise CodecError(f"{len(encoded)} bytes of text do not fit an array of {size}")
    return encoded.ljust(size, b"\0")


class Array(Codec):
    """Values of one type: ``count`` of them, ``stride`` bytes apart (0: the size of one)."""

    def __init__(self, item: Codec, count: int, *, stride: int = 0) -> None:
        self.item, self.count = item, count if item.size else 0
        self.stride = stride or item.size
        self.size = self.stride * self.count
        self.leaves = max(self.count * item.leaves, 1)

    def decode(self, data: bytes) -> Value:
        item, size, stride = self.item, self.item.size, self.stride
        return (
            [item.decode(data[offset : offset + size]) for offset in range(0, stride * self.count, stride)]
            if self.count
            else []
        )

    def _encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            encoded = self._parse_text(value)
            if encoded is not None:
                return encoded
            value = [word.strip() for word in value.split(",")]
        data = bytearray(self.size)
        self.store(data, 0, value)
        return bytes(data)

    def store(self, data: bytearray, offset: int, value: Any) -> None:
        """Store the elements, and leave gaps between them as they are."""
        if isinstance(value, (str, bytes)):
            super().store(data, offset, value)
            return
        elements = self._elements(value)
        for index, element in enumerate(elements):
            self.item.store(data, offset + index * self.stride, element)
        start = offset + len(elements) * self.stride
        data[start : offset + self.size] = bytes(offset + self.size - start)

    def _elements(self, value: Any) -> Sequence[Any]:
        """Return the elements that a value gives, of a number the first one; raises CodecError."""
        if isinstance(value, (int, float)):
            value = [value]
        if not isinstance(value, Sequence):
            raise CodecError(f"{shown(value)} is not a list of {self.count} elements")
        if len(value) > self.count:
            raise CodecError(f"{len(value)} elements for an array of {self.count}")
        return value

    def _parse_text(self, text: str) -> bytes | None:
        """Return the bytes that a text stands for: JSON or, for an array of bytes, an address or a string.

        Returns None for elements: one, or several with commas between them.
        """
        if text.startswith("["):
            return self.encode(from_json(text))
        if not isinstance(self.item, Integer) or self.item.size != 1:
            return None
        encoded = mac(text) if self.size == 6 else None
        if encoded is None:
            encoded = address(text, self.size)
        if encoded is None and not self._is_elements(text):
            encoded = text_bytes(text, self.size)
        return encoded

    def _is_elements(self, text: str) -> bool:
        """Return whether text is the elements of an array of bytes, and no string: numbers, or what booleans are."""
        is_bool = isinstance(self.item, Integer) and self.item.is_bool
        return is_bool or all(is_number(word.strip()) for word in text.split(","))

    def columns(self, style: Style, offset: int) -> Columns:
        if style is Style.CSV or self.leaves > _WIDEST or not self.count:
            return super().columns(style, offset)
        parts = [self.item.columns(style, offset + index * self.stride) for index in range(self.count)]
        opening, between, closing = ("[", ",", "]") if style is Style.JSON else ("[ ", " ", " ]")
        return Columns(
            opening + between.join(part.template for part in parts) + closing,
            tuple(item for part in parts for item in part.items),
        )

    def element(self, index: int) -> Component:
        if index >= self.count:
            raise CodecError(f"no element {index} in an array of {self.count}")
        return Component(index * self.stride, self.item)


class _Characters(Array):
    """The numbers of characters, where text is not one that fits: a single word is text that is too long."""

    def _is_elements(self, text: str) -> bool:
        return "," in text and super()._is_elements(text)


class PerCpu(Array):
    """The values of an element of a per-CPU map: a list with one for each of ``count`` CPUs."""

    def _elements(self, value: Any) -> Sequence[Any]:
        if not isinstance(value, Sequence):
            raise self._not_a_list(value)
        if len(value) != self.count:
            raise CodecError(f"{len(value)} value{'s' * (len(value) != 1)} for {self.count} CPUs: each has its own")
        return value

    def _parse_text(self, text: str) -> bytes | None:
        if not text.startswith("["):
            raise self._not_a_list(text)
        return self.encode(from_json(text))

    def _not_a_list(self, value: Any) -> CodecError:
        return CodecError(f"{shown(value)} is not a list with a value for each of {self.count} CPUs")


class Bits(Codec):
    """A bit field: ``bits`` bits from bit ``shift`` of ``size`` bytes, counted from the lowest."""

    def __init__(self, base: Codec, size: int, shift: int, bits: int) -> None:
        self.size, self._shift, self._bits, self._mask = size, shift, bits, (1 << bits) - 1
        self._names = base.by_number(bits) if isinstance(base, Enumeration) else {}
        self._base = base
        self._signed = bool(getattr(base, "signed", False))

    def decode(self, data: bytes) -> Value:
        bits = int.from_bytes(data, "little") >> self._shift & self._mask
        if bits in self._names:
            return Enumerator(self._names[bits])
        if self._signed and bits >> self._bits - 1:
            bits -= 1 << self._bits
        if isinstance(self._base, Integer) and self._base.is_bool:
            return bool(bits) if bits in (0, 1) else bits
        return bits

    def _encode(self, value: Any) -> bytes:
        data = bytearray(self.size)
        self.store(data, 0, value)
        return bytes(data)

    def store(self, data: bytearray, offset: int, value: Any) -> None:
        """Store the bits, and leave those beside them as they are."""
        bits = self._number(value) << self._shift
        before = int.from_bytes(data[offset : offset + self.size], "little")
        data[offset : offset + self.size] = (before & ~(self._mask << self._shift) | bits).to_bytes(self.size, "little")

    def _number(self, value: Any) -> int:
        if isinstance(self._base, Enumeration):
            return self._base.number(value, self._bits)
        parsed = number(value) if isinstance(value, str) else value
        if not isinstance(parsed, int):
            raise CodecError(f"{shown(value)} is not a number")
        low, high = limits(self._bits, signed=self._signed)
        if not low <= parsed <= high:
            raise CodecError(f"{short(parsed)} does not fit {self._bits} bits: {low} to {high}")
        return parsed & self._mask


class StructureMember(NamedTuple):
    """A member of a structure; its name is empty for an unnamed structure or union, whose members count as the outer
    one's."""

    name: str
    offset: int
    codec: Codec


class Structure(Codec):
    """Members at their offsets, which overlap in a union.

    ``padding`` are the bytes between members, as members of their own: shown where they are not zero, since keys with
    other padding are other keys, and accepted by name.
    """

    has_members = True

    def __init__(self, size: int, members: Sequence[StructureMember], padding: Sequence[StructureMember] = ()) -> None:
        self.size, self.members, self.padding = size, tuple(members), tuple(padding)
        self.leaves = max(sum(member.codec.leaves for member in members), 1)

    def decode(self, data: bytes) -> Value:
        value: dict[str, Value] = {}
        for name, offset, codec in self.members:
            member_value = codec.decode(data[offset : offset + codec.size])
            if name:
                value[name] = member_value
            elif isinstance(member_value, dict):
                value.update(member_value)
        for name, offset, codec in self.padding:
            if any(data[offset : offset + codec.size]):
                value[name] = codec.decode(data[offset : offset + codec.size])
        return value

    def _encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            encoded = None if value.startswith("{") else address(value, self.size)
            if encoded is not None:
                return encoded
            value = from_json(value) if value.startswith("{") else value
        if not isinstance(value, Mapping):
            raise CodecError(f"{shown(value)} is not a structure with the members {self._known('')}")
        data = bytearray(self.size)
        self.store(data, 0, value)
        return bytes(data)

    def store(self, data: bytearray, offset: int, value: Any) -> None:
        """Store the members named in ``value``, and leave all else as it is: gaps, and in a union bytes of other
        members."""
        if not isinstance(value, Mapping):
            super().store(data, offset, value)
            return
        for name, member_value in value.items():
            member = self.member(str(name))
            try:
                member.codec.store(data, offset + member.offset, member_value)
            except CodecError as error:
                raise CodecError(f"{name}: {error}") from None

    def columns(self, style: Style, offset: int) -> Columns:
        parts = [(member, member.codec.columns(style, offset + member.offset)) for member in self.members]
        texts = [self._member(style, member, columns.template) for member, columns in parts]
        texts = [text for text in texts if text]
        items = tuple(item for _, columns in parts for item in columns.items)
        if style is Style.CSV:
            return Columns(",".join(texts), items)
        padding = tuple(_padding_column(style, member, offset) for member in self.padding)
        places = "%s" * len(padding)
        if style is Style.JSON:
            return Columns("{" + ",".join(texts) + places + "}", items + padding)
        return Columns("{ " + "".join(f"{text} " for text in texts) + places + "}", items + padding)

    @staticmethod
    def _member(style: Style, member: StructureMember, template: str) -> str:
        if not member.name and isinstance(member.codec, Structure):
            if style is Style.CSV:
                return template
            return template[1:-1].strip() if style is Style.TEXT else template[1:-1]
        if style is Style.CSV:
            return template
        name = format_value(style, member.name).replace("%", "%%")
        return f"{name}:{template}" if style is Style.JSON else f"{name} {template}"

    def member(self, name: str) -> Component:
        for member in (*self.members, *self.padding):
            if member.name == name:
                return Component(member.offset, member.codec)
            if not member.name and isinstance(member.codec, Structure):
                try:
                    offset, codec = member.codec.member(name)
                except CodecError:
                    continue
                return Component(member.offset + offset, codec)
        raise CodecError(f"no member {quoted(name)}; the members are {self._known(name)}")

    def names(self) -> list[str]:
        """Return the names of the members, with those of unnamed structures, and without padding."""
        result: list[str] = []
        for member in self.members:
            if not member.name and isinstance(member.codec, Structure):
                result += member.codec.names()
            else:
                result.append(member.name)
        return result

    def _known(self, wanted: str) -> str:
        """Return the names of the members for a message, those first that are most like ``wanted``."""
        return printable(shortlist(self.names(), wanted, 16))


def _padding_column(style: Style, member: StructureMember, offset: int) -> Column:
    """Return the column of padding: its name and bytes with what separates members, nothing for zeros."""
    zeros = bytes(member.codec.size)

    def spell(data: bytes) -> str:
        if data == zeros:
            return ""
        value = format_value(style, member.codec.decode(data))
        return f',"{member.name}":{value}' if style is Style.JSON else f"{member.name} {value} "

    return Column((offset + member.offset,), member.codec.size, "", spell)


class Summed(Codec):
    """The sum of a value over CPUs; of what is not a number, the first CPU's. Read-only."""

    def __init__(self, item: Codec, cpus: int, stride: int) -> None:
        self.size, self.leaves = stride * (cpus - 1) + item.size, item.leaves
        self._item, self._cpus, self._stride = item, cpus, stride

    def decode(self, data: bytes) -> Value:
        return _sum(
            [self._item.decode(data[start : start + self._item.size]) for start in range(0, self.size, self._stride)]
        )

    def _encode(self, value: Any) -> bytes:
        raise CodecError("a sum over CPUs cannot be set")

    def columns(self, style: Style, offset: int) -> Columns:
        inner = self._item.columns(style, offset)
        if not all(item.is_number for item in inner.items):
            return super().columns(style, offset)
        return Columns(inner.template, tuple(map(self._summed, inner.items)))

    def _summed(self, item: Column) -> Column:
        return item._replace(offsets=tuple(item.offsets[0] + cpu * self._stride for cpu in range(self._cpus)))


def summed(codec: Codec, cpus: int, stride: int) -> Codec:
    """Return a codec of the sum over CPUs of values that are ``stride`` bytes apart."""
    if isinstance(codec, Structure):
        members = [member._replace(codec=summed(member.codec, cpus, stride)) for member in codec.members]
        return Structure(stride * (cpus - 1) + codec.size, members)
    return Summed(codec, cpus, stride)


def _sum(values: Sequence[Value]) -> Value:
    first = values[0]
    if isinstance(first, dict):
        return {name: _sum([value[name] for value in values if isinstance(value, dict)]) for name in first}
    if isinstance(first, list):
        return [_sum(list(items)) for items in zip(*values, strict=False)]
    if isinstance(first, (str, bool)):
        return first
    return sum(value for value in values if isinstance(value, (int, float)))


def follow(codec: Codec, path: str) -> Component:
    """Return the part of a value at a path like ``.member[2].other``; raises CodecError."""
    import re

    offset, rest = 0, path
    while rest:
        step = re.match(r"\.([A-Za-z_]\w*)|\[(\d{1,9})\]", rest)
        if step is None:
            raise CodecError(f"NAME, NAME.MEMBER or NAME[INDEX] expected at {quoted(rest)}")
        distance, codec = codec.member(step.group(1)) if step.group(1) else codec.element(int(step.group(2)))
        offset, rest = offset + distance, rest[step.end() :]
    return Component(offset, codec)


def assign(codec: Codec, data: bytearray, offset: int, value: Any) -> None:
    """Set a part of a value anew: members that ``value`` does not name become zero. Raises CodecError."""
    if codec.has_members:
        data[offset : offset + codec.size] = codec.encode(value)
    else:
        codec.store(data, offset, value)
