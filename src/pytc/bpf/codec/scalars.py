"""Convert bytes of a fixed size to values and back by codecs, each compiled once for a type.

:mod:`pytc.bpf.codec.btf` and :mod:`pytc.bpf.codec.format` make them, :mod:`pytc.bpf.codec.compound` has arrays and
structures. Besides single values, a codec gives its *columns*: which numbers and byte strings of an entry to pick, and
the text around them, so that :mod:`pytc.bpf.codec.columns` can render many entries at the speed of C.
"""

from __future__ import annotations

import math
import struct
from enum import Enum

from pytc.bpf.codec.text import address, hex_bytes, ip_address, mac, number, printable, quoted, shown
from pytc.errors import CodecError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Union

    Value = Union[bool, int, float, str, list["Value"], dict[str, "Value"]]  # noqa: UP007 (names itself)
    Speller = Callable[[Any], str]

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_PLAIN = frozenset("BHIQbhiq")
_FLOAT_CODES = {4: "f", 8: "d"}


class Enumerator(str):
    """The name of an enumerator, as opposed to a string of the object."""

    __slots__ = ()


class Raw(str):
    """Bytes as hex digits, where the type tells nothing more."""

    __slots__ = ()


class Style(Enum):
    """Notation of printed values."""

    JSON = "json"
    TEXT = "text"
    CSV = "csv"


class Column(NamedTuple):
    """One item of each entry: at byte ``offsets[0]``, or the sum of the numbers at all ``offsets``.

    ``code`` is the item's character of :mod:`struct` in the machine's byte order, with ``>`` before it for big-endian,
    or empty for ``size`` plain bytes. ``spell`` turns the item into text; None prints the number.
    """

    offsets: tuple[int, ...]
    size: int
    code: str = ""
    spell: Speller | None = None
    is_number: bool = False


class Columns(NamedTuple):
    """A format template with a ``%d`` or ``%s`` for each of ``items``."""

    template: str
    items: tuple[Column, ...]


class Component(NamedTuple):
    """A member or element of a value: its offset in bytes, and its codec."""

    offset: int
    codec: Codec


class Codec:
    """Base of all codecs. ``size`` is in bytes, ``leaves`` the number of single values in a value."""

    size: int
    leaves = 1
    #: Whether a value has parts of its own names: a structure.
    has_members = False

    def decode(self, data: bytes) -> Value:
        """Return the value in ``size`` bytes."""
        raise NotImplementedError

    def encode(self, value: Any) -> bytes:
        """Return the ``size`` bytes of a value; raises CodecError for a value that does not fit. ``bytes`` are taken as
        they are."""
        if isinstance(value, bytes):
            if len(value) != self.size:
                raise CodecError(f"{len(value)} bytes for a value of {self.size}")
            return value
        return self._encode(value)

    def _encode(self, value: Any) -> bytes:
        raise NotImplementedError

    def store(self, data: bytearray, offset: int, value: Any) -> None:
        """Encode a value into ``data`` from ``offset`` on; raises CodecError."""
        data[offset : offset + self.size] = self.encode(value)

    def columns(self, style: Style, offset: int) -> Columns:
        """Return the value as columns; ``offset`` is that of its first byte in an entry."""
        return Columns("%s", (Column((offset,), self.size, "", lambda data: format_value(style, self.decode(data))),))

    def member(self, name: str) -> Component:
        """Return a member by name; raises CodecError with the names that exist."""
        raise CodecError(f'not a structure: it has no member "{name}"')

    def element(self, index: int) -> Component:
        """Return an array's element by index; raises CodecError."""
        raise CodecError(f"not an array: it has no element {index}")


class Integer(Codec):
    """Integers of 1 to 16 bytes, little-endian or big-endian."""

    def __init__(
        self, size: int, *, signed: bool = False, is_bool: bool = False, is_char: bool = False, big_endian: bool = False
    ) -> None:
        self.size, self.signed, self.is_bool, self.is_char = size, signed, is_bool, is_char
        self._order: Any = "big" if big_endian else "little"
        code = _CODES.get(size, "")
        self.code = (">" if big_endian and size > 1 else "") + (code.lower() if signed else code) if code else ""
        #: Whether the machine's own numbers are its values, all of them.
        self.is_plain = self.code in _PLAIN and not is_bool

    def decode(self, data: bytes) -> Value:
        number = int.from_bytes(data, self._order, signed=self.signed)
        return bool(number) if self.is_bool and number in (0, 1) else number

    def _encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            encoded = address(value, self.size)
            if encoded is not None:
                return encoded
            value = number(value, is_char=self.is_char)
        if not isinstance(value, int):
            raise CodecError(f"{shown(value)} is not a number")
        if self.is_bool and value not in (0, 1):
            raise CodecError(f"{value} is not a boolean")
        return pack(value, self.size, self._order, signed=self.signed)

    def columns(self, style: Style, offset: int) -> Columns:
        if not self.code:
            return super().columns(style, offset)
        if self.is_bool:
            names = _Names({0: "false", 1: "true"})
            return Columns("%s", (Column((offset,), self.size, self.code, names.__getitem__),))
        return Columns("%d", (Column((offset,), self.size, self.code, is_number=True),))


def pack(value: int, size: int, order: Any = "little", *, signed: bool) -> bytes:
    """Return the bytes of an integer; raises CodecError with the limits of its size."""
    try:
        return value.to_bytes(size, order, signed=signed)
    except OverflowError:
        low, high = limits(size * 8, signed=signed)
        raise CodecError(f"{short(value)} does not fit: {low} to {high}") from None


def limits(bits: int, *, signed: bool) -> tuple[int, int]:
    """Return the smallest and the largest number of ``bits`` bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def short(value: int) -> str:
    """Return a number for a message; of one that is too long to be read, the number of its bits."""
    return str(value) if value.bit_length() <= 256 else f"a number of {value.bit_length()} bits"


class _Names(dict[int, str]):
    """Names of numbers; a number without one stands for itself."""

    def __missing__(self, key: int) -> str:
        return str(key)


class Enumeration(Codec):
    """Numbers with names; ``names`` has the values as unsigned numbers, the way the kernel writes them."""

    def __init__(self, size: int, names: Mapping[str, int], *, signed: bool = False) -> None:
        self.size, self.signed = size, signed
        self.numbers = dict(names)
        self._code = _CODES.get(size, "")
        self.names = self.by_number(size * 8)

    def by_number(self, bits: int) -> dict[int, str]:
        """Return the first name of each value that fits ``bits`` bits."""
        mask = (1 << bits) - 1
        return {value & mask: name for name, value in reversed(self.numbers.items())}

    def decode(self, data: bytes) -> Value:
        number = int.from_bytes(data, "little")
        name = self.names.get(number)
        return Enumerator(name) if name is not None else int.from_bytes(data, "little", signed=self.signed)

    def number(self, value: Any, bits: int) -> int:
        """Return the number of a name or number as unsigned ``bits`` bits; raises CodecError."""
        if isinstance(value, str):
            if value in self.numbers:
                return self.numbers[value] & (1 << bits) - 1
            if not value.lstrip("+-")[:1].isdigit():
                raise CodecError(f"{quoted(value)} is not one of {printable(', '.join(self.numbers))}")
            value = number(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise CodecError(f"{shown(value)} is not a name of the enum")
        low, high = limits(bits, signed=self.signed or value < 0)
        if not low <= value <= high:
            raise CodecError(f"{short(value)} does not fit: {low} to {high}")
        return value & (1 << bits) - 1

    def _encode(self, value: Any) -> bytes:
        return self.number(value, self.size * 8).to_bytes(self.size, "little")

    def columns(self, style: Style, offset: int) -> Columns:
        if not self._code:
            return super().columns(style, offset)
        mask = (1 << self.size * 8) - 1
        names = _Names({value: format_value(style, name) for value, name in self.names.items()})
        code = self._code.lower() if self.signed else self._code

        def spell(value: int) -> str:
            return names.get(value & mask) or str(value)

        return Columns("%s", (Column((offset,), self.size, code, spell if self.signed else names.__getitem__),))


class Float(Codec):
    """IEEE 754 numbers of 4 or 8 bytes; JSON has neither infinities nor NaN, so that those are hex."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._code = _FLOAT_CODES.get(size, "")

    def decode(self, data: bytes) -> Value:
        if not self._code:
            return Raw(data.hex())
        number: float = struct.unpack(f"<{self._code}", data)[0]
        return number if math.isfinite(number) else Raw(data.hex())

    def _encode(self, value: Any) -> bytes:
        if self._code and isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                number = float(value)
                # Text of digits that float() takes for infinite is too large: "1e400".
                if not math.isinf(number) or not isinstance(value, str) or "inf" in value.lower():
                    return struct.pack(f"<{self._code}", number)
                raise OverflowError
            except OverflowError:
                raise CodecError(f"{shown(value)} does not fit a floating-point number of {self.size} bytes") from None
            except ValueError:
                pass
        data = hex_bytes(value) if isinstance(value, str) else None
        if data is not None and len(data) == self.size:
            return data
        raise CodecError(f"{shown(value)} is not a floating-point number of {self.size} bytes")


class Printed(Codec):
    """Bytes with a notation of their own: hex, addresses. The text that ``spell`` returns needs no quotes in any
    style."""

    def __init__(self, size: int, spell: Callable[[bytes], str], read: Callable[[str], bytes]) -> None:
        self.size, self._spell, self._read = size, spell, read

    def decode(self, data: bytes) -> Value:
        return Raw(self._spell(data))

    def _encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise CodecError(f"{shown(value)} is not text")
        data = self._read(value)
        if len(data) != self.size:
            raise CodecError(f"{len(data)} bytes for a value of {self.size}")
        return data

    def columns(self, style: Style, offset: int) -> Columns:
        template = '"%s"' if style is Style.JSON else "%s"
        return Columns(template, (Column((offset,), self.size, "", self._spell),))


def _read_hex(text: str) -> bytes:
    data = hex_bytes(text)
    if data is None:
        raise CodecError(f"{quoted(text)} is not hex")
    return data


def _read_mac(text: str) -> bytes:
    data = mac(text)
    if data is None:
        raise CodecError(f"{quoted(text)} is not a MAC address")
    return data


def hex_codec(size: int) -> Codec:
    """Return the codec of ``size`` bytes as hex digits."""
    return Printed(size, bytes.hex, _read_hex)


def mac_codec() -> Codec:
    """Return the codec of MAC addresses: ``02:00:00:00:00:01``."""
    return Printed(6, lambda data: data.hex(":"), _read_mac)


def ip_codec(size: int) -> Codec:
    """Return the codec of IPv4 (``size`` 4) or IPv6 (16) addresses in network byte order."""
    import socket

    family = socket.AF_INET if size == 4 else socket.AF_INET6
    spell = socket.inet_ntoa if size == 4 else lambda data: socket.inet_ntop(family, data)
    return Printed(size, spell, lambda text: ip_address(text, size))


def format_value(style: Style, value: Any) -> str:
    """Return a value as text in a style."""
    if style is Style.JSON:
        import json

        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if style is Style.TEXT:
        return _words(value)
    if isinstance(value, (list, dict)):
        value = format_value(Style.JSON, value)
    return _cell(value if isinstance(value, str) else _words(value))


def _cell(text: str) -> str:
    """Return text as a CSV cell (RFC 4180), with quotes also where a spreadsheet or a reader would trim it."""
    if any(c in text for c in ',"\r\n') or text != text.strip() or not text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _words(value: Any) -> str:
    """Return the value in the words of pytc's command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + "".join(f"{word(name)} {_words(item)} " for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[ " + "".join(f"{_words(item)} " for item in value) + "]"
    return word(value) if isinstance(value, str) else str(value)


def word(text: str) -> str:
    r"""Return text as one word of a shell; unprintable characters become ``\x1b``, so that no terminal obeys them."""
    safe = "".join(
        c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape"))
        for c in text
    )
    plain = safe.isascii() and safe.replace("_", "").replace(".", "").replace(":", "").replace("-", "").isalnum()
    return (
        safe
        if plain or (safe and all(c.isalnum() or c in "_.:-/@%+=" for c in safe))
        else "'" + safe.replace("'", "'\\''") + "'"
    )
