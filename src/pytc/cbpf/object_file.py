"""Write a translated program as an object file that pytc, tc and libbpf load."""

from __future__ import annotations

import struct
import sys

_ORDER = "<" if sys.byteorder == "little" else ">"
_HEADER = struct.Struct(f"{_ORDER}4sBBB9xHHIQQQIHHHHHH")
_SECTION = struct.Struct(f"{_ORDER}IIQQQQIIQQ")
_SYMBOL = struct.Struct(f"{_ORDER}IBBHQQ")
_PROGBITS, _SYMTAB, _STRTAB = 1, 2, 3
_WRITE, _ALLOC, _EXECINSTR = 1, 2, 4
_RELOCATABLE, _MACHINE_BPF, _GLOBAL_FUNCTION = 1, 247, 0x12
_CODE, _LICENSE, _SYMBOLS, _STRINGS = 1, 2, 3, 4

SECTION = "classifier"
FUNCTION = "expression"
_LICENSE_TEXT = b"Dual BSD/GPL\0"


def object_file(code: bytes) -> bytes:
    """Return an ELF object with one program: function ``expression`` in section ``classifier``."""
    names = ("", SECTION, "license", ".symtab", ".strtab", FUNCTION)
    strings = b"".join(name.encode() + b"\0" for name in names)
    offsets = {name: strings.index(b"\0" + name.encode() + b"\0") + 1 for name in names[1:]}
    symbols = bytes(_SYMBOL.size) + _SYMBOL.pack(offsets[FUNCTION], _GLOBAL_FUNCTION, 0, _CODE, 0, len(code))
    sections = (
        (SECTION, _PROGBITS, _ALLOC | _EXECINSTR, code, 0, 0, 0),
        ("license", _PROGBITS, _ALLOC | _WRITE, _LICENSE_TEXT, 0, 0, 0),
        (".symtab", _SYMTAB, 0, symbols, _STRINGS, 1, _SYMBOL.size),  # 1: the first global symbol
        (".strtab", _STRTAB, 0, strings, 0, 0, 0),
    )
    body, headers = b"", bytes(_SECTION.size)
    for name, kind, flags, data, link, info, entry in sections:
        headers += _SECTION.pack(
            offsets[name], kind, flags, 0, _HEADER.size + len(body), len(data), link, info, 8, entry
        )
        body += data + bytes(-len(data) % 8)
    header = _HEADER.pack(
        b"\x7fELF",
        2,
        1 if _ORDER == "<" else 2,
        1,
        _RELOCATABLE,
        _MACHINE_BPF,
        1,
        0,
        0,
        _HEADER.size + len(body),
        0,
        _HEADER.size,
        0,
        0,
        _SECTION.size,
        len(sections) + 1,
        _STRINGS,
    )
    return header + body + headers
