"""Parse ELF files of BPF compilers: 64-bit, little-endian, relocatable (elf(5)).

Every offset, size and index of the file is checked before use: objects come from anywhere, and pytc runs as root. The
import of pyelftools takes as long as reading and linking an object; it names what is no BPF object, and a test holds
this module to what it reads.
"""

from __future__ import annotations

import struct
import sys
from errno import ENOENT, ENOTDIR

from pytc.bpf.object.file_kinds import file_kind_hint
from pytc.bpf.sys.files import ELF_MAGIC, is_bpffs, is_given_pipe, read_input_file, read_regular_file
from pytc.cpython import lru_cache
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILE_SIZE = 128 << 20
#: Elf64_Ehdr and Elf64_Shdr.
_HEADER = struct.Struct("<16xHH4x8x8xQ4x2x2x2xHHH")
_SECTION_HEADER = struct.Struct("<IIQ8xQQII8x8x")
_SYMBOL = struct.Struct("<IBBHQQ")
_REL = struct.Struct("<QQ")
_RELA = struct.Struct("<QQq")
_SHF_EXECINSTR = 4
_HIDDEN = (1, 2)  # STV_INTERNAL, STV_HIDDEN
_SHN_LORESERVE = 0xFF00

# Symbol types and bindings of the ELF specification.
NOTYPE, OBJECT, FUNC, SECTION = 0, 1, 2, 3
LOCAL, GLOBAL, WEAK = 0, 1, 2
UNDEFINED = 0
COMMON = 0xFFF2
# Section types.
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 0, 1, 2, 4, 8, 9
_ET_REL = 1
_EM_NONE, _EM_BPF = 0, 247


class ElfSection(NamedTuple):
    """A section; ``data`` is empty without contents in the file (``.bss``), while ``size`` still counts."""

    number: int
    name: str
    type: int
    flags: int
    size: int
    link: int
    info: int
    data: bytes

    @property
    def is_code(self) -> bool:
        """Whether the section holds instructions."""
        return self.type == SHT_PROGBITS and bool(self.flags & _SHF_EXECINSTR)


class ElfSymbol(NamedTuple):
    """A symbol; ``section`` is 0 for an undefined one, and 0xff00 or more for a special one."""

    number: int
    name: str
    type: int
    binding: int
    section: int
    value: int
    size: int
    is_hidden: bool = False


class ElfRelocation(NamedTuple):
    """A relocation; ``offset`` is in bytes into the section that is patched, ``addend`` 0 in REL tables."""

    offset: int
    symbol: ElfSymbol
    type: int
    addend: int


class ElfImage(NamedTuple):
    """A parsed relocatable object. ``relocations`` are by index of the section that they patch; ``by_name`` has the
    first section of each name."""

    sections: tuple[ElfSection, ...]
    symbols: tuple[ElfSymbol, ...]
    relocations: dict[int, list[ElfRelocation]]
    by_name: dict[str, ElfSection]

    def code_sections(self) -> list[ElfSection]:
        """Return the sections that hold instructions, in the order of the file."""
        return [s for s in self.sections if s.is_code]


def read_file(path: str) -> bytes:
    """Return the bytes of an object file; raises ObjectError.

    ``-`` is standard input unless there is such a file; it and other pipes of this process are read once, and give the
    same bytes again.
    """
    try:
        data = _read_pipe(path) if is_given_pipe(path) else read_regular_file(path, MAX_FILE_SIZE)
    except OSError as error:
        # Opening the pin of a program is EIO (bpffs_obj_open in kernel/bpf/inode.c).
        hints = (_pin_hint(path),) if error.errno not in (ENOENT, ENOTDIR) and is_bpffs(path) else ()
        raise ObjectError(
            f'cannot open object file "{path}": {error.strerror}', errno=error.errno, hints=hints
        ) from error
    except ValueError as error:
        raise ObjectError(f'cannot read object file "{path}": {error}') from error
    if data[: len(ELF_MAGIC)] != ELF_MAGIC and is_bpffs(path):  # the pin of a map may be read as text
        raise ObjectError(f'object file "{path}": not an ELF file', hints=(_pin_hint(path),))
    return data


@lru_cache(maxsize=4)
def _read_pipe(path: str) -> bytes:
    return read_input_file(path, MAX_FILE_SIZE)


def _pin_hint(path: str) -> str:
    return (
        f'"{path}" is a pin in a bpffs: filter, action and tcx take it as object-pinned {path}, '
        f"prog run as pinned {path}"
    )


def parse(data: bytes) -> ElfImage:
    """Return the sections, symbols and relocations of an object file; raises ObjectError."""
    sections = _parse_sections(data, _check_header)
    symbols = _read_symbols(sections)
    by_name = {section.name: section for section in reversed(sections)}
    return ElfImage(sections, symbols, _read_relocations(sections, symbols), by_name)


def section_data(data: bytes, name: str) -> bytes | None:
    """Return the contents of a section of an ELF file of any machine and type, None where it has no such section.

    Raises ObjectError.
    """
    return next((section.data for section in _parse_sections(data) if section.name == name), None)


class _Header(NamedTuple):
    """The fields of an ELF header that concern a relocatable object."""

    type: int
    machine: int
    section_headers: int
    section_header_size: int
    section_count: int
    names_section: int


class _SectionHeader(NamedTuple):
    """The fields of a section header, but for address, alignment and size of entries."""

    name: int
    type: int
    flags: int
    offset: int
    size: int
    link: int
    info: int


def _parse_sections(data: bytes, check: Callable[[_Header], None] | None = None) -> tuple[ElfSection, ...]:
    _check_identity(data)
    header = _Header._make(_HEADER.unpack_from(data))
    if check is not None:
        check(header)
    return _read_sections(data, header)


def _check_identity(data: bytes) -> None:
    if data[:4] != ELF_MAGIC:
        hint = file_kind_hint(data)
        raise ObjectError("not an ELF file" if data else "the file is empty", hints=(hint,) if hint else ())
    if len(data) < _HEADER.size:
        raise ObjectError(f"truncated: {len(data)} bytes are too few for an ELF header")
    if data[4] != 2:
        raise ObjectError("not a 64-bit ELF file; BPF objects are (clang -target bpf)")
    if data[5] == 2:
        raise ObjectError(
            "a big-endian object (clang -target bpfeb); this machine is little-endian, "
            "build it with -target bpf or -target bpfel"
        )
    if data[5] != 1 or sys.byteorder != "little":
        raise ObjectError(f"unknown or foreign byte order {data[5]} in the ELF header")


def _check_header(header: _Header) -> None:
    if header.machine not in (_EM_BPF, _EM_NONE):
        raise ObjectError(
            f"an ELF file for machine {_name_of(header.machine, 'ENUM_E_MACHINE')}, not for BPF; compile it with "
            "clang -target bpf"
        )
    if header.type != _ET_REL:
        raise ObjectError(
            f"an ELF file of type {_name_of(header.type, 'ENUM_E_TYPE')}, not a relocatable object (clang -c)"
        )
    if header.section_header_size != _SECTION_HEADER.size:
        raise ObjectError(f"section headers of {header.section_header_size} bytes; {_SECTION_HEADER.size} expected")


def _name_of(number: int, table: str) -> str:
    """Return the name that a table of pyelftools has for a number, the number itself where it has none."""
    from elftools.elf import enums

    names = {value: name for name, value in getattr(enums, table).items() if isinstance(value, int)}
    return str(names.get(number, number))


def _read_sections(data: bytes, header: _Header) -> tuple[ElfSection, ...]:
    start, count = header.section_headers, header.section_count
    if not count:
        raise ObjectError("the file has no sections")
    end = start + count * _SECTION_HEADER.size
    if end > len(data):
        raise ObjectError(f"truncated: the section headers end at byte {end}, the file has {len(data)}")
    headers = [*map(_SectionHeader._make, _SECTION_HEADER.iter_unpack(data[start:end]))]
    contents = [_contents(data, index, entry) for index, entry in enumerate(headers)]
    if header.names_section >= count:
        raise ObjectError(f"section {header.names_section} should hold the names; there are only {count} sections")
    names = contents[header.names_section]
    return tuple(
        ElfSection(
            index,
            string_at(names, entry.name),
            entry.type,
            entry.flags,
            entry.size,
            entry.link,
            entry.info,
            contents[index],
        )
        for index, entry in enumerate(headers)
    )


def _contents(data: bytes, index: int, header: _SectionHeader) -> bytes:
    if header.type in (SHT_NOBITS, SHT_NULL):
        if header.size > MAX_FILE_SIZE:
            raise ObjectError(f"section {index} claims {header.size} bytes")
        return b""
    end = header.offset + header.size
    if end > len(data):
        raise ObjectError(f"truncated: section {index} ends at byte {end}, the file has {len(data)}")
    return data[header.offset : end]


def string_at(table: bytes, offset: int) -> str:
    """Return the NUL-terminated string at ``offset``; bytes that are not UTF-8 come out escaped."""
    if offset >= len(table):
        if offset == 0:
            return ""
        raise ObjectError(f"no name at byte {offset}: the string table has {len(table)} bytes")
    end = table.find(b"\0", offset)
    return table[offset : end if end >= 0 else len(table)].decode("utf-8", "backslashreplace")


def _read_symbols(sections: tuple[ElfSection, ...]) -> tuple[ElfSymbol, ...]:
    table = next((s for s in sections if s.type == SHT_SYMTAB), None)
    if table is None:
        return ()
    if table.link >= len(sections):
        raise ObjectError(f"the symbol table's names are in section {table.link}; there are only {len(sections)}")
    if len(table.data) % _SYMBOL.size:
        raise ObjectError(f"the symbol table has {len(table.data)} bytes, not a multiple of {_SYMBOL.size}")
    names = sections[table.link].data
    symbols = []
    for index, (name, info, other, section, value, size) in enumerate(_SYMBOL.iter_unpack(table.data)):
        if len(sections) <= section < _SHN_LORESERVE:
            raise ObjectError(f"symbol {index} is in section {section}; there are only {len(sections)}")
        text = string_at(names, name)
        if info & 0xF == SECTION and not text and section < _SHN_LORESERVE:
            text = sections[section].name
        symbols.append(ElfSymbol(index, text, info & 0xF, info >> 4, section, value, size, other & 3 in _HIDDEN))
    return tuple(symbols)


def _read_relocations(
    sections: tuple[ElfSection, ...], symbols: tuple[ElfSymbol, ...]
) -> dict[int, list[ElfRelocation]]:
    result: dict[int, list[ElfRelocation]] = {}
    for section in sections:
        if section.type not in (SHT_REL, SHT_RELA):
            continue
        if section.info >= len(sections):
            raise ObjectError(
                f'relocations "{section.name}" patch section {section.info}; there are only {len(sections)}'
            )
        patched = sections[section.info]
        if not wants_relocations(patched):
            continue
        entry = _RELA if section.type == SHT_RELA else _REL
        if len(section.data) % entry.size:
            raise ObjectError(
                f'relocations "{section.name}" have {len(section.data)} bytes, not a multiple of {entry.size}'
            )
        entries = result.setdefault(section.info, [])
        for offset, info, *addend in entry.iter_unpack(section.data):
            symbol = info >> 32
            if symbol >= len(symbols):
                raise ObjectError(f'relocation "{section.name}" names symbol {symbol}; there are only {len(symbols)}')
            if offset >= patched.size:
                raise ObjectError(f'relocation "{section.name}" patches byte {offset} of {patched.size}')
            entries.append(ElfRelocation(offset, symbols[symbol], info & 0xFFFFFFFF, addend[0] if addend else 0))
    return result


def wants_relocations(section: ElfSection) -> bool:
    """Return whether to read the relocations of a section: those of debug information are many, and nothing here uses
    them."""
    return not section.name.startswith((".debug", ".BTF", ".eh_frame", ".llvm", ".rel"))
