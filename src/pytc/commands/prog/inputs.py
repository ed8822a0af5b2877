"""The packets of a test run: from captures, from hex, from words."""

from __future__ import annotations

from pytc.errors import CaptureError, PacketError
from pytc.packets.capture import open_capture
from pytc.packets.link_types import ETHERNET, IPV4, IPV6, RAW, SLL, SLL2, link_type
from pytc.packets.packet import MAX_PACKET, Packet
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Literal

    from pytc.commands.shared.context import Context

_WITHOUT_LINK = (RAW, IPV4, IPV6)
_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
_SMALLEST_ETHERTYPE = b"\x06\x00"
#: Offset of the EtherType and length of the header in captures of all devices ("tcpdump -i any").
_COOKED = {SLL: (14, 16), SLL2: (0, 20)}


class PacketSource(Value):
    """Packets to run a program on: a capture file (``-`` for standard input), hex digits, or words."""

    kind: Literal["pcap", "hex", "packet"]
    text: str


def open_packets(context: Context, sources: Sequence[PacketSource]) -> Generator[Packet, None, None]:
    """Yield the packets of all sources, with Ethernet headers; raises CaptureError, PacketError."""
    cut = 0
    for source in sources:
        if source.kind == "pcap":
            for packet in read(source.text):
                cut += len(packet.data) < packet.length
                yield packet
        else:
            yield _build(source)
    if cut:
        context.notes.append(f"some packets ({cut}) were truncated by the capture: the program saw what is left")


def read(path: str) -> Generator[Packet, None, None]:
    """Yield the packets of a capture; raises CaptureError.

    Those of bare IP and of Linux' "any" device get Ethernet headers, with which the kernel takes packets.
    """
    with open_capture(path) as capture:
        for number, packet in enumerate(capture, 1):
            yield packet if packet.link_type == ETHERNET else _with_header(path, number, packet)


def _with_header(path: str, number: int, packet: Packet) -> Packet:
    kind, skipped = _ethertype(packet)
    if not kind:
        raise CaptureError(
            f'capture "{path}": packet {number} begins with {link_type(packet.link_type).name}; a test '
            "run accepts Ethernet (EN10MB), bare IP, and LINUX_SLL with an EtherType"
        )
    return packet._replace(
        data=bytes(12) + kind + packet.data[skipped:], length=packet.length + 14 - skipped, link_type=ETHERNET
    )


def _ethertype(packet: Packet) -> tuple[bytes, int]:
    """Return the EtherType (empty where unknown), and the length of the header that an Ethernet header replaces."""
    if packet.link_type in _COOKED:
        offset, length = _COOKED[packet.link_type]
        kind = packet.data[offset : offset + 2]
        return (kind, length) if len(packet.data) >= length and kind >= _SMALLEST_ETHERTYPE else (b"", 0)
    if packet.link_type not in _WITHOUT_LINK or not packet.data:
        return b"", 0
    return _ETHERTYPES.get(packet.data[0] >> 4, b""), 0


def _build(source: PacketSource) -> Packet:
    from pytc.packets.build import build, from_hex

    data = build(source.text) if source.kind == "packet" else from_hex(source.text)
    if len(data) > MAX_PACKET:
        raise PacketError(f"a packet of {len(data)} bytes")
    return Packet(data, len(data), ETHERNET)
