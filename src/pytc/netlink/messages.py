"""Netlink messages about traffic control, as values and as bytes.

Every message begins with ``struct nlmsghdr`` (include/uapi/linux/netlink.h): ``len u32, type u16, flags u16, seq u32,
pid u32``, 16 bytes.

``struct tcmsg`` (include/uapi/linux/rtnetlink.h): ``family u8, pad u8, pad u16, ifindex s32, handle u32,
parent u32, info u32``, 20 bytes. Messages about actions have ``struct tcamsg`` in its place: ``family u8, pad u8,
pad u16``, 4 bytes.
"""

from __future__ import annotations

import struct

from pytc.cpython import lru_cache
from pytc.errors import NetlinkProtocolError
from pytc.netlink import constants as c
from pytc.netlink.schema import Schema
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.netlink.schema import Attributes

NLMSGHDR = struct.Struct("=IHHII")
_TCMSG = struct.Struct("=BBHiIII")
#: Of a message, from ADDRESS_AT on: the sequence number and the sender's port, then family and padding, the device's
#: index.
ADDRESS, ADDRESS_AT = struct.Struct("=IIIi"), 8
_TCAMSG = struct.Struct("=BBH")


class TcMessage(NamedTuple):
    """A message about traffic control.

    ``attributes`` are by name; of them TCA_OPTIONS, TCA_STATS2 and TCA_ROOT_TAB are bytes. A message about actions has
    nothing but type, flags and attributes.
    """

    type: int
    flags: int = 0
    ifindex: int = 0
    handle: int = 0
    parent: int = 0
    info: int = 0
    attributes: Attributes = {}  # noqa: RUF012 (never changed: messages are tuples)

    def about(self, type: int) -> TcMessage:
        """Return a message of another type about the same object, with no more than what names it."""
        named = {name: self.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in self.attributes}
        return self._replace(type=type, flags=0, attributes=named)


TRAFFIC_CONTROL = Schema(
    ("TCA_UNSPEC", "none"),
    ("TCA_KIND", "asciiz"),
    ("TCA_OPTIONS", "cdata"),
    ("TCA_STATS", "cdata"),
    ("TCA_XSTATS", "cdata"),
    ("TCA_RATE", "cdata"),
    ("TCA_FCNT", "cdata"),
    ("TCA_STATS2", "cdata"),
    ("TCA_STAB", "cdata"),
    ("TCA_PAD", "cdata"),
    ("TCA_DUMP_INVISIBLE", "flag"),
    ("TCA_CHAIN", "uint32"),
    ("TCA_HW_OFFLOAD", "uint8"),
    ("TCA_INGRESS_BLOCK", "uint32"),
    ("TCA_EGRESS_BLOCK", "uint32"),
    ("TCA_DUMP_FLAGS", "cdata"),
    ("TCA_EXT_WARN_MSG", "asciiz"),
)
ACTIONS = Schema(
    ("TCA_ROOT_UNSPEC", "none"),
    ("TCA_ROOT_TAB", "cdata"),
    ("TCA_ROOT_FLAGS", "cdata"),
    ("TCA_ROOT_COUNT", "uint32"),
    ("TCA_ROOT_TIME_DELTA", "uint32"),
    ("TCA_ROOT_EXT_WARN_MSG", "asciiz"),
)
_ATTRIBUTES_AT = NLMSGHDR.size + _TCMSG.size
#: The length of a message with hardly more than a kind and a chain.
_SHORT = 80
_ABOUT_ACTIONS = (c.NEWACTION, c.DELACTION, c.GETACTION)


def encode(message: TcMessage, sequence: int, flags: int = 0) -> bytes:
    """Return the message with its header, in which ``flags`` are set besides its own."""
    if message.type in _ABOUT_ACTIONS:
        body = _TCAMSG.pack(0, 0, 0) + ACTIONS.encode([*message.attributes.items()])
    else:
        body = _TCMSG.pack(0, 0, 0, message.ifindex, message.handle, message.parent, message.info)
        body += TRAFFIC_CONTROL.encode([*message.attributes.items()])
    return NLMSGHDR.pack(NLMSGHDR.size + len(body), message.type, message.flags | flags, sequence, 0) + body


def decode(data: bytes) -> TcMessage:
    """Return the message in ``data``, header included; raises NetlinkProtocolError."""
    try:
        _, kind, flags, _, _ = NLMSGHDR.unpack_from(data)
        if kind in _ABOUT_ACTIONS:
            _TCAMSG.unpack_from(data, NLMSGHDR.size)
            return TcMessage(kind, flags, attributes=ACTIONS.decode_from(data, NLMSGHDR.size + _TCAMSG.size))
        _, _, _, ifindex, handle, parent, info = _TCMSG.unpack_from(data, NLMSGHDR.size)
    except struct.error as error:
        raise NetlinkProtocolError(f"a traffic control message of {len(data)} bytes") from error
    attributes = (
        TRAFFIC_CONTROL.decode_from(data, _ATTRIBUTES_AT)
        if len(data) > _SHORT
        else _short_attributes(data[_ATTRIBUTES_AT:])
    )
    return TcMessage(kind, flags, ifindex, handle, parent, info, attributes)


@lru_cache(maxsize=64)  # a list of filters has an entry for each preference, and these differ in nothing else
def _short_attributes(data: bytes) -> Attributes:
    """Return the attributes of a short message, the same mapping for the same bytes."""
    return TRAFFIC_CONTROL.decode(data)


def read_type(data: bytes) -> int:
    """Return the type of a message, header included."""
    return int(NLMSGHDR.unpack_from(data)[1])


def split_messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages in a buffer; raises NetlinkProtocolError for one that is cut off."""
    offset = 0
    while offset + NLMSGHDR.size <= len(data):
        length = NLMSGHDR.unpack_from(data, offset)[0]
        if length < NLMSGHDR.size or offset + length > len(data):
            raise NetlinkProtocolError("a truncated netlink message")
        yield data[offset : offset + length]
        offset += -(-length // 4) * 4
