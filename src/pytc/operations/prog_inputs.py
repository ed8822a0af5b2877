"""The packets of a test run: from captures, from hex, from words."""

from collections.abc import Generator, Sequence

from pytc.errors import CaptureError, PacketError
from pytc.operations.context import Context
from pytc.packets.capture import MAX_PACKET, Packet, open_capture
from pytc.packets.link_types import ETHERNET, IPV4, IPV6, RAW, link_type
from pytc.prog_commands import PacketSource

_WITHOUT_LINK = (RAW, IPV4, IPV6)
_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}


def packets(context: Context, sources: Sequence[PacketSource]) -> Generator[Packet, None, None]:
    """The packets of all sources, with Ethernet headers; raises CaptureError, PacketError."""
    cut = 0
    for source in sources:
        if source.kind == "pcap":
            for packet in read(source.text):
                cut += len(packet.data) < packet.length
                yield packet
        else:
            yield _made(source)
    if cut:
        context.notes.append(f"packets were cut when they were captured ({cut} of them): the program saw what is left")


def read(path: str) -> Generator[Packet, None, None]:
    """The packets of a capture, with Ethernet headers, which those of IP alone get here; raises CaptureError."""
    with open_capture(path) as found:
        for number, packet in enumerate(found, 1):
            yield packet if packet.link_type == ETHERNET else _with_header(path, number, packet)


def _with_header(path: str, number: int, packet: Packet) -> Packet:
    kind = _ETHERTYPES.get(packet.data[0] >> 4) if packet.data else None
    if packet.link_type not in _WITHOUT_LINK or kind is None:
        raise CaptureError(f'capture "{path}": packet {number} begins with {link_type(packet.link_type).name}; a test '
                           "run takes Ethernet (EN10MB) and bare IP")
    return packet._replace(data=bytes(12) + kind + packet.data, length=packet.length + 14, link_type=ETHERNET)


def _made(source: PacketSource) -> Packet:
    from pytc.packets.build import build, from_hex

    data = build(source.text) if source.kind == "packet" else from_hex(source.text)
    if len(data) > MAX_PACKET:
        raise PacketError(f"a packet of {len(data)} bytes")
    return Packet(data, len(data), ETHERNET)
