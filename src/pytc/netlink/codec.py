"""Attributes of simple types, packed and unpacked directly.

The tables name pyroute2's types, and :mod:`pytc.netlink.general` works with any of them; but a batch has ten thousand
messages, and a dump as many, for which building objects takes twenty times what tc takes. What is here does the same
for numbers, text and bytes, which is all that most kinds have; a test holds the two to one another.
"""

import os
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pytc.tc.kinds.interface import Attributes, Schema

_HEADER = struct.Struct("=HH")
_TYPE = 0x3FFF  # NLA_TYPE_MASK
_NUMBERS = {
    "uint8": "=B",
    "uint16": "=H",
    "uint32": "=I",
    "uint64": "=Q",
    "int8": "=b",
    "int16": "=h",
    "int32": "=i",
    "int64": "=q",
    "be8": ">B",
    "be16": ">H",
    "be32": ">I",
    "be64": ">Q",
}
_ALIGN = 4
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


#: Reads the value that is between two places.
Read = Callable[[bytes, int, int], Any]


class Codec(NamedTuple):
    """``writers`` by name: number of the attribute, and what makes its bytes; ``readers`` by number: its name, how many
    bytes there must be at least, and what reads them."""

    writers: dict[str, tuple[int, Callable[[Any], bytes]]]
    readers: dict[int, tuple[str, int, Read]]


_codecs: dict[int, tuple[Schema, Codec | None]] = {}


def codec_for(schema: Schema) -> Codec | None:
    """The codec of a table; None when it has a type that is not simple. Made once for each table."""
    known = _codecs.get(id(schema))
    if known is None:
        known = _codecs[id(schema)] = (schema, _compile(schema))  # the table is kept, so that its id stays its own
    return known[1]


def pack(codec: Codec, attributes: Sequence[tuple[str, Any]]) -> bytes:
    """Attributes with their headers, each padded to 4 bytes."""
    parts = []
    writers, header = codec.writers, _HEADER.pack
    for name, value in attributes:
        number, write = writers[name]
        payload = write(value)
        length = len(payload)
        parts.append(header(length + 4, number))
        parts.append(payload)
        if length & 3:
            parts.append(_PADDING[length & 3])
    return b"".join(parts)


def unpack(codec: Codec, data: bytes, at: int = 0) -> Attributes:
    """Attributes by name, from a place on. Those that the table lacks, that are too short for their type, or cut off at
    the end, are left out."""
    found: dict[str, Any] = {}
    readers, header, end = codec.readers, _HEADER.unpack_from, len(data)
    while at + 4 <= end:
        length, number = header(data, at)
        if length < _ALIGN or at + length > end:
            break
        reader = readers.get(number & _TYPE)
        if reader is not None:
            name, least, read = reader
            if length - 4 >= least:
                found[name] = read(data, at + 4, at + length)
        at += length + 3 & ~3
    return found


def _compile(schema: Schema) -> Codec | None:
    writers: dict[str, tuple[int, Callable[[Any], bytes]]] = {}
    readers: dict[int, tuple[str, int, Read]] = {}
    for number, (name, kind) in enumerate(schema):
        ways = _ways(kind)
        if ways is None:
            if kind != "none":
                return None
            continue
        writers[name] = number, ways[0]
        readers[number] = name, struct.calcsize(_NUMBERS.get(kind, "")), ways[1]
    return Codec(writers, readers)


def _ways(kind: str) -> tuple[Callable[[Any], bytes], Read] | None:
    """How a type is written and read; None for one that is not simple."""
    if kind in _NUMBERS:
        layout = struct.Struct(_NUMBERS[kind])
        unpack_from = layout.unpack_from
        return layout.pack, lambda data, start, _: unpack_from(data, start)[0]
    others: dict[str, tuple[Callable[[Any], bytes], Read]] = {
        "flag": (_empty, _true),
        "asciiz": (_text, lambda data, start, end: _read_text(data[start:end])),
        "cdata": (bytes, lambda data, start, end: data[start:end]),
    }
    return others.get(kind)


def _empty(_: object) -> bytes:
    return b""


def _true(data: bytes, start: int, end: int) -> bool:
    return True


def _text(value: str) -> bytes:
    return os.fsencode(value) + b"\0"


@lru_cache(maxsize=256)  # a dump has the same few names thousands of times
def _read_text(data: bytes) -> str:
    return os.fsdecode(data.partition(b"\0")[0])
