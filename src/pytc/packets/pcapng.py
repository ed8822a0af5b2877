"""The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks.

A block: ``type u32, total length u32, body, total length u32``, in the byte order of its section. Section headers,
interface descriptions, and enhanced, simple and (obsolete) packet blocks are read; others are passed over.
"""

from __future__ import annotations

import struct

from pytc.errors import CaptureError
from pytc.packets.packet import MAX_PACKET, Packet, read_exactly
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

SECTION_HEADER = 0x0A0D0D0A
#: The first bytes of a file, in either byte order.
MAGIC = SECTION_HEADER.to_bytes(4, "big")
INTERFACE, PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6
BYTE_ORDER = 0x1A2B3C4D
RESOLUTION, OFFSET = 9, 14  # if_tsresol, if_tsoffset
_MAX_BLOCK = 1 << 24
_MAX_INTERFACES = 1 << 16
_FRAME = 12
_SECOND = 10**9


class _Interface(NamedTuple):
    """An interface; ``units`` of time make a second, ``offset`` is in seconds."""

    link_type: int
    snaplen: int
    units: int = 10**6
    offset: int = 0


class _Section:
    """The byte order and the interfaces of a section."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.interfaces: list[_Interface] = []

    def unpack(self, layout: str, body: bytes, what: str) -> tuple[int, ...]:
        """Return the numbers at the start of a block's body; raises CaptureError that names the block ``what``."""
        try:
            return struct.unpack_from(self.order + layout, body)
        except struct.error:
            raise CaptureError(f"{what} of {len(body)} bytes") from None

    def interface(self, number: int) -> _Interface:
        """Return the interface with a number; raises CaptureError."""
        if number >= len(self.interfaces):
            raise CaptureError(f"a packet of interface {number}, which is not described")
        return self.interfaces[number]


def packets(file: BinaryIO) -> Iterator[Packet]:
    """Yield the packets of a file whose first four bytes, the type of the first block, were read already.

    Raises CaptureError.
    """
    section = _section(file)
    while head := file.read(4):
        if len(head) != 4:
            raise CaptureError("it ends within a block")
        (kind,) = struct.unpack(f"{section.order}I", head)
        if kind == SECTION_HEADER:
            section = _section(file)
            continue
        body = _body(file, section.order)
        if kind == INTERFACE:
            section.interfaces.append(_describe(section, body))
        elif kind in _PACKETS:
            yield _PACKETS[kind](section, body)


def _section(file: BinaryIO) -> _Section:
    head = read_exactly(file, 8, "a section header")
    for order in "<>":
        length, magic = struct.unpack(f"{order}II", head)
        if magic == BYTE_ORDER:
            break
    else:
        raise CaptureError("a section header of neither byte order")
    if not _FRAME + 16 <= length <= _MAX_BLOCK or length % 4:
        raise CaptureError(f"a section header of {length} bytes")
    (major,) = struct.unpack(f"{order}H", read_exactly(file, length - _FRAME, "a section header")[:2])
    if major != 1:
        raise CaptureError(f"unknown version {major} of the pcapng format")
    return _Section(order)


def _body(file: BinaryIO, order: str) -> bytes:
    (length,) = struct.unpack(f"{order}I", read_exactly(file, 4, "a block"))
    if not _FRAME <= length <= _MAX_BLOCK or length % 4:
        raise CaptureError(f"a block of {length} bytes")
    data = read_exactly(file, length - 8, "a block")
    if struct.unpack(f"{order}I", data[-4:]) != (length,):
        raise CaptureError("a block whose two lengths differ")
    return data[:-4]


def _describe(section: _Section, body: bytes) -> _Interface:
    link_type, _, snaplen = section.unpack("HHI", body, "an interface description")
    if len(section.interfaces) >= _MAX_INTERFACES:
        raise CaptureError(f"more than {_MAX_INTERFACES} interfaces")
    interface = _Interface(link_type, snaplen)
    for code, value in _options(section, body[8:]):
        if code == RESOLUTION and len(value) == 1:
            power = value[0] & 0x7F
            interface = interface._replace(units=1 << power if value[0] & 0x80 else 10 ** min(power, 30))
        elif code == OFFSET and len(value) == 8:
            interface = interface._replace(offset=struct.unpack(f"{section.order}q", value)[0])
    return interface


def _options(section: _Section, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the code and value of each option."""
    offset = 0
    while offset + 4 <= len(data):
        code, length = struct.unpack_from(f"{section.order}HH", data, offset)
        if code == 0:
            return
        yield code, data[offset + 4 : offset + 4 + length]
        offset += 4 + length + -length % 4


def _enhanced(section: _Section, body: bytes) -> Packet:
    number, high, low, captured, length = section.unpack("IIIII", body, "an enhanced packet block")
    return _packet(section, number, high << 32 | low, _captured(body, 20, captured), length)


def _obsolete(section: _Section, body: bytes) -> Packet:
    number, _, high, low, captured, length = section.unpack("HHIIII", body, "a packet block")
    return _packet(section, number, high << 32 | low, _captured(body, 20, captured), length)


def _simple(section: _Section, body: bytes) -> Packet:
    (length,) = section.unpack("I", body, "a simple packet block")
    snaplen = section.interface(0).snaplen or length
    return _packet(section, 0, 0, _captured(body, 4, min(length, snaplen)), length)


def _packet(section: _Section, number: int, ticks: int, data: bytes, length: int) -> Packet:
    interface = section.interface(number)
    seconds, rest = divmod(ticks, interface.units)
    time = (seconds + interface.offset) * _SECOND + rest * _SECOND // interface.units
    return Packet(data, length, interface.link_type, time, number)


def _captured(body: bytes, start: int, captured: int) -> bytes:
    """Return the captured bytes of a packet, which begin at ``start``; raises CaptureError."""
    if captured > min(MAX_PACKET, len(body) - start):
        raise CaptureError(f"a packet of {captured} bytes in a block that has {len(body) - start}")
    return body[start : start + captured]


_PACKETS = {ENHANCED_PACKET: _enhanced, PACKET: _obsolete, SIMPLE_PACKET: _simple}
