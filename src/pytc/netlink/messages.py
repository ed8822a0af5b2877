"""Traffic control messages, by tables of attributes with pyroute2's names of types.

pyroute2's own tables for cls_bpf have wrong types for the bytecode attributes and end before FLAGS_GEN, TAG and ID;
those of tcmsg end before TCA_CHAIN. So the tables are ours. Simple types are packed by :mod:`pytc.netlink.codec`, the
others by pyroute2.

``struct tcmsg`` (include/uapi/linux/rtnetlink.h): ``family u8, pad u8, pad u16, ifindex s32, handle u32,
parent u32, info u32``, 20 bytes. Messages about actions have ``struct tcamsg`` in its place: ``family u8, pad u8,
pad u16``, 4 bytes.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pytc.errors import NetlinkProtocolError
from pytc.netlink import constants as c
from pytc.netlink.codec import codec_for, pack, unpack
from pytc.tc.kinds.interface import HEADER, Attributes, Schema

_HEADER = struct.Struct("=IHHII")
_TCMSG = struct.Struct("=BBHiIII")
#: Of the header the sequence number and the sender's port, then family and padding, the device's index.
_SEQUENCE_TO_INDEX = struct.Struct("=IIIi")
_TCAMSG = struct.Struct("=BBH")
_NLA_HEADER = struct.Struct("=HH")
_NESTED = 0x8000  # NLA_F_NESTED
_NLA_TYPE = 0x3FFF
#: pyroute2's names of types.
_NUMBERS = {
    "uint8": struct.Struct("=B"),
    "uint16": struct.Struct("=H"),
    "uint32": struct.Struct("=I"),
    "uint64": struct.Struct("=Q"),
    "int64": struct.Struct("=q"),
}


class TcMessage(NamedTuple):
    """One message. ``attributes`` by name; TCA_OPTIONS, TCA_STATS2 and TCA_ROOT_TAB are bytes. A message about
    actions has nothing but type, flags and attributes."""

    type: int
    flags: int = 0
    ifindex: int = 0
    handle: int = 0
    parent: int = 0
    info: int = 0
    attributes: Attributes = {}


TRAFFIC_CONTROL: Schema = (
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
ACTIONS: Schema = (
    ("TCA_ROOT_UNSPEC", "none"),
    ("TCA_ROOT_TAB", "cdata"),
    ("TCA_ROOT_FLAGS", "cdata"),
    ("TCA_ROOT_COUNT", "uint32"),
    ("TCA_ROOT_TIME_DELTA", "uint32"),
    ("TCA_ROOT_EXT_WARN_MSG", "asciiz"),
)
_ATTRIBUTES_AT = _HEADER.size + _TCMSG.size
_ABOUT_ACTIONS = (c.NEWACTION, c.DELACTION, c.GETACTION)


def encode(message: TcMessage, sequence: int, flags: int = 0) -> bytes:
    """A whole netlink message with its header, in which ``flags`` are set besides the message's own."""
    if message.type in _ABOUT_ACTIONS:
        body = _TCAMSG.pack(0, 0, 0) + encode_options(ACTIONS, list(message.attributes.items()))
    else:
        body = _TCMSG.pack(0, 0, 0, message.ifindex, message.handle, message.parent, message.info)
        body += encode_options(TRAFFIC_CONTROL, list(message.attributes.items()))
    return _HEADER.pack(_HEADER.size + len(body), message.type, message.flags | flags, sequence, 0) + body


def addressed(data: bytes, sequence: int, ifindex: int) -> bytes:
    """An encoded message with another sequence number, and about another device."""
    return data[:8] + _SEQUENCE_TO_INDEX.pack(sequence, 0, 0, ifindex) + data[24:]


def decode(data: bytes) -> TcMessage:
    """The message in ``data``, header included; raises NetlinkProtocolError."""
    try:
        _, kind, flags, _, _ = _HEADER.unpack_from(data)
        if kind in _ABOUT_ACTIONS:
            _TCAMSG.unpack_from(data, _HEADER.size)
            return TcMessage(kind, flags, attributes=decode_options(ACTIONS, data[_HEADER.size + _TCAMSG.size :]))
        _, _, _, ifindex, handle, parent, info = _TCMSG.unpack_from(data, _HEADER.size)
    except struct.error as error:
        raise NetlinkProtocolError(f"a traffic control message of {len(data)} bytes") from error
    codec = codec_for(TRAFFIC_CONTROL)
    assert codec is not None
    return TcMessage(kind, flags, ifindex, handle, parent, info, unpack(codec, data, _ATTRIBUTES_AT))


def encode_options(schema: Schema, attributes: Sequence[tuple[str, Any]]) -> bytes:
    """Nested attributes as bytes, without a header of their own, behind those of HEADER when they start with it."""
    before = b""
    if attributes and attributes[0][0] == HEADER:
        before, attributes = attributes[0][1], attributes[1:]
    codec = codec_for(schema)
    if codec is not None:
        return before + pack(codec, attributes)
    from pytc.netlink import general

    return before + general.pack(schema, attributes)


def decode_options(schema: Schema, data: bytes, header: int = 0) -> Attributes:
    """Nested attributes by name, those behind ``header`` bytes of a structure. Attributes that are not in the schema
    or too short for their type are left out, as tc leaves them out."""
    if header:
        return {**decode_options(schema, data[header:]), HEADER: data[:header]}
    codec = codec_for(schema)
    if codec is not None:
        return unpack(codec, data)
    from pytc.netlink import general

    return general.unpack(schema, data)


def split_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of each attribute; stops at the first that is cut off."""
    at = 0
    while at + _NLA_HEADER.size <= len(data):
        length, number = _NLA_HEADER.unpack_from(data, at)
        if length < _NLA_HEADER.size or at + length > len(data):
            return
        yield number & _NLA_TYPE, data[at + _NLA_HEADER.size : at + length]
        at += -(-length // 4) * 4


def join_attributes(attributes: Iterable[tuple[int, bytes]]) -> bytes:
    """The reverse of :func:`split_attributes`: each with its header, padded to 4 bytes."""
    return b"".join(
        _NLA_HEADER.pack(_NLA_HEADER.size + len(payload), number) + payload + bytes(-len(payload) % 4)
        for number, payload in attributes
    )


def holding(number: int) -> int:
    """The number of an attribute that holds others, marked as such."""
    return number | _NESTED
