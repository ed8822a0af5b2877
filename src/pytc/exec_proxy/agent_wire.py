"""The messages on an agent's control socket. Pure: bytes in, values out.

A Unix socket of type SOCK_SEQPACKET, at the path of the agent's datagram socket with ``.control`` behind it. A
connection carries one request and its answer. Every packet begins with eight bytes, in the machine's byte order:

====== ===== ==========================================
offset bytes field
====== ===== ==========================================
0      2     version, 1
2      2     kind
4      4     number, by kind
8      ...   payload, by kind
====== ===== ==========================================

======= ==== ======== ============================== =======================================================
kind    code from     number                         payload
======= ==== ======== ============================== =======================================================
FETCH   1    client   0                              which objects: a number, a name, or nothing for all
DROP    2    client   0                              as for FETCH
LIST    3    client   0                              as for FETCH
OBJECT  16   agent    PART or MAPS that follow       number u32, pid s32, uid u32, padding u32, time s64 (ns)
PART    17   agent    0                              a datagram as in :mod:`.wire`; its descriptors with it
DONE    18   agent    objects sent or dropped        nothing; the last packet
REFUSED 19   agent    errno                          a sentence, UTF-8; the last packet
MAPS    20   agent    0                              the object's name, 64 bytes, and 40 bytes for each of 1 to 32 maps:
                                                     id, type, key size, value size, entries, the kernel's id (u32
                                                     each), name (16 bytes)
======= ==== ======== ============================== =======================================================

LIST is for what an agent stores, without descriptors; one that does not know it refuses.
"""

from __future__ import annotations

import struct

from pytc.bpf.codec.text import printable
from pytc.errors import MessageError
from pytc.exec_proxy.wire import LARGEST as LARGEST_DATAGRAM
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.sys.descriptions import MapDescription

VERSION = 1
FETCH, DROP, LIST = 1, 2, 3
OBJECT, PART, DONE, REFUSED, MAPS = 16, 17, 18, 19, 20
_HEADER = struct.Struct("=HHI")
_OBJECT = struct.Struct("=IiI4xq")
_NAME = struct.Struct("=64s")
_MAP = struct.Struct("=6I16s")
_MAPS_IN_PACKET = 32
LARGEST = _HEADER.size + LARGEST_DATAGRAM
LARGEST_SELECTOR = 255
_SUFFIX = ".control"


class ControlPacket(NamedTuple):
    """A packet; the meaning of ``number`` and ``payload`` depends on the kind."""

    kind: int
    number: int = 0
    payload: bytes = b""


class StoredObject(NamedTuple):
    """An object of an agent: its number there, who exported it, and when (nanoseconds since 1970)."""

    number: int
    pid: int
    uid: int
    received: int


class ListedMap(NamedTuple):
    """A map in a list: the id under which it was exported, and what the kernel says of it."""

    id: int
    type: int
    key_size: int
    value_size: int
    max_entries: int
    number: int
    name: str


def control_path(path: str) -> str:
    """Return the path of the control socket of the agent at ``path``."""
    return path + _SUFFIX


def encode(packet: ControlPacket) -> bytes:
    """Return the bytes of a packet."""
    return _HEADER.pack(VERSION, packet.kind, packet.number) + packet.payload


def decode(data: bytes) -> ControlPacket:
    """Return the packet of some bytes; raises MessageError for too few, and for another version."""
    if len(data) < _HEADER.size:
        raise MessageError(f"a control packet of {len(data)} bytes")
    version, kind, number = _HEADER.unpack_from(data)
    if version != VERSION:
        raise MessageError(f"agent message version {version}; pytc knows {VERSION}")
    return ControlPacket(kind, number, data[_HEADER.size :])


def request(kind: int, selector: str) -> ControlPacket:
    """Return a request about objects; raises MessageError for a name that is too long."""
    encoded = selector.encode("utf-8", "surrogateescape")
    if len(encoded) > LARGEST_SELECTOR:
        raise MessageError(f"an object's name has at most {LARGEST_SELECTOR} bytes")
    return ControlPacket(kind, 0, encoded)


def selector_of(packet: ControlPacket) -> str:
    """Return which objects a request is about; raises MessageError for anything but a request."""
    if packet.kind not in (FETCH, DROP, LIST) or packet.number or len(packet.payload) > LARGEST_SELECTOR:
        raise MessageError(f"packet of kind {packet.kind} with {len(packet.payload)} bytes is not a request")
    return packet.payload.decode("utf-8", "surrogateescape")


def object_packet(stored: StoredObject, parts: int) -> ControlPacket:
    """Return the packet that announces an object, and how many PART packets follow."""
    return ControlPacket(OBJECT, parts, _OBJECT.pack(*stored))


def stored_object(packet: ControlPacket) -> StoredObject:
    """Return the object that a packet announces; raises MessageError."""
    if packet.kind != OBJECT or len(packet.payload) != _OBJECT.size:
        raise MessageError(f"packet of kind {packet.kind} with {len(packet.payload)} bytes, an object expected")
    return StoredObject(*_OBJECT.unpack(packet.payload))


def listed_map(id: int, about: MapDescription) -> ListedMap:
    """Return a map as lists have it; ``id`` is that of its export."""
    return ListedMap(id, about.type, about.key_size, about.value_size, about.max_entries, about.id, about.name)


def list_packets(stored: StoredObject, name: str, maps: Sequence[ListedMap]) -> list[ControlPacket]:
    """Return the packets that list an object."""
    rows = [_MAP.pack(*map[:6], map.name.encode("utf-8", "surrogateescape")) for map in maps]
    head = _NAME.pack(name.encode("utf-8", "surrogateescape")[:63])
    parts = [b"".join(rows[start : start + _MAPS_IN_PACKET]) for start in range(0, len(rows), _MAPS_IN_PACKET)]
    return [object_packet(stored, len(parts)), *(ControlPacket(MAPS, 0, head + part) for part in parts)]


def listed_maps(packet: ControlPacket) -> tuple[str, list[ListedMap]]:
    """Return the object's name and the maps of a packet; raises MessageError."""
    size = len(packet.payload) - _NAME.size
    if packet.kind != MAPS or size < 0 or size % _MAP.size:
        raise MessageError(f"packet of kind {packet.kind} with {len(packet.payload)} bytes, maps expected")
    (name,) = _NAME.unpack_from(packet.payload)
    rows = _MAP.iter_unpack(packet.payload[_NAME.size :])
    return _text(name), [ListedMap._make((*row[:6], _text(row[6]))) for row in rows]


def _text(name: bytes) -> str:
    """Return a name that is safe to print on a terminal: an agent may be any process."""
    return printable(name.partition(b"\0")[0].decode("utf-8", "replace"))
