"""The pcap format, as libpcap writes it.

File header, 24 bytes: ``magic u32, major u16, minor u16, zone s32, accuracy u32, snaplen u32, linktype u32``; each
packet then has ``seconds u32, fraction u32, captured u32, length u32`` before its bytes. The magic number tells the
byte order, and whether fractions are microseconds or nanoseconds. The upper 16 bits of the link type hold
other things.
"""

from __future__ import annotations

import struct

from pytc.errors import CaptureError
from pytc.packets.packet import MAX_PACKET, Packet, read_exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
MAJOR, MINOR = 2, 4
_UNITS = {MICROSECONDS: 1000, NANOSECONDS: 1}
_HEADER_REST = 20
_RECORD = 16
_SECOND = 10**9


def packets(file: BinaryIO, magic: bytes) -> Iterator[Packet]:
    """Yield the packets of a file whose magic number was read already; raises CaptureError."""
    order, unit = _order_and_unit(magic)
    major, _, _, _, _, network = struct.unpack(f"{order}HHiIII", read_exactly(file, _HEADER_REST, "the header"))
    if major != MAJOR:
        raise CaptureError(f"unknown version {major} of the pcap format")
    record = struct.Struct(f"{order}IIII")
    number = 0
    while header := file.read(_RECORD):
        number += 1
        what = f"packet {number}"
        if len(header) != _RECORD:
            raise CaptureError(f"it ends within {what}")
        seconds, fraction, captured, length = record.unpack(header)
        if captured > MAX_PACKET:
            raise CaptureError(f"{what} claims {captured} bytes; the limit is {MAX_PACKET}")
        yield Packet(read_exactly(file, captured, what), length, network & 0xFFFF, seconds * _SECOND + fraction * unit)


def _order_and_unit(magic: bytes) -> tuple[str, int]:
    """Return the byte order, as for struct, and the nanoseconds in a fraction of a second; raises CaptureError."""
    for order, name in (("<", "little"), (">", "big")):
        unit = _UNITS.get(int.from_bytes(magic, name))  # type: ignore[arg-type]  # mypy wants a literal
        if unit is not None and len(magic) == 4:
            return order, unit
    raise CaptureError("it is neither a pcap nor a pcapng file")
