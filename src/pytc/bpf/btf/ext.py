"""Read .BTF.ext: function and line information, and CO-RE relocations, by code section.

Layout (Documentation/bpf/btf.rst): a header ``magic u16, version u8, flags u8, hdr_len u32, func_info_off u32,
func_info_len u32, line_info_off u32, line_info_len u32``, optionally ``core_relo_off u32, core_relo_len u32``. Each
part: record size u32, then for each section ``sec_name_off u32, num_info u32`` and the records, which start with the
instruction's offset in bytes.
"""

from __future__ import annotations

import struct
from bisect import bisect_left

from pytc.bpf.btf.types import MAGIC
from pytc.bpf.insn import instructions
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.bpf.btf.types import Btf

_HEADER = struct.Struct("<HBBIIIII")
_U32 = struct.Struct("<I")
_SECTION = struct.Struct("<II")
_CORE = struct.Struct("<II")
_TYPE_ID_LOCAL = 6
_LINE = struct.Struct("<IIII")
_COLUMN = 0x3FF


class Records(NamedTuple):
    """Records of ``size`` bytes, by section name: sorted offsets in bytes, and the records in the same order."""

    size: int
    by_section: dict[str, tuple[list[int], bytes]]

    def in_range(self, section: str, start: int, length: int) -> tuple[list[int], bytes]:
        """Return (offsets, records) of the code in bytes [start, start + length)."""
        offsets, records = self.by_section.get(section, ([], b""))
        first, last = bisect_left(offsets, start), bisect_left(offsets, start + length)
        return offsets[first:last], records[first * self.size : last * self.size]

    def slice(self, section: str, start: int, length: int, new_start: int) -> bytes:
        """Return the records of the code in bytes [start, start + length), moved to instruction ``new_start``."""
        offsets, records = self.in_range(section, start, length)
        moved = bytearray(records)
        numbers = [(offset - start) // instructions.SIZE + new_start for offset in offsets]
        memoryview(moved).cast("I")[:: self.size // 4] = memoryview(struct.pack(f"={len(numbers)}I", *numbers)).cast(
            "I"
        )
        return bytes(moved)


class CoreRelocation(NamedTuple):
    """A ``struct bpf_core_relo``; ``offset`` is in bytes into the code section."""

    offset: int
    type_id: int
    access: str
    kind: int


class Line(NamedTuple):
    """A place in C source; ``text`` is the line itself when the compiler kept it, and ``column`` counts from 1 in it, 0
    for unknown."""

    file: str
    line: int
    text: str
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class BtfExt(NamedTuple):
    """The records of .BTF.ext: functions, lines, and CO-RE relocations."""

    functions: Records
    lines: Records
    core: Records


def parse(data: bytes, btf: Btf) -> BtfExt:
    """Return the records of a .BTF.ext section; raises ObjectError where a length or offset leads out of it."""
    if len(data) < _HEADER.size:
        raise ObjectError(f".BTF.ext has {len(data)} bytes, too few for its header")
    magic, version, _flags, header, func_at, func_size, line_at, line_size = _HEADER.unpack_from(data)
    if magic != MAGIC or version != 1:
        raise ObjectError(f".BTF.ext starts with {magic:#06x} version {version}")
    core_at = core_size = 0
    if header >= _HEADER.size + _CORE.size and len(data) >= _HEADER.size + _CORE.size:
        core_at, core_size = _CORE.unpack_from(data, _HEADER.size)
    return BtfExt(
        _records(data, btf, header + func_at, func_size, minimum=8),
        _records(data, btf, header + line_at, line_size, minimum=16),
        _records(data, btf, header + core_at, core_size, minimum=16),
    )


def core_relocations(ext: BtfExt, btf: Btf, section: str, start: int, length: int) -> list[CoreRelocation]:
    """Return the CO-RE relocations of the code in bytes [start, start + length)."""
    _, records = ext.core.in_range(section, start, length)
    return [
        CoreRelocation(offset, type_id, btf.string(access), kind)
        for offset, type_id, access, kind in _each(records, ext.core.size)
    ]


def _records(data: bytes, btf: Btf, position: int, size: int, minimum: int) -> Records:
    end = position + size
    if not size:
        return Records(minimum, {})
    if end > len(data) or size < 4:
        raise ObjectError(f".BTF.ext is truncated: it has {len(data)} bytes")
    (record_size,) = _U32.unpack_from(data, position)
    if record_size < minimum or record_size % 4 or record_size > 4096:
        raise ObjectError(f".BTF.ext has records of {record_size} bytes")
    position += 4
    by_name: dict[int, bytes] = {}
    while position < end:
        if position + _SECTION.size > end:
            raise ObjectError(".BTF.ext: a section header is cut off")
        name, count = _SECTION.unpack_from(data, position)
        position += _SECTION.size
        length = count * record_size
        if position + length > end:
            raise ObjectError(".BTF.ext: records are cut off")
        by_name[name] = by_name.get(name, b"") + data[position : position + length]
        position += length
    records: dict[str, bytes] = {}
    for offset, section in btf.strings(by_name).items():
        records[section] = records.get(section, b"") + by_name[offset]
    return Records(record_size, {section: _in_order(rows, record_size) for section, rows in records.items()})


def _in_order(records: bytes, size: int) -> tuple[list[int], bytes]:
    """Return (offsets, records) sorted by offset; compilers write them in that order already."""
    offsets = memoryview(records).cast("I")[:: size // 4].tolist()
    if offsets != sorted(offsets):
        order = sorted(range(len(offsets)), key=offsets.__getitem__)
        records = b"".join(records[i * size : (i + 1) * size] for i in order)
        offsets = [offsets[i] for i in order]
    return offsets, records


def root_types(ext: BtfExt) -> set[int]:
    """Return the ids of the types that CO-RE relocations start from, except those that ask for the object's own type
    ids."""
    return {
        fields[1]
        for _, records in ext.core.by_section.values()
        for fields in _each(records, ext.core.size)
        if fields[3] != _TYPE_ID_LOCAL
    }


def _each(records: bytes, size: int) -> Iterable[tuple[int, int, int, int]]:
    if size == _LINE.size:
        return _LINE.iter_unpack(records)
    return (_LINE.unpack_from(records, start) for start in range(0, len(records), size))


def line_at(line_info: bytes, record_size: int, instruction: int, btf: Btf) -> Line | None:
    """Return the source line of an instruction of a linked program: the last record at or before it that has a line.

    Compilers give line 0 to instructions that come from no line, or from several.
    """
    best: tuple[int, int, int, int] | None = None
    for position in range(0, len(line_info) - record_size + 1, record_size):
        record = _LINE.unpack_from(line_info, position)
        if record[0] > instruction:
            break
        if record[3] >> 10:
            best = record
    if best is None:
        return None
    _, file, text, column = best
    quoted = btf.string(text)
    indent = len(quoted) - len(quoted.lstrip())
    return Line(btf.string(file), column >> 10, quoted.strip(), max((column & _COLUMN) - indent, 0))
