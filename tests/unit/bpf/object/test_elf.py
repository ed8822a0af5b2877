"""ELF files are read as pyelftools reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_SH_TYPE_BASE
from elftools.elf.relocation import RelocationSection

from pytc.bpf.object.elf import UNDEFINED, parse, wants_relocations
from tests.conftest import EXAMPLES
from tests.processes import ROOT

OBJECTS = sorted([*EXAMPLES.glob("*.o"), *(ROOT / "tests").rglob("*.o")])


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.stem)
def test_sections_symbols_and_relocations_are_those_of_pyelftools(path: Path) -> None:
    image = parse(path.read_bytes())
    with path.open("rb") as file:
        expected = ELFFile(file)
        for section, other in zip(image.sections, expected.iter_sections(), strict=True):
            assert (section.name, section.size, section.flags) == (other.name, other["sh_size"], other["sh_flags"])
            assert section.type == ENUM_SH_TYPE_BASE.get(other["sh_type"], other["sh_type"])
            assert section.data == (other.data() if other["sh_type"] not in ("SHT_NOBITS", "SHT_NULL") else b"")
            if isinstance(other, RelocationSection) and wants_relocations(image.sections[section.info]):
                assert [(r.offset, r.symbol.number, r.type) for r in image.relocations[section.info]] == [
                    (r["r_offset"], r["r_info_sym"], r["r_info_type"]) for r in other.iter_relocations()
                ]
        symbols = expected.get_section_by_name(".symtab")
        for symbol, known in zip(image.symbols, symbols.iter_symbols(), strict=True):
            assert (symbol.value, symbol.size) == (known["st_value"], known["st_size"])
            assert symbol.name == known.name or symbol.section != UNDEFINED


def test_there_are_objects() -> None:
    assert len(OBJECTS) > 10
