"""The message that carries map descriptors over a Unix datagram socket. Pure: bytes in, values out.

One datagram carries up to 64 maps: their descriptors as SCM_RIGHTS, and this, in the byte order of the machine (the
layout that a C compiler makes of ``struct bpf_map_aux`` in iproute2's include/bpf_scm.h where ``dev_t`` and ``ino_t``
have 64 bits):

====== ======= =============================================
offset bytes   field
====== ======= =============================================
0      2       version, 1
2      2       number of maps in all
4      64      name of the object file, NUL-terminated
68     4       padding
72     8       st_dev of the object file
80     8       st_ino of the object file
88     36 each one ``struct bpf_elf_map`` for each descriptor
====== ======= =============================================

In the first release of 2015 an entry had 20 bytes (type, key size, value size, entries, id). A receiver can tell by
(length - 88) / number of descriptors; those of that time, which were built with the structure of the object, do not.
"""

from __future__ import annotations

import struct

from pytc.bpf.codec.text import printable
from pytc.errors import MessageError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
#: Maps in one datagram, and in one export. tc itself never sends more than 64 in all.
MAPS_IN_DATAGRAM = 64
MAX_MAPS = 4096
HEADER = struct.Struct("=HH64s4xQQ")
ENTRY = struct.Struct("=9I")
ENTRY_2015 = struct.Struct("=5I")
LARGEST = HEADER.size + MAPS_IN_DATAGRAM * ENTRY.size
_NAME_BYTES = 63
_U32 = 0xFFFFFFFF


class ObjectIdentity(NamedTuple):
    """The object file that maps come from: its name, and its st_dev and st_ino."""

    name: str
    device: int = 0
    inode: int = 0


class MapEntry(NamedTuple):
    """The sender's description of a map: a ``struct bpf_elf_map``."""

    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    id: int = 0
    pinning: int = 0
    inner_id: int = 0
    inner_idx: int = 0


class Datagram(NamedTuple):
    """One datagram of an export: ``total`` is the number of maps of all its datagrams."""

    identity: ObjectIdentity
    total: int
    entries: tuple[MapEntry, ...]


def encode(identity: ObjectIdentity, entries: Sequence[MapEntry], *, entry_size: int = ENTRY.size) -> list[bytes]:
    """Encode an export as datagrams; the first carries the first 64 entries, and so on. Raises MessageError.

    ``entry_size`` is 36 or 20 bytes.
    """
    if not 0 < len(entries) <= MAX_MAPS:
        raise MessageError(f"cannot export {len(entries)} maps; 1 to {MAX_MAPS} are possible")
    header = HEADER.pack(VERSION, len(entries), _name(identity.name), identity.device, identity.inode)
    packed = [_pack(entry, entry_size) for entry in entries]
    return [
        header + b"".join(packed[start : start + MAPS_IN_DATAGRAM]) for start in range(0, len(packed), MAPS_IN_DATAGRAM)
    ]


def _pack(entry: MapEntry, size: int) -> bytes:
    if size == ENTRY_2015.size:
        return ENTRY_2015.pack(*(value & _U32 for value in (*entry[:4], entry.id)))
    return ENTRY.pack(*(value & _U32 for value in entry))


def _name(name: str) -> bytes:
    """Return at most 63 bytes of a name: of a longer path its last part, which tells more than the first."""
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) > _NAME_BYTES:
        encoded = encoded.rpartition(b"/")[2][:_NAME_BYTES]
    return encoded


def decode(data: bytes, descriptors: int) -> Datagram:
    """Decode a datagram that came with that many descriptors; raises MessageError."""
    if len(data) < HEADER.size:
        raise MessageError(f"a datagram of {len(data)} bytes; an export has at least {HEADER.size}")
    version, total, name, device, inode = HEADER.unpack_from(data)
    if version != VERSION:
        raise MessageError(f"message version {version}; pytc knows {VERSION}")
    if not 0 < descriptors <= MAPS_IN_DATAGRAM:
        raise MessageError(f"{descriptors} descriptors in a datagram; 1 to {MAPS_IN_DATAGRAM} are possible")
    if not descriptors <= total <= MAX_MAPS:
        raise MessageError(
            f"{total} maps announced, {descriptors} descriptors in this datagram; at most {MAX_MAPS} maps are accepted"
        )
    size, rest = divmod(len(data) - HEADER.size, descriptors)
    layout = {ENTRY.size: ENTRY, ENTRY_2015.size: ENTRY_2015}.get(size)
    if rest or layout is None:
        raise MessageError(
            f"{len(data) - HEADER.size} bytes of entries for {descriptors} descriptors; an entry has "
            f"{ENTRY.size} or {ENTRY_2015.size} bytes"
        )
    entries = tuple(_entry(words) for words in layout.iter_unpack(data[HEADER.size :]))
    return Datagram(ObjectIdentity(_text(name), device, inode), total, entries)


def _entry(words: tuple[int, ...]) -> MapEntry:
    return MapEntry(*words[:4], id=words[4]) if len(words) == 5 else MapEntry(*words)


def _text(name: bytes) -> str:
    """Return a name that is safe to print on a terminal: any process may be the sender."""
    return printable(name.partition(b"\0")[0].decode("utf-8", "replace"))
