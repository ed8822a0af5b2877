"""Write captures: pcap, or pcapng where packets have different link types."""

from __future__ import annotations

import struct

from pytc.errors import CaptureError
from pytc.packets import pcapng
from pytc.packets.packet import MAX_PACKET
from pytc.packets.pcap import MAJOR, MICROSECONDS, MINOR, NANOSECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from pytc.packets.packet import Packet

_SECOND = 10**9


class PcapWriter:
    """A writer of packets of one link type, with times in nanoseconds, or in the ``microseconds`` that older tools
    read.

    ``order`` is ``<`` for little-endian, ``>`` for big-endian, as in :mod:`struct`. The file is the caller's to close.
    """

    def __init__(self, file: BinaryIO, link_type: int, *, microseconds: bool = False, order: str = "<") -> None:
        self._file = file
        self._link_type = link_type
        self._unit = 1000 if microseconds else 1
        self._record = struct.Struct(f"{order}IIII")
        magic = MICROSECONDS if microseconds else NANOSECONDS
        file.write(struct.pack(f"{order}IHHiIII", magic, MAJOR, MINOR, 0, 0, MAX_PACKET, link_type))

    def write(self, packet: Packet) -> None:
        """Append a packet; raises CaptureError for one of another link type."""
        if packet.link_type != self._link_type:
            raise CaptureError(
                f"a pcap file has packets of one link type: {self._link_type}, not {packet.link_type}; "
                "a pcapng file may have both"
            )
        seconds, rest = divmod(packet.time, _SECOND)
        self._file.write(self._record.pack(seconds & 0xFFFFFFFF, rest // self._unit, len(packet.data), packet.length))
        self._file.write(packet.data)


class PcapngWriter:
    """A writer of one section with times in nanoseconds; it describes each interface before its first packet."""

    def __init__(self, file: BinaryIO, *, order: str = "<") -> None:
        self._file = file
        self._order = order
        self._interfaces: dict[tuple[int, int], int] = {}
        self._block(pcapng.SECTION_HEADER, struct.pack(f"{order}IHHq", pcapng.BYTE_ORDER, 1, 0, -1))

    def write(self, packet: Packet) -> None:
        """Append a packet."""
        number = self._interface(packet)
        head = struct.pack(
            f"{self._order}IIIII",
            number,
            packet.time >> 32 & 0xFFFFFFFF,
            packet.time & 0xFFFFFFFF,
            len(packet.data),
            packet.length,
        )
        self._block(pcapng.ENHANCED_PACKET, head + packet.data)

    def _interface(self, packet: Packet) -> int:
        key = packet.interface, packet.link_type
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            resolution = struct.pack(f"{self._order}HHB3xHH", pcapng.RESOLUTION, 1, 9, 0, 0)
            self._block(
                pcapng.INTERFACE, struct.pack(f"{self._order}HHI", packet.link_type, 0, MAX_PACKET) + resolution
            )
        return self._interfaces[key]

    def _block(self, kind: int, body: bytes) -> None:
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{self._order}I", len(body) + 12)
        self._file.write(struct.pack(f"{self._order}I", kind) + length + body + length)


def write_pcap(file: BinaryIO, packets: Iterable[Packet]) -> int:
    """Write a pcap file with the link type of the first packet; return the number of packets.

    Without packets, nothing is written. Raises CaptureError for a packet of another link type.
    """
    writer, count = None, 0
    for packet in packets:
        if writer is None:
            writer = PcapWriter(file, packet.link_type)
        writer.write(packet)
        count += 1
    return count
