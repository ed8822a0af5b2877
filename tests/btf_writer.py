"""BTF made in memory, type by type."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pytc.bpf.btf import types as b

Member = tuple[str, int, int]


class BtfWriter:
    """Each method adds one type and returns its id, from 1 on, or with a ``base`` from where that ends."""

    def __init__(self, base: BtfWriter | None = None) -> None:
        self._strings = b"" if base is not None else b"\0"
        self._types: list[bytes] = []
        self._first = base._next if base is not None else 1
        self._base_strings = base._strings if base is not None else b""

    @property
    def _next(self) -> int:
        return self._first + len(self._types)

    def string(self, text: str) -> int:
        """The offset of a string; one that the base has is used again, as linkers do."""
        if not text:
            return 0
        at = self._base_strings.find(b"\0" + text.encode() + b"\0")
        if at >= 0:
            return at + 1
        self._strings += text.encode() + b"\0"
        return len(self._base_strings) + len(self._strings) - len(text.encode()) - 1

    def add(
        self, kind: int, name: str = "", size: int = 0, extra: bytes = b"", *, count: int = 0, flag: bool = False
    ) -> int:
        """Any type; ``size`` is also the type that is referred to."""
        info = flag << 31 | kind << 24 | count
        self._types.append(struct.pack("<III", self.string(name), info, size) + extra)
        return self._next - 1

    def integer(self, name: str = "int", size: int = 4, encoding: int = 0) -> int:
        """Encoding: 1 with sign, 2 char, 4 bool."""
        return self.add(b.INT, name, size, struct.pack("<I", encoding << 24 | size * 8))

    def pointer(self, to: int) -> int:
        return self.add(b.PTR, size=to)

    def array(self, of: int, count: int) -> int:
        return self.add(b.ARRAY, extra=struct.pack("<III", of, 0, count))

    def structure(
        self, name: str, size: int, members: Sequence[Member], *, kind: int = b.STRUCT, flag: bool = False
    ) -> int:
        """Members are (name, type, offset in bits)."""
        extra = b"".join(struct.pack("<III", self.string(n), of, at) for n, of, at in members)
        return self.add(kind, name, size, extra, count=len(members), flag=flag)

    def enum(self, name: str, values: Sequence[tuple[str, int]], *, kind: int = b.ENUM) -> int:
        layout = "<II" if kind == b.ENUM else "<IQ"
        extra = b"".join(struct.pack(layout, self.string(n), value) for n, value in values)
        return self.add(kind, name, 8 if kind == b.ENUM64 else 4, extra, count=len(values))

    def variable(self, name: str, of: int, linkage: int = 1) -> int:
        return self.add(b.VAR, name, of, struct.pack("<I", linkage))

    def data_section(self, name: str, variables: Sequence[tuple[int, int, int]], size: int = 0) -> int:
        """Variables are (type id of the variable, offset, size)."""
        extra = b"".join(struct.pack("<III", *entry) for entry in variables)
        return self.add(b.DATASEC, name, size, extra, count=len(variables))

    def number(self, number: int) -> int:
        """Add the type of ``__uint(name, number)``: a pointer to an array."""
        return self.pointer(self.array(0, number))

    def map(self, name: str, members: dict[str, int]) -> int:
        """A variable of an unnamed struct whose members are {attribute: type}."""
        fields = [(attribute, of, index * 64) for index, (attribute, of) in enumerate(members.items())]
        return self.variable(name, self.structure("", 8 * len(fields), fields))

    def data(self, *, behind_header: int = 0, between: int = 0, behind: int = 0) -> bytes:
        """The contents of section ``.BTF``; the arguments are bytes of padding."""
        types = b"".join(self._types)
        header = b.HEADER.size + behind_header
        return (
            b.HEADER.pack(b.MAGIC, 1, 0, header, 0, len(types), len(types) + between, len(self._strings))
            + bytes(behind_header)
            + types
            + bytes(between)
            + self._strings
            + bytes(behind)
        )

    def parsed(self, base: b.Btf | None = None) -> b.Btf:
        return b.Btf(self.data(), base)


def ext(functions: Sequence[tuple[int, int, int]] = (), lines: Sequence[tuple[int, int, int, int, int]] = ()) -> bytes:
    """``.BTF.ext`` from (section name, byte offset, type) and (section name, byte offset, file, text, line << 10).

    Names and texts are offsets of strings in the BTF.
    """
    func_info = _records(8, [(entry[0], struct.pack("<II", *entry[1:])) for entry in functions])
    line_info = _records(16, [(entry[0], struct.pack("<IIII", *entry[1:])) for entry in lines])
    return (
        struct.pack("<HBBIIIII", b.MAGIC, 1, 0, 24, 0, len(func_info), len(func_info), len(line_info))
        + func_info
        + line_info
    )


def _records(size: int, entries: Sequence[tuple[int, bytes]]) -> bytes:
    if not entries:
        return b""
    parts = [struct.pack("<I", size)]
    for section in dict.fromkeys(section for section, _ in entries):
        own = [record for where, record in entries if where == section]
        parts.append(struct.pack("<II", section, len(own)) + b"".join(own))
    return b"".join(parts)
