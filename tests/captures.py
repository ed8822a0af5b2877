"""Packets and captures made in memory, byte for byte, so that a test shows its whole input.

>>> eth(ip4(tcp(1234, 80, b"GET /"), 6))
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterable, Sequence

from pytc.packets import Packet, PcapngWriter, PcapWriter
from pytc.packets.link_types import ETHERNET

IP, IPV6, ARP, RARP, VLAN, QINQ, MPLS, PPPOE, LOOPBACK = (
    0x0800,
    0x86DD,
    0x0806,
    0x8035,
    0x8100,
    0x88A8,
    0x8847,
    0x8864,
    0x9000,
)
ICMP, IGMP, TCP, UDP, GRE, ESP, AH, ICMP6, OSPF, PIM, VRRP, SCTP = 1, 2, 6, 17, 47, 50, 51, 58, 89, 103, 112, 132
OLD_PROTOCOLS = (0x6002, 0x6003, 0x809B, 0x80F3, 0x8863)  # MOP RC, DECnet, AppleTalk, its ARP, PPPoE discovery
MAC_A, MAC_B = bytes.fromhex("0200000000aa"), bytes.fromhex("0200000000bb")
BROADCAST, MULTICAST = b"\xff" * 6, bytes.fromhex("01005e000001")
HOST_A, HOST_B, HOST_C = "10.9.0.1", "10.9.0.2", "192.168.7.9"
HOST6_A, HOST6_B = "20010db8000000000000000000000001", "20010db8000000000000000000000002"
SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8
FIRST_SECOND = 1_700_000_000


def address(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def eth(payload: bytes, kind: int = IP, *, source: bytes = MAC_A, target: bytes = MAC_B) -> bytes:
    return target + source + struct.pack("!H", kind) + payload


def vlan(number: int, payload: bytes, kind: int = IP, *, priority: int = 0) -> bytes:
    """Return the rest of a frame from the tag on, behind its EtherType."""
    return struct.pack("!HH", priority << 13 | number, kind) + payload


def ip4(
    payload: bytes,
    protocol: int,
    *,
    source: str = HOST_A,
    target: str = HOST_B,
    fragment: int = 0,
    options: bytes = b"",
    ttl: int = 64,
    tos: int = 0,
) -> bytes:
    """``fragment`` is the field with the flags."""
    words = 5 + len(options) // 4
    return (
        struct.pack(
            "!BBHHHBBH4s4s",
            0x40 | words,
            tos,
            words * 4 + len(payload),
            7,
            fragment,
            ttl,
            protocol,
            0,
            address(source),
            address(target),
        )
        + options
        + payload
    )


def ip6(payload: bytes, header: int, *, source: str = HOST6_A, target: str = HOST6_B, hops: int = 64) -> bytes:
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), header, hops)
        + bytes.fromhex(source)
        + bytes.fromhex(target)
        + payload
    )


def tcp(source: int, target: int, payload: bytes = b"", *, flags: int = ACK, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", source, target, 1, 2, words << 4, flags, 1000, 0, 0) + options + payload


def udp(source: int, target: int, payload: bytes = b"") -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def icmp(kind: int, code: int = 0, payload: bytes = b"ping") -> bytes:
    return struct.pack("!BBHI", kind, code, 0, 1) + payload


def arp(operation: int, source: str = HOST_A, target: str = HOST_B) -> bytes:
    return struct.pack("!HHBBH6s4s6s4s", 1, IP, 6, 4, operation, MAC_A, address(source), MAC_B, address(target))


def _hop(after: int) -> bytes:
    """An extension header of options, of padding only."""
    return bytes([after, 0]) + bytes(6)


def _fragment(after: int, field: int) -> bytes:
    return struct.pack("!BBHI", after, 0, field, 9)


def ipv4_mixture() -> list[bytes]:
    """TCP, UDP, ICMP and others over IPv4, whole and in fragments, with options."""
    web = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"
    return [
        eth(ip4(tcp(40000, 80, flags=SYN, options=b"\x02\x04\x05\xb4"), TCP)),
        eth(ip4(tcp(80, 40000, flags=SYN | ACK), TCP, source=HOST_B, target=HOST_A)),
        eth(ip4(tcp(40000, 80, web, flags=PSH | ACK), TCP)),
        eth(ip4(tcp(40000, 443, flags=FIN | ACK), TCP, target=HOST_C)),
        eth(ip4(tcp(22, 50000, bytes(200), flags=PSH | ACK), TCP, source=HOST_C, target=HOST_A, tos=0x10)),
        eth(ip4(tcp(50001, 8080, flags=RST), TCP, ttl=1)),
        eth(ip4(udp(5353, 53, bytes(30)), UDP)),
        eth(ip4(udp(53, 40001, bytes(400)), UDP, source=HOST_B)),
        eth(ip4(udp(68, 67, bytes(300)), UDP, source="0.0.0.0", target="255.255.255.255"), target=BROADCAST),
        eth(ip4(udp(123, 123, bytes(48)), UDP, source=HOST_C)),
        eth(ip4(udp(4789, 4789, eth(ip4(b"", TCP))), UDP)),
        eth(ip4(icmp(8), ICMP)),
        eth(ip4(icmp(0), ICMP, source=HOST_B, target=HOST_A)),
        eth(ip4(icmp(3, 1, ip4(udp(1, 2), UDP)), ICMP)),
        eth(ip4(icmp(11), ICMP)),
        eth(ip4(icmp(22, 0, bytes(4)), IGMP, target="224.0.0.1"), target=MULTICAST),
        eth(ip4(tcp(40000, 80), TCP, options=b"\x94\x04\x00\x00")),
        eth(ip4(udp(40000, 53, bytes(8)), UDP, options=bytes(40))),
        eth(ip4(tcp(40000, 80, bytes(64)), TCP, fragment=0x2000)),
        eth(ip4(bytes(64), TCP, fragment=0x2008)),
        eth(ip4(bytes(16), UDP, fragment=0x0010)),
        eth(ip4(bytes(16), UDP, fragment=0x1000)),
        eth(ip4(udp(40000, 53), UDP, fragment=0x4000)),
        eth(ip4(bytes(24), AH)),
        eth(ip4(bytes(8), PIM)),
        eth(ip4(bytes(8), VRRP, target="224.0.0.18")),
        eth(ip4(udp(6081, 6081, bytes(8)), UDP)),
        eth(ip4(bytes(20), GRE)),
        eth(ip4(bytes(24), ESP)),
        eth(ip4(bytes(44), OSPF, target="224.0.0.5")),
        eth(ip4(struct.pack("!HHII", 9, 9, 1, 0) + bytes(16), SCTP)),
        eth(ip4(ip4(tcp(1, 80), TCP), 4)),
        eth(ip4(b"", TCP)),
        eth(ip4(tcp(65535, 0, bytes(1400)), TCP, source="127.0.0.1", target="127.0.0.1")),
        eth(ip4(udp(2152, 2152, bytes(12)), UDP, source="172.16.5.4", target="172.31.255.255")),
    ]


def ipv6_mixture() -> list[bytes]:
    """Return packets over IPv6, with extension headers."""
    multicast = "ff020000000000000000000000000001"
    return [
        eth(ip6(tcp(40000, 80, flags=SYN), TCP), IPV6),
        eth(ip6(tcp(443, 40000, bytes(99)), TCP), IPV6),
        eth(ip6(udp(40000, 53, bytes(40)), UDP), IPV6),
        eth(ip6(udp(546, 547, bytes(50)), UDP, target=multicast), IPV6),
        eth(ip6(icmp(128), ICMP6), IPV6),
        eth(ip6(icmp(129), ICMP6, source=HOST6_B, target=HOST6_A), IPV6),
        eth(ip6(icmp(135, 0, bytes(20)), ICMP6, target=multicast), IPV6, target=bytes.fromhex("333300000001")),
        eth(ip6(_hop(TCP) + tcp(40000, 80), 0), IPV6),
        eth(ip6(_hop(60) + _hop(UDP) + udp(1, 53), 0), IPV6),
        eth(ip6(_fragment(TCP, 1) + tcp(40000, 80), 44), IPV6),
        eth(ip6(_fragment(UDP, 0x100) + bytes(64), 44), IPV6),
        eth(ip6(_hop(44) + _fragment(UDP, 1) + udp(1, 53), 43), IPV6),
        eth(ip6(b"", 59), IPV6),
        eth(ip6(ip4(tcp(1, 80), TCP), 4), IPV6),
        eth(ip6(struct.pack("!HHII", 7, 7, 1, 0), SCTP), IPV6),
        eth(ip4(ip6(tcp(1, 80), TCP), 41)),
        eth(ip6(udp(123, 123), UDP, hops=1), IPV6),
        eth(ip4(tcp(40000, 80), TCP)),
        eth(arp(1), ARP, target=BROADCAST),
    ]


def tagged_mixture() -> list[bytes]:
    """VLAN tags, one and two, and other things between Ethernet and IP."""
    web, name = ip4(tcp(40000, 80, b"x"), TCP), ip4(udp(40000, 53, b"x" * 20), UDP)
    return [
        eth(vlan(5, web), VLAN),
        eth(vlan(5, name), VLAN),
        eth(vlan(100, web, priority=7), VLAN),
        eth(vlan(100, ip6(tcp(1, 443), TCP), IPV6), VLAN),
        eth(vlan(4095, arp(1), ARP), VLAN, target=BROADCAST),
        eth(vlan(0, name, priority=3), VLAN),
        eth(vlan(7, vlan(5, web), VLAN), QINQ),
        eth(vlan(7, vlan(100, name), VLAN), VLAN),
        eth(vlan(8, vlan(9, ip6(udp(1, 53), UDP), IPV6), VLAN), 0x9100),
        eth(struct.pack("!I", 100 << 12 | 1 << 8 | 64) + web, MPLS),
        eth(struct.pack("!I", 101 << 12 | 64) + struct.pack("!I", 102 << 12 | 1 << 8 | 64) + web, MPLS),
        eth(struct.pack("!BBHHH", 0x11, 0, 3, len(web) + 2, 0x21) + web, PPPOE),
        eth(struct.pack("!BBHHH", 0x11, 0, 9, 6, 0xC021) + bytes(4), PPPOE),
        eth(web),
        eth(bytes(46), LOOPBACK),
        eth(vlan(5, b""), VLAN),
    ]


def other_mixture() -> list[bytes]:
    """ARP, 802.3 and LLC, spanning tree, broadcast and multicast, and what ends before it should."""
    web = eth(ip4(tcp(40000, 80, b"payload", options=bytes(12)), TCP))
    return [
        eth(arp(1), ARP, target=BROADCAST),
        eth(arp(2, HOST_B, HOST_A), ARP),
        eth(arp(1, HOST_C, HOST_A), ARP),
        eth(arp(3), RARP),
        eth(b"\x42\x42\x03" + bytes(35), 38, target=bytes.fromhex("0180c2000000")),
        eth(b"\xaa\xaa\x03\x00\x00\x00" + struct.pack("!H", IP) + ip4(udp(1, 53), UDP), 36),
        eth(b"\xff\xff" + bytes(28), 30),
        eth(b"\xfe\xfe\x03\x83" + bytes(30), 34),
        eth(b"\xe0\xe0\x03" + bytes(30), 33),
        eth(b"\xfe\xfe\x03\x81" + bytes(30), 34),
        eth(b"\xf0\xf0\x03" + bytes(30), 33),
        eth(bytes(60), 0x6004),
        eth(b"\x42\x42\x01\x00" + bytes(30), 34),
        *(eth(bytes(46), kind) for kind in OLD_PROTOCOLS),
        eth(bytes(60), 0x88CC, target=bytes.fromhex("0180c200000e")),
        eth(bytes(46), 0xABCD),
        *(web[:size] for size in (1, 6, 13, 14, 15, 20, 23, 24, 34, 36, 38, 47, 54, 60)),
        web,
        eth(ip4(icmp(8), ICMP, target=HOST_C), source=MAC_B, target=MULTICAST),
        eth(ip4(udp(9, 9), UDP, target="10.9.0.255"), target=BROADCAST),
        eth(b"\x4f" + ip4(b"", TCP)[1:]),
    ]


def random_mixture() -> list[bytes]:
    """Packets of the other captures with some bytes changed, always the same ones."""
    chance = random.Random(2013)
    made = []
    for packet in [*ipv4_mixture(), *ipv6_mixture(), *tagged_mixture(), *other_mixture()]:
        data = bytearray(packet[: chance.choice((len(packet), chance.randint(1, len(packet))))])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(min(len(data), 60))] = chance.choice((0, 1, 4, 6, 17, 0x45, 0x60, 0x81, 0xFF))
        made.append(bytes(data))
    return made


MIXTURES = {
    "ipv4": ipv4_mixture,
    "ipv6": ipv6_mixture,
    "tagged": tagged_mixture,
    "other": other_mixture,
    "random": random_mixture,
}


def packets(frames: Sequence[bytes], link_type: int = ETHERNET) -> list[Packet]:
    """Frames a second and some nanoseconds apart, so that the time says which one it is."""
    return [
        Packet(data, len(data), link_type, (FIRST_SECOND + index) * 10**9 + index * 1000)
        for index, data in enumerate(frames)
    ]


def number_of(packet: Packet) -> int:
    """The index of a packet of :func:`packets`."""
    return packet.time // 10**9 - FIRST_SECOND


def raw(frames: Iterable[bytes]) -> list[bytes]:
    """The IP packets of Ethernet frames, without their header."""
    return [frame[14:] for frame in frames if frame[12:14] in (b"\x08\x00", b"\x86\xdd") and len(frame) > 14]


def as_pcap(
    made: Iterable[Packet], link_type: int = ETHERNET, *, microseconds: bool = False, order: str = "<"
) -> bytes:
    file = io.BytesIO()
    writer = PcapWriter(file, link_type, microseconds=microseconds, order=order)
    for packet in made:
        writer.write(packet)
    return file.getvalue()


def as_pcapng(made: Iterable[Packet], *, order: str = "<") -> bytes:
    file = io.BytesIO()
    writer = PcapngWriter(file, order=order)
    for packet in made:
        writer.write(packet)
    return file.getvalue()


def captures() -> dict[str, tuple[list[Packet], bytes]]:
    """The five captures, (packets, file): each in another of the formats, the last cut at 90 bytes."""
    made = {name: packets(frames()) for name, frames in MIXTURES.items()}
    made["random"] = [packet._replace(data=packet.data[:90]) for packet in made["random"]]
    return {
        "ipv4": (made["ipv4"], as_pcap(made["ipv4"], microseconds=True)),
        "ipv6": (made["ipv6"], as_pcapng(made["ipv6"])),
        "tagged": (made["tagged"], as_pcap(made["tagged"], order=">")),
        "other": (made["other"], as_pcapng(made["other"], order=">")),
        "random": (made["random"], as_pcap(made["random"])),
    }
