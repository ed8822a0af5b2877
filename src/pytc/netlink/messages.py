"""Traffic control messages: our attribute tables on pyroute2's message classes.

pyroute2's own classes for cls_bpf have wrong types for the bytecode attributes and end before FLAGS_GEN, TAG and
ID; those of tcmsg end before TCA_CHAIN. So the tables are ours, and the encoding and decoding is pyroute2's.

``struct tcmsg`` (include/uapi/linux/rtnetlink.h): ``family u8, pad u8, pad u16, ifindex s32, handle u32,
parent u32, info u32``, 20 bytes. Messages about actions have ``struct tcamsg`` in its place: ``family u8, pad u8,
pad u16``, 4 bytes.
"""

import os
import struct
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pyroute2.netlink import nla, nlmsg

from pytc.errors import NetlinkProtocolError
from pytc.kinds.interface import HEADER, Attributes, Schema
from pytc.netlink import constants as c

_HEADER = struct.Struct("=IHHII")
_TCMSG = struct.Struct("=BBHiIII")
_TCAMSG = struct.Struct("=BBH")
_NLA_HEADER = struct.Struct("=HH")
_NESTED = 0x8000  # NLA_F_NESTED
_NLA_TYPE = 0x3FFF
#: pyroute2's names of types.
_NUMBERS = {"uint8": struct.Struct("=B"), "uint16": struct.Struct("=H"), "uint32": struct.Struct("=I"),
            "uint64": struct.Struct("=Q"), "int64": struct.Struct("=q")}


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


class _TrafficControl(nlmsg):  # type: ignore[misc]
    prefix = "TCA_"
    fields = (("family", "B"), ("pad1", "B"), ("pad2", "H"), ("index", "i"), ("handle", "I"), ("parent", "I"),
              ("info", "I"))
    nla_map = (
        ("TCA_UNSPEC", "none"), ("TCA_KIND", "asciiz"), ("TCA_OPTIONS", "cdata"), ("TCA_STATS", "cdata"),
        ("TCA_XSTATS", "cdata"), ("TCA_RATE", "cdata"), ("TCA_FCNT", "cdata"), ("TCA_STATS2", "cdata"),
        ("TCA_STAB", "cdata"), ("TCA_PAD", "cdata"), ("TCA_DUMP_INVISIBLE", "flag"), ("TCA_CHAIN", "uint32"),
        ("TCA_HW_OFFLOAD", "uint8"), ("TCA_INGRESS_BLOCK", "uint32"), ("TCA_EGRESS_BLOCK", "uint32"),
        ("TCA_DUMP_FLAGS", "cdata"), ("TCA_EXT_WARN_MSG", "asciiz"),
    )


class _Actions(nlmsg):  # type: ignore[misc]
    prefix = "TCA_ROOT_"
    fields = (("family", "B"), ("pad1", "B"), ("pad2", "H"))
    nla_map = (
        ("TCA_ROOT_UNSPEC", "none"), ("TCA_ROOT_TAB", "cdata"), ("TCA_ROOT_FLAGS", "cdata"),
        ("TCA_ROOT_COUNT", "uint32"), ("TCA_ROOT_TIME_DELTA", "uint32"), ("TCA_ROOT_EXT_WARN_MSG", "asciiz"),
    )


_ABOUT_ACTIONS = (c.NEWACTION, c.DELACTION, c.GETACTION)


_TEXTS = frozenset(name for table in (_TrafficControl.nla_map, _Actions.nla_map) for name, kind in table
                   if kind == "asciiz")


def encode(message: TcMessage, sequence: int) -> bytes:
    """A whole netlink message with its header."""
    out = _Actions() if message.type in _ABOUT_ACTIONS else _TrafficControl()
    out["header"]["type"], out["header"]["flags"] = message.type, message.flags
    out["header"]["sequence_number"] = sequence
    if message.type not in _ABOUT_ACTIONS:
        out["index"], out["handle"], out["parent"] = message.ifindex, message.handle, message.parent
        out["info"] = message.info
    out["attrs"] = [(name, _raw(value)) for name, value in message.attributes.items()]
    out.encode()
    return bytes(out.data)


def decode(data: bytes) -> TcMessage:
    """The message in ``data``, header included; raises NetlinkProtocolError."""
    about_actions = len(data) >= _HEADER.size and _HEADER.unpack_from(data)[1] in _ABOUT_ACTIONS
    if len(data) < _HEADER.size + (_TCAMSG if about_actions else _TCMSG).size:
        raise NetlinkProtocolError(f"a traffic control message of {len(data)} bytes")
    message = _Actions(data) if about_actions else _TrafficControl(data)
    try:
        message.decode()
    except Exception as error:  # pyroute2 has no common base for what malformed input may raise
        raise NetlinkProtocolError(f"a malformed traffic control message: {error}") from error
    kind, flags, attributes = message["header"]["type"], message["header"]["flags"], _by_name(message, _TEXTS)
    if about_actions:
        return TcMessage(kind, flags, attributes=attributes)
    return TcMessage(kind, flags, message["index"], message["handle"], message["parent"], message["info"], attributes)


def encode_options(schema: Schema, attributes: Sequence[tuple[str, Any]]) -> bytes:
    """Nested attributes as bytes, without a header of their own, behind those of HEADER when they start with it."""
    nested = _class_for(schema)()
    nested["attrs"] = [(name, _raw(value)) for name, value in attributes if name != HEADER]
    nested.encode()
    return b"".join(value for name, value in attributes if name == HEADER) + bytes(nested.data[_NLA_HEADER.size:])


def decode_options(schema: Schema, data: bytes, header: int = 0) -> Attributes:
    """Nested attributes by name, those behind ``header`` bytes of a structure. Attributes that are not in the schema
    or too short for their type are left out, as tc leaves them out."""
    found: dict[str, Any] = {HEADER: data[:header]} if header else {}
    for number, payload in split_attributes(data[header:]):
        name, kind = schema[number] if number < len(schema) else ("", "none")
        value = _value(kind, payload)
        if value is not None:
            found[name] = value
    return found


def _value(kind: str, payload: bytes) -> Any:
    """None where the payload is too short, or the attribute says nothing."""
    if kind in _NUMBERS:
        layout = _NUMBERS[kind]
        return layout.unpack_from(payload)[0] if len(payload) >= layout.size else None
    if kind == "asciiz":
        return os.fsdecode(payload.partition(b"\0")[0])
    return {"cdata": payload, "flag": True}.get(kind)


def split_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of each attribute; stops at the first that is cut off."""
    at = 0
    while at + _NLA_HEADER.size <= len(data):
        length, number = _NLA_HEADER.unpack_from(data, at)
        if length < _NLA_HEADER.size or at + length > len(data):
            return
        yield number & _NLA_TYPE, data[at + _NLA_HEADER.size:at + length]
        at += -(-length // 4) * 4


def join_attributes(attributes: Iterable[tuple[int, bytes]]) -> bytes:
    """The reverse of :func:`split_attributes`: each with its header, padded to 4 bytes."""
    return b"".join(_NLA_HEADER.pack(_NLA_HEADER.size + len(payload), number) + payload + bytes(-len(payload) % 4)
                    for number, payload in attributes)


def holding(number: int) -> int:
    """The number of an attribute that holds others, marked as such."""
    return number | _NESTED


def _raw(value: Any) -> Any:
    """Words that are not UTF-8 go to the kernel as they came."""
    return os.fsencode(value) if isinstance(value, str) else value


def _by_name(message: "nlmsg", words: Container[str]) -> dict[str, Any]:
    """Attributes by name; ``words`` are those with text, which pyroute2 leaves as bytes when it is not UTF-8."""
    return {name: os.fsdecode(value) if name in words and isinstance(value, bytes) else value
            for name, value in message["attrs"] if value is not None}


_classes: dict[Schema, type] = {}


def _class_for(schema: Schema) -> type:
    if schema not in _classes:
        _classes[schema] = type("Options", (nla,), {"nla_map": schema or (("TCA_UNSPEC", "none"),)})
    return _classes[schema]
