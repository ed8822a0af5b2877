"""Object files made in memory, so that a test shows its whole input.

>>> data = elf(code("classifier", mov(0, 1), EXIT), symbols=[function("cls_main", "classifier")])
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NULL, PROGBITS, SYMTAB, STRTAB, RELA, NOBITS, REL = 0, 1, 2, 3, 4, 8, 9
WRITE, ALLOC, EXEC = 1, 2, 4
NOTYPE, OBJECT, FUNC, SECTION = 0, 1, 2, 3
LOCAL, GLOBAL, WEAK = 0, 1, 2
BPF, X86_64, RELOCATABLE = 247, 62, 1
_HEADER = struct.Struct("<4sBBB9xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


class Section(NamedTuple):
    """``size`` is what the header says; by default the length of ``data``."""

    name: str
    data: bytes = b""
    type: int = PROGBITS
    flags: int = 0
    link: int = 0
    info: int = 0
    size: int | None = None


class Symbol(NamedTuple):
    """``section`` is a name, empty for an undefined symbol, or a number."""

    name: str
    section: str | int = ""
    value: int = 0
    size: int = 0
    type: int = NOTYPE
    binding: int = GLOBAL


class Relocation(NamedTuple):
    """Patches ``section``; ``symbol`` is a name or a number. With an addend the table is a RELA one."""

    section: str
    offset: int
    symbol: str | int
    addend: int | None = None


def elf(
    *sections: Section,
    symbols: Iterable[Symbol] = (),
    relocations: Sequence[Relocation] = (),
    machine: int = BPF,
    type: int = RELOCATABLE,
    shift: int = 0,
) -> bytes:
    """The bytes of an object file: the sections in order, then relocations, symbols and names.

    Each begins ``shift`` bytes behind a multiple of 16, whatever its header says.
    """
    numbers = {section.name: index for index, section in reversed(list(enumerate(sections, 1)))}
    symbols = list(symbols)
    strings = _Strings()
    patched = list(dict.fromkeys(relocation.section for relocation in relocations))
    table = len(sections) + len(patched) + 1
    entries = b"".join(_symbol(symbol, numbers, strings) for symbol in symbols)
    every = [
        Section("", type=NULL),
        *sections,
        *(_relocations(name, relocations, symbols, numbers[name], table) for name in patched),
        Section(".symtab", bytes(_SYMBOL.size) + entries, SYMTAB, link=table + 1),
    ]
    names = [strings.add(section.name) for section in every] + [strings.add(".strtab")]
    every.append(Section(".strtab", strings.data, STRTAB))
    return _layout(every, names, machine, type, shift)


def _layout(sections: list[Section], names: list[int], machine: int, type: int, shift: int) -> bytes:
    body, headers = bytearray(shift), bytearray()
    for section, name in zip(sections, names, strict=True):
        at = _HEADER.size + len(body) if section.type != NULL else 0
        size = len(section.data) if section.size is None else section.size
        headers += _SECTION.pack(name, section.type, section.flags, 0, at, size, section.link, section.info, 16, 0)
        body += section.data + bytes(-len(section.data) % 16)
    header = _HEADER.pack(
        b"\x7fELF",
        2,
        1,
        1,
        type,
        machine,
        1,
        0,
        0,
        _HEADER.size + len(body),
        0,
        64,
        0,
        0,
        64,
        len(sections),
        len(sections) - 1,
    )
    return header + bytes(body) + bytes(headers)


def _symbol(symbol: Symbol, numbers: dict[str, int], strings: _Strings) -> bytes:
    section = symbol.section if isinstance(symbol.section, int) else numbers.get(symbol.section, 0)
    return _SYMBOL.pack(
        strings.add(symbol.name), symbol.binding << 4 | symbol.type, 0, section, symbol.value, symbol.size
    )


def _relocations(
    name: str, relocations: Sequence[Relocation], symbols: list[Symbol], number: int, table: int
) -> Section:
    own = [relocation for relocation in relocations if relocation.section == name]
    by_name = {symbol.name: index for index, symbol in enumerate(symbols, 1)}
    explicit = any(relocation.addend is not None for relocation in own)
    data = b""
    for relocation in own:
        symbol = relocation.symbol if isinstance(relocation.symbol, int) else by_name[relocation.symbol]
        data += struct.pack("<QQ", relocation.offset, symbol << 32 | 1)
        data += struct.pack("<q", relocation.addend or 0) if explicit else b""
    return Section(f".rel{'a' if explicit else ''}{name}", data, RELA if explicit else REL, link=table, info=number)


class _Strings:
    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        found = self.data.find(b"\0" + text.encode() + b"\0")
        if found < 0:
            found = len(self.data) - 1
            self.data += text.encode() + b"\0"
        return found + 1


def insn(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """One instruction of 8 bytes."""
    return struct.pack("<BBhi", opcode, source << 4 | destination, offset, immediate)


def mov(register: int, immediate: int) -> bytes:
    """``register = immediate``."""
    return insn(0xB7, register, immediate=immediate)


def call(immediate: int, *, source: int = 1) -> bytes:
    """A call: of the function ``immediate`` + 1 instructions on, or with ``source`` 0 of a helper."""
    return insn(0x85, source=source, immediate=immediate)


def address(register: int, immediate: int = 0) -> bytes:
    """``register = immediate ll``, 16 bytes: what refers to maps, data and callbacks."""
    return insn(0x18, register, immediate=immediate) + bytes(8)


EXIT = insn(0x95)
RETURN_0 = mov(0, 0) + EXIT


def code(name: str, *instructions: bytes) -> Section:
    """A section with instructions."""
    return Section(name, b"".join(instructions), flags=ALLOC | EXEC)


def function(name: str, section: str, at: int = 0, count: int = 0, *, binding: int = GLOBAL) -> Symbol:
    """A function; ``at`` and ``count`` in instructions."""
    return Symbol(name, section, at * 8, count * 8, FUNC, binding)


def words(*numbers: int) -> bytes:
    """Little-endian u32."""
    return struct.pack(f"<{len(numbers)}I", *(number & 0xFFFFFFFF for number in numbers))


def license(text: str = "GPL") -> Section:
    """The license section."""
    return Section("license", text.encode() + b"\0", flags=ALLOC | WRITE)
