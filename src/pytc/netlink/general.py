"""Attributes of any of pyroute2's types, through pyroute2's classes."""

import os
import struct
from collections.abc import Sequence
from typing import Any

from pyroute2.netlink import nla

from pytc.errors import NetlinkProtocolError
from pytc.tc.kinds.interface import Attributes, Schema

_HEADER = struct.Struct("=HH")


def pack(schema: Schema, attributes: Sequence[tuple[str, Any]]) -> bytes:
    """Attributes with their headers, each padded to 4 bytes."""
    nested, texts = _class_for(schema)(), _texts(schema)
    nested["attrs"] = [(name, os.fsencode(value) if name in texts else value) for name, value in attributes]
    nested.encode()
    return bytes(nested.data[_HEADER.size :])


def unpack(schema: Schema, data: bytes) -> Attributes:
    """Attributes by name; raises NetlinkProtocolError."""
    nested = _class_for(schema)(_HEADER.pack(len(data) + _HEADER.size, 0) + data)
    try:
        nested.decode()
    except Exception as error:  # pyroute2 has no common base for what malformed input may raise
        raise NetlinkProtocolError(f"malformed attributes: {error}") from error
    texts = _texts(schema)
    return {
        name: os.fsdecode(value) if name in texts and isinstance(value, bytes) else value
        for name, value in nested["attrs"]
        if value is not None
    }


def _texts(schema: Schema) -> frozenset[str]:
    """The attributes with text, which goes to the kernel as it came, UTF-8 or not."""
    return frozenset(name for name, kind in schema if kind == "asciiz")


def _class_for(schema: Schema) -> type:
    return type("Options", (nla,), {"nla_map": schema or (("TCA_UNSPEC", "none"),)})
