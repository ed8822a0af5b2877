"""Tables of netlink attributes, and the bytes of attributes (netlink(7), include/uapi/linux/netlink.h).

An attribute is ``struct nlattr`` (``nla_len u16, nla_type u16``), its payload, and padding to 4 bytes.
"""

from __future__ import annotations

import os
import struct

from pytc.cpython import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal

    #: Types of attributes, as pyroute2 names them; ``none`` for numbers that are not used. ``nested`` are the bytes of
    #: other attributes, written with NLA_F_NESTED; ``several`` are such that may come many times, a list of bytes.
    Type = Literal[
        "none", "flag", "asciiz", "cdata", "nested", "several",
        "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "be8", "be16", "be32", "be64",
    ]  # fmt: skip
    #: Attributes of a message, by name.
    Attributes = Mapping[str, Any]
#: The name of the bytes before the attributes, in :data:`Attributes` and in what is encoded.
HEADER = ""

_NLATTR = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK
_NESTED = 0x8000  # NLA_F_NESTED
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
_FORMATS = {"int8": "b", "int16": "h", "int32": "i", "int64": "q"}
_NUMBERS = {
    **{name: f"={letter}" for name, letter in _FORMATS.items()},
    **{f"u{name}": f"={letter.upper()}" for name, letter in _FORMATS.items()},
    **{f"be{name[3:]}": f">{letter.upper()}" for name, letter in _FORMATS.items()},
}
if TYPE_CHECKING:
    #: Makes the payload of a value.
    _Write = Callable[[Any], bytes]
    #: Reads a number at an offset, as a tuple.
    _Unpack = Callable[[bytes, int], tuple[Any, ...]]
    #: Reads the value between two offsets.
    _Read = Callable[[bytes, int, int], Any]


class Nested(bytes):
    """Attributes inside an attribute that is to be marked so (NLA_F_NESTED): newer parts of the kernel demand it."""


class Schema:
    """The attributes of a message or a kind, in order of their numbers from 0: names and types.

    Attributes are packed directly: a batch has ten thousand messages, and a dump as many, and pyroute2, which builds
    objects, takes forty times as long. A property test holds this to what pyroute2 writes and reads.
    """

    __slots__ = ("_readers", "_several", "_writers", "rows")

    def __init__(self, *rows: tuple[str, Type]) -> None:
        self.rows = rows
        self._writers: dict[str, tuple[int, _Write]] = {}
        self._readers: dict[int, tuple[str, int, _Unpack | None, _Read]] = {}
        self._several = {number: name for number, (name, type) in enumerate(rows) if type == "several"}

    def encode(self, attributes: Sequence[tuple[str, Any]]) -> bytes:
        """Return attributes as bytes, behind those of :data:`HEADER` when they start with it.

        Raises KeyError for a name that the table lacks, struct.error for a number out of range.
        """
        parts = []
        writers, header = self._writers or self._compile(), _NLATTR.pack
        for name, value in attributes:
            if name == HEADER:
                parts.append(value)
                continue
            number, write = writers[name]
            payload = write(value)
            length = len(payload)
            parts.append(header(length + 4, number | _NESTED if payload.__class__ is Nested else number))
            parts.append(payload)
            if length & 3:
                parts.append(_PADDING[length & 3])
        return b"".join(parts)

    def decode(self, data: bytes, header: int = 0) -> dict[str, Any]:
        """Return attributes by name, those behind ``header`` bytes, which are kept as :data:`HEADER`.

        As in tc, attributes that the table lacks, that are too short for their type, or cut off at the end are left
        out.
        """
        attributes = self.decode_from(data, header)
        if header:
            attributes[HEADER] = data[:header]
        return attributes

    def decode_from(self, data: bytes, offset: int) -> dict[str, Any]:
        """Return the attributes behind ``offset``."""
        if not self._readers:
            self._compile()
        attributes: dict[str, Any] = {}
        readers, unpack, end, position = self._readers, _NLATTR.unpack_from, len(data), offset
        while position + 4 <= end:
            length, number = unpack(data, position)
            if length < 4 or position + length > end:
                break
            reader = readers.get(number & _TYPE_MASK)
            if reader is not None:
                name, least, unpack_number, read = reader
                if length - 4 >= least:
                    attributes[name] = (
                        read(data, position + 4, position + length)
                        if unpack_number is None
                        else unpack_number(data, position + 4)[0]
                    )
            position += length + 3 & ~3
        for number, payload in split_attributes(data[offset:]) if self._several else ():
            if name := self._several.get(number, ""):
                attributes.setdefault(name, []).append(payload)
        return attributes

    def _compile(self) -> dict[str, tuple[int, _Write]]:
        """Make readers and writers when the first message comes: most kinds are imported for their words or help."""
        for number, (name, type) in enumerate(self.rows):
            if type == "none":
                continue
            if type in _NUMBERS:
                layout = struct.Struct(_NUMBERS[type])
                self._writers[name] = number, layout.pack
                self._readers[number] = name, layout.size, layout.unpack_from, _read_data
                continue
            write, read = _codec(type)
            self._writers[name] = number, write
            if type != "several":
                self._readers[number] = name, 0, None, read
        return self._writers


def _codec(type: Type) -> tuple[_Write, _Read]:
    """Return how a type is written and read that is no number."""
    if type == "flag":
        return lambda _: b"", lambda data, start, end: True
    if type == "asciiz":
        return lambda text: os.fsencode(text) + b"\0", lambda data, start, end: _read_text(data[start:end])
    return Nested if type in ("nested", "several") else _write_data, _read_data


def _read_data(data: bytes, start: int, end: int) -> bytes:
    return data[start:end]


def _write_data(value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes(value)


@lru_cache(maxsize=256)  # a dump has the same few names thousands of times
def _read_text(data: bytes) -> str:
    return os.fsdecode(data.partition(b"\0")[0])


def split_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, payload) of each attribute; stop at the first that is cut off."""
    offset = 0
    while offset + _NLATTR.size <= len(data):
        length, number = _NLATTR.unpack_from(data, offset)
        if length < _NLATTR.size or offset + length > len(data):
            return
        yield number & _TYPE_MASK, data[offset + _NLATTR.size : offset + length]
        offset += -(-length // 4) * 4


def join_attributes(attributes: Iterable[tuple[int, bytes]]) -> bytes:
    """Return attributes, given as (number, payload), with their headers and padding."""
    return b"".join(
        _NLATTR.pack(_NLATTR.size + len(payload), number) + payload + bytes(-len(payload) % 4)
        for number, payload in attributes
    )


def mark_inner(data: bytes) -> Nested:
    """Return attributes of which each holds others as they are sent.

    The kernel often shows them without the mark, and puts a padding of number 0 before 64 bits where the machine cannot
    read those from any address (nla_put_64bit), which it does not take.
    """
    return Nested(
        join_attributes((mark_nested(number), _without_padding(payload)) for number, payload in split_attributes(data))
    )


def _without_padding(data: bytes) -> bytes:
    return join_attributes((number, payload) for number, payload in split_attributes(data) if number)


def mark_nested(number: int) -> int:
    """Return the number of an attribute that holds others, marked as such."""
    return number | _NESTED
