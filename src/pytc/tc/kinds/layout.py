"""Structures in netlink attributes: their members by name."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Values = dict[str, Any]


class Layout:
    """A structure: its format (:mod:`struct`) and the names of its members.

    A name like ``priomap[16]`` is an array, and a member ``=`` a number has that unless a value is given; others are 0.
    """

    __slots__ = ("_defaults", "_members", "_struct", "size")

    def __init__(self, format: str, members: str) -> None:
        self._struct = struct.Struct(f"={format}")
        self.size = self._struct.size
        self._defaults: Values = {}
        self._members: list[tuple[str, int]] = []
        for member in members.split():
            name, _, default = member.partition("=")
            name, _, count = name.partition("[")
            self._members.append((name, int(count.rstrip("]") or 0)))
            if default:
                self._defaults[name] = int(default)

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """Return the bytes of the structure."""
        numbers: list[Any] = []
        defaults = self._defaults
        for name, count in self._members:
            value = values.get(name, defaults.get(name, 0))
            if count:
                numbers += value if value else (0,) * count
            else:
                numbers.append(value)
        return self._struct.pack(*numbers)

    def unpack(self, raw: bytes) -> Values:
        """Return the members; those that an older kernel does not send are 0."""
        numbers = self._struct.unpack(raw[: self.size].ljust(self.size, b"\0"))
        values: Values = {}
        position = 0
        for name, count in self._members:
            values[name] = numbers[position : position + count] if count else numbers[position]
            position += count or 1
        return values
