"""Build packets from words: ``eth ip src 10.0.0.1 dst 10.0.0.2 tcp dport 80 payload "GET /"``.

A packet is its headers in their order, each with values for its fields, and a payload. Fields that are not given have
the defaults of a real packet; lengths, checksums and the type of the next header are worked out.
"""

from __future__ import annotations

import socket
import struct

from pytc.errors import PacketError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Fields of each header, and their defaults.
FIELDS: dict[str, dict[str, str]] = {
    "eth": {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02", "type": ""},
    "vlan": {"id": "1", "prio": "0", "type": ""},
    "arp": {"op": "1", "sha": "02:00:00:00:00:01", "spa": "10.0.0.1", "tha": "00:00:00:00:00:00", "tpa": "10.0.0.2"},
    "ip": {
        "src": "10.0.0.1",
        "dst": "10.0.0.2",
        "ttl": "64",
        "tos": "0",
        "id": "0",
        "flags": "0x4000",
        "proto": "",
        "csum": "",
    },
    "ip6": {"src": "fd00::1", "dst": "fd00::2", "hlim": "64", "class": "0", "flow": "0", "proto": ""},
    "tcp": {"sport": "1024", "dport": "80", "seq": "0", "ack": "0", "flags": "syn", "window": "65535", "csum": ""},
    "udp": {"sport": "1024", "dport": "53", "csum": ""},
    "icmp": {"type": "8", "code": "0", "id": "0", "seq": "0", "csum": ""},
    "icmp6": {"type": "128", "code": "0", "id": "0", "seq": "0", "csum": ""},
}
_ETHERTYPES = {"vlan": 0x8100, "arp": 0x0806, "ip": 0x0800, "ip6": 0x86DD}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "ip": 4, "ip6": 41}
TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
_LINK = ("eth", "vlan")
#: What a header stands behind where the type or protocol in front of it is not given.
_BELOW = {"tcp": ("ip", "ip6"), "udp": ("ip", "ip6"), "icmp": ("ip",), "icmp6": ("ip6",), "arp": _LINK}
#: The longest packet that is built: the kernel's test runs take less.
MAX_LENGTH = 0xFFFF
_MAX_HEADERS = 16


class Header(NamedTuple):
    """A header's name and the words of its fields, defaults included."""

    name: str
    fields: dict[str, str]


def build(text: str) -> bytes:
    """Return the packet that words describe; raises PacketError."""
    headers, payload, length = _parse(split(text))
    data, below = payload, ""
    for index in range(len(headers) - 1, -1, -1):
        outer = headers[index - 1] if index else None
        data = _MAKERS[headers[index].name](headers[index].fields, data, below, outer)
        below = headers[index].name
        if len(data) > MAX_LENGTH:
            raise PacketError(f"a packet of more than {MAX_LENGTH} bytes")
    return data.ljust(length, b"\0")


def split(text: str) -> list[str]:
    """Split the words of a packet, with a shell's quotes; raises PacketError."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise PacketError(f"{error} in the packet's words") from None


def from_hex(text: str) -> bytes:
    """Return the bytes of hex digits, with spaces, colons, line breaks or ``0x`` between them; raises PacketError."""
    digits = "".join(word.removeprefix("0x") for word in text.replace(":", " ").split())
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        raise PacketError(f'"{text[:40]}" is not a packet in hex') from None
    if len(data) > MAX_LENGTH:
        raise PacketError(f"a packet of more than {MAX_LENGTH} bytes")
    return data


def _parse(words: Sequence[str]) -> tuple[list[Header], bytes, int]:
    """Return (headers, payload, length up to which the packet is filled with zeros); raises PacketError."""
    headers: list[Header] = []
    payload, length, rest = b"", 0, list(words)
    while rest:
        word = rest.pop(0)
        fields = headers[-1].fields if headers else {}
        if word in fields and rest:
            fields[word] = rest.pop(0)
        elif word == "payload" and rest:
            payload = _payload(rest)
        elif word == "length" and rest:
            length = number(rest.pop(0), MAX_LENGTH, "length")
        elif word in FIELDS:
            headers.append(Header(word, dict(FIELDS[word])))
        else:
            raise _unknown(word, headers)
    if not headers and not payload and not length:
        raise PacketError("an empty packet")
    if len(headers) > _MAX_HEADERS:
        raise PacketError(f"{len(headers)} headers; the limit is {_MAX_HEADERS}")
    if headers and headers[0].name != "eth":
        headers.insert(0, Header("eth", dict(FIELDS["eth"])))
    return _completed(headers), payload, length


def _completed(headers: list[Header]) -> list[Header]:
    """Return headers with an IP header where one is missing behind Ethernet's; raises PacketError for a header that
    does not go with the one in front of it."""
    completed: list[Header] = []
    for header in headers:
        outer = completed[-1] if completed else header
        below = _BELOW.get(header.name, (outer.name,))
        if outer.name not in below and not outer.fields.get("type") and not outer.fields.get("proto"):
            if outer.name not in _LINK:
                places = " or ".join(below)
                raise PacketError(f"{header.name} stands behind {places}, not behind {outer.name}")
            completed.append(Header(below[0], dict(FIELDS[below[0]])))
        completed.append(header)
    return completed


def _unknown(word: str, headers: list[Header]) -> PacketError:
    if word in ("payload", "length") or (headers and word in headers[-1].fields):
        return PacketError(f'"{word}" needs a value')
    known = ", ".join([*(headers[-1].fields if headers else ()), *FIELDS, "payload", "length"])
    return PacketError(f'"{word}" is not a word of a packet here; there are {known}')


def _payload(rest: list[str]) -> bytes:
    """Take a word of text, or ``hex`` with digits up to the next header or ``length``; raises PacketError."""
    if rest[0] != "hex":
        return rest.pop(0).encode("utf-8", "surrogateescape")
    rest.pop(0)
    digits = ""
    while rest and rest[0] not in FIELDS and rest[0] != "length":
        digits += rest.pop(0)
    return from_hex(digits)


def number(word: str, limit: int, what: str) -> int:
    """Return an unsigned number, decimal or with ``0x``; raises PacketError."""
    try:
        value = int(word, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= limit:
        raise PacketError(f'{what} "{word}" is not a number from 0 to {limit}')
    return value


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of bytes."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _mac(word: str) -> bytes:
    parts = word.split(":")
    try:
        address = bytes(int(part, 16) for part in parts)
    except ValueError:
        address = b""
    if len(address) != 6:
        raise PacketError(f'"{word}" is not a MAC address')
    return address


def _address(word: str, family: int) -> bytes:
    try:
        return socket.inet_pton(family, word)
    except (OSError, ValueError):
        raise PacketError(f'"{word}" is not an {"IPv4" if family == socket.AF_INET else "IPv6"} address') from None


def _ethertype(word: str, below: str, data: bytes) -> bytes:
    value = number(word, 0xFFFF, "type") if word else _ETHERTYPES.get(below, 0xFFFF if data else 0)
    return struct.pack("!H", value)


def _eth(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    if outer is not None:
        raise PacketError("eth must be the first header")
    return _mac(f["dst"]) + _mac(f["src"]) + _ethertype(f["type"], below, data) + data


def _vlan(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    if outer is None or outer.name not in _LINK:
        raise PacketError("vlan must follow eth or vlan")
    tag = number(f["prio"], 7, "prio") << 13 | number(f["id"], 4095, "id")
    return struct.pack("!H", tag) + _ethertype(f["type"], below, data) + data


def _arp(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    return (
        struct.pack("!HHBBH", 1, 0x0800, 6, 4, number(f["op"], 0xFFFF, "op"))
        + _mac(f["sha"])
        + _address(f["spa"], socket.AF_INET)
        + _mac(f["tha"])
        + _address(f["tpa"], socket.AF_INET)
        + data
    )


def _protocol(word: str, below: str) -> int:
    return number(word, 255, "proto") if word else _PROTOCOLS.get(below, 255)


def _ip(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    length = 20 + len(data)
    if length > 0xFFFF:
        raise PacketError(f"a packet of more than {MAX_LENGTH} bytes")
    head = struct.pack(
        "!BBHHHBB",
        0x45,
        number(f["tos"], 255, "tos"),
        length,
        number(f["id"], 0xFFFF, "id"),
        number(f["flags"], 0xFFFF, "flags"),
        number(f["ttl"], 255, "ttl"),
        _protocol(f["proto"], below),
    )
    addresses = _address(f["src"], socket.AF_INET) + _address(f["dst"], socket.AF_INET)
    return head + _checksum_field(f["csum"], head + b"\0\0" + addresses) + addresses + data


def _ip6(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    first = 6 << 28 | number(f["class"], 255, "class") << 20 | number(f["flow"], 0xFFFFF, "flow")
    return (
        struct.pack("!IHBB", first, len(data), _protocol(f["proto"], below), number(f["hlim"], 255, "hlim"))
        + _address(f["src"], socket.AF_INET6)
        + _address(f["dst"], socket.AF_INET6)
        + data
    )


def _checksum_field(word: str, data: bytes, *, zero: int = 0) -> bytes:
    """Return the checksum that a word gives, else the right one, with ``zero`` in place of 0."""
    return struct.pack("!H", number(word, 0xFFFF, "csum") if word else checksum(data) or zero)


def _pseudo_header(outer: Header | None, protocol: int, length: int) -> bytes:
    """Return the pseudo header of a checksum: addresses, protocol, length."""
    if outer is None or outer.name not in ("ip", "ip6"):
        return b""
    family = socket.AF_INET if outer.name == "ip" else socket.AF_INET6
    addresses = _address(outer.fields["src"], family) + _address(outer.fields["dst"], family)
    return addresses + (
        struct.pack("!HH", protocol, length) if outer.name == "ip" else struct.pack("!II", length, protocol)
    )


def _tcp(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    names = [name for name in f["flags"].lower().split(",") if name]
    flags = (
        sum(TCP_FLAGS[name] for name in set(names))
        if all(name in TCP_FLAGS for name in names)
        else number(f["flags"], 255, "flags")
    )
    head = struct.pack(
        "!HHIIBBH",
        number(f["sport"], 0xFFFF, "sport"),
        number(f["dport"], 0xFFFF, "dport"),
        number(f["seq"], 0xFFFFFFFF, "seq"),
        number(f["ack"], 0xFFFFFFFF, "ack"),
        0x50,
        flags,
        number(f["window"], 0xFFFF, "window"),
    )
    whole = _pseudo_header(outer, 6, 20 + len(data)) + head + b"\0\0\0\0" + data
    return head + _checksum_field(f["csum"], whole) + b"\0\0" + data


def _udp(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    length = 8 + len(data)
    if length > 0xFFFF:
        raise PacketError(f"a packet of more than {MAX_LENGTH} bytes")
    head = struct.pack("!HHH", number(f["sport"], 0xFFFF, "sport"), number(f["dport"], 0xFFFF, "dport"), length)
    return (
        head + _checksum_field(f["csum"], _pseudo_header(outer, 17, length) + head + b"\0\0" + data, zero=0xFFFF) + data
    )


def _icmp(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    head = struct.pack("!BB", number(f["type"], 255, "type"), number(f["code"], 255, "code"))
    rest = struct.pack("!HH", number(f["id"], 0xFFFF, "id"), number(f["seq"], 0xFFFF, "seq")) + data
    return head + _checksum_field(f["csum"], head + b"\0\0" + rest) + rest


def _icmp6(f: dict[str, str], data: bytes, below: str, outer: Header | None) -> bytes:
    head = struct.pack("!BB", number(f["type"], 255, "type"), number(f["code"], 255, "code"))
    rest = struct.pack("!HH", number(f["id"], 0xFFFF, "id"), number(f["seq"], 0xFFFF, "seq")) + data
    return head + _checksum_field(f["csum"], _pseudo_header(outer, 58, 8 + len(data)) + head + b"\0\0" + rest) + rest


if TYPE_CHECKING:
    _Maker = Callable[[dict[str, str], bytes, str, Header | None], bytes]
_MAKERS: dict[str, _Maker] = {
    "eth": _eth,
    "vlan": _vlan,
    "arp": _arp,
    "ip": _ip,
    "ip6": _ip6,
    "tcp": _tcp,
    "udp": _udp,
    "icmp": _icmp,
    "icmp6": _icmp6,
}
