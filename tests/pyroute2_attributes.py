"""Netlink attributes through pyroute2's classes: the oracle of the codec's property tests."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Any

from pyroute2.netlink import nla

from pytc.netlink.schema import Schema, mark_nested

_HEADER = struct.Struct("=HH")


def pack(schema: Schema, attributes: Sequence[tuple[str, Any]]) -> bytes:
    """Return attributes with their headers, each padded to 4 bytes."""
    nested, texts = _class_for(schema)(), _texts(schema)
    nested["attrs"] = [(name, os.fsencode(value) if name in texts else value) for name, value in attributes]
    nested.encode()
    return _marked(schema, attributes, nested.data[_HEADER.size :])


def _marked(schema: Schema, attributes: Sequence[tuple[str, Any]], data: bytearray) -> bytes:
    """Mark those that hold attributes themselves, which pyroute2 does not for bytes."""
    types, offset = dict(schema.rows), 0
    for name, _ in attributes:
        length, number = _HEADER.unpack_from(data, offset)
        if types[name] == "nested":
            _HEADER.pack_into(data, offset, length, mark_nested(number))
        offset += length + 3 & ~3
    return bytes(data)


def unpack(schema: Schema, data: bytes) -> dict[str, Any]:
    """Return attributes by name."""
    nested = _class_for(schema)(_HEADER.pack(len(data) + _HEADER.size, 0) + data)
    nested.decode()
    texts, types = _texts(schema), dict(schema.rows)
    values = {
        name: os.fsdecode(value) if name in texts and isinstance(value, bytes) else value
        for name, value in nested["attrs"]
        if value is not None
    }
    return {name: [value] if types[name] == "several" else value for name, value in values.items()}


def _texts(schema: Schema) -> frozenset[str]:
    """Return the attributes with text, which goes to the kernel as it came, UTF-8 or not."""
    return frozenset(name for name, kind in schema.rows if kind == "asciiz")


def _class_for(schema: Schema) -> Any:
    """Return pyroute2's class, which builds in what is nested: here it is bytes, marked as such."""
    rows = [(name, "cdata|nested" if kind in ("nested", "several") else kind) for name, kind in schema.rows]
    return type("Options", (nla,), {"nla_map": tuple(rows) or (("TCA_UNSPEC", "none"),)})
