"""From bytes to a specification: what is in the file, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from pytc.bpf import MapType, ProgramType, read_bytes, read_object
from pytc.bpf.object.elf import MAX_FILE_SIZE
from pytc.bpf.object.spec import DATA, MapSpec, ObjectSpec
from pytc.bpf.sys.files import looks_like_elf
from pytc.errors import BpfError, ObjectError
from tests.btf_writer import BtfWriter
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    EXIT,
    FUNC,
    LOCAL,
    NOBITS,
    NOTYPE,
    OBJECT,
    RETURN_0,
    WRITE,
    X86_64,
    Relocation,
    Section,
    Symbol,
    address,
    code,
    elf,
    function,
    license,
    words,
)
from tests.unit.bpf.object.support import link_all


def minimal(*more: Section) -> bytes:
    return elf(code("classifier", RETURN_0), *more, symbols=[function("cls_main", "classifier")])


class TestHead:
    """License, version, name, digest."""

    def test_the_license_ends_at_its_nul(self) -> None:
        assert read_bytes(minimal(Section("license", b"Dual BSD/GPL\0junk"))).license == "Dual BSD/GPL"

    def test_without_a_section_there_is_no_license(self) -> None:
        assert read_bytes(minimal()).license == ""

    def test_a_license_without_nul_is_taken_whole(self) -> None:
        assert read_bytes(minimal(Section("license", b"GPL"))).license == "GPL"

    def test_a_license_that_is_no_utf8_comes_out_escaped(self) -> None:
        assert read_bytes(minimal(Section("license", b"\xffGPL\0"))).license == "\\xffGPL"

    def test_the_version_is_a_number(self) -> None:
        assert read_bytes(minimal(Section("version", words(0x0004_0E00)))).kernel_version == 0x40E00

    @pytest.mark.parametrize("data", [b"", b"\1\0", bytes(8)])
    def test_a_version_of_another_size_is_none(self, data: bytes) -> None:
        assert read_bytes(minimal(Section("version", data))).kernel_version == 0

    def test_the_name_is_that_of_the_file(self) -> None:
        spec = read_bytes(minimal(), "/some/where/bpf.o")
        assert (spec.name, spec.path) == ("bpf.o", "/some/where/bpf.o")

    def test_the_digest_is_the_sha1_of_the_bytes(self) -> None:
        assert read_bytes(minimal()).digest == hashlib.sha1(minimal()).hexdigest()

    def test_the_same_bytes_give_the_same_maps_and_programs(self, build: Compiler) -> None:
        one, two = read_object(build("modern_globals")), read_object(build("modern_globals"))
        assert (one.maps, one.programs, one.sections) == (two.maps, two.programs, two.sections)


class TestPrograms:
    def names(self, spec: ObjectSpec) -> list[tuple[str, str]]:
        return [(program.section, program.name) for program in spec.programs]

    def test_every_global_function_is_a_program(self) -> None:
        spec = read_bytes(
            elf(
                code("tc", RETURN_0, RETURN_0),
                code("xdp", RETURN_0),
                symbols=[function("two", "tc", 2, 2), function("one", "tc", 0, 2), function("three", "xdp")],
            )
        )
        assert self.names(spec) == [("tc", "one"), ("tc", "two"), ("xdp", "three")]
        assert spec.programs_in("tc") == spec.programs[:2]

    def test_functions_of_text_are_not_when_there_are_others(self) -> None:
        spec = read_bytes(
            elf(
                code(".text", RETURN_0),
                code("tc", RETURN_0),
                symbols=[function("helper", ".text"), function("cls", "tc")],
            )
        )
        assert self.names(spec) == [("tc", "cls")]

    def test_functions_of_text_are_when_there_are_no_others(self) -> None:
        spec = read_bytes(elf(code(".text", RETURN_0), symbols=[function("cls", ".text")]))
        assert self.names(spec) == [(".text", "cls")]

    def test_static_functions_beside_global_ones_are_not(self) -> None:
        spec = read_bytes(
            elf(
                code("tc", RETURN_0, RETURN_0),
                symbols=[function("local", "tc", 0, 2, binding=LOCAL), function("cls", "tc", 2, 2)],
            )
        )
        assert self.names(spec) == [("tc", "cls")]

    def test_a_section_of_static_functions_starts_with_a_program(self) -> None:
        spec = read_bytes(
            elf(
                code("tc", RETURN_0, RETURN_0),
                symbols=[function("first", "tc", 0, 2, binding=LOCAL), function("second", "tc", 2, 2, binding=LOCAL)],
            )
        )
        assert self.names(spec) == [("tc", "first")]

    def test_old_compilers_leave_functions_untyped(self) -> None:
        spec = read_bytes(elf(code("tc", RETURN_0), symbols=[Symbol("cls", "tc", 0, 0, NOTYPE)]))
        assert self.names(spec) == [("tc", "cls")]

    def test_code_without_any_symbol_is_a_program_too(self) -> None:
        assert self.names(read_bytes(elf(code("tc", RETURN_0)))) == [("tc", "tc")]

    def test_a_function_without_a_size_goes_on_to_the_next(self) -> None:
        spec = read_bytes(
            elf(code("tc", RETURN_0, RETURN_0), symbols=[function("one", "tc", 0, 0), function("two", "tc", 2, 0)])
        )
        assert [(p.function.offset, p.function.size) for p in spec.programs] == [(0, 16), (16, 16)]

    @pytest.mark.parametrize(
        ("section", "type"),
        [("classifier", ProgramType.SCHED_CLS), ("xdp", ProgramType.XDP), ("mycls", ProgramType.UNSPEC)],
    )
    def test_the_section_says_the_type(self, section: str, type: ProgramType) -> None:
        assert read_bytes(elf(code(section, RETURN_0))).programs[0].type is type

    def test_empty_sections_hold_none(self) -> None:
        assert read_bytes(elf(code(".text"), Section("license", b"GPL\0"))).programs == ()

    @pytest.mark.parametrize(("at", "size"), [(4, 8), (0, 12), (0, 24), (16, 8)])
    def test_a_function_that_leads_out_of_its_section_is_refused(self, at: int, size: int) -> None:
        symbol = Symbol("cls", "tc", at, size, FUNC)
        with pytest.raises(ObjectError, match=r'function "cls" takes bytes .* of section "tc", which has 16'):
            read_bytes(elf(code("tc", RETURN_0), symbols=[symbol]))

    def test_half_an_instruction_is_refused(self) -> None:
        with pytest.raises(ObjectError, match='section "tc" has 12 bytes, not a whole number of instructions'):
            read_bytes(elf(code("tc", RETURN_0[:12])))


class TestDataSections:
    def test_each_is_an_array_of_one_element(self) -> None:
        spec = read_bytes(minimal(Section(".data", b"12345678", flags=ALLOC | WRITE)), "bpf.o")
        assert spec.maps[".data"] == MapSpec(
            ".data", MapType.ARRAY, 4, 8, 1, origin=DATA, contents=b"12345678", section=".data"
        )

    @pytest.mark.parametrize(("linkage", "flags"), [(0, 0), (1, 0x400), (2, 0x400)])
    def test_those_with_global_variables_can_be_mapped_into_memory(self, linkage: int, flags: int) -> None:
        w = BtfWriter()
        number = w.integer()
        variables = [(w.variable("first", number, 0), 0, 4), (w.variable("second", number, linkage), 4, 4)]
        w.data_section(".data", variables)
        data = minimal(Section(".data", bytes(8), flags=ALLOC | WRITE), Section(".BTF", w.data()))
        assert read_bytes(data).maps[".data"].flags == flags

    def test_read_only_ones_are_frozen(self) -> None:
        found = read_bytes(minimal(Section(".rodata", b"1234", flags=ALLOC))).maps[".rodata"]
        assert (found.frozen, found.flags) == (True, 0x80)

    def test_bss_has_a_size_and_no_contents(self) -> None:
        found = read_bytes(minimal(Section(".bss", type=NOBITS, flags=ALLOC | WRITE, size=12))).maps[".bss"]
        assert (found.value_size, found.contents) == (12, b"")

    @pytest.mark.parametrize("name", [".data.state", ".rodata.cfg", ".bss.pages", ".rodata.str1.1"])
    def test_sections_of_ones_own_count_too(self, name: str) -> None:
        assert name in read_bytes(minimal(Section(name, b"1234", flags=ALLOC))).maps

    @pytest.mark.parametrize("name", [".database", "data", ".rodata2", ".eh_frame", "license"])
    def test_others_do_not(self, name: str) -> None:
        assert not read_bytes(minimal(Section(name, b"1234", flags=ALLOC))).maps

    def test_sections_that_are_not_loaded_do_not(self) -> None:
        assert not read_bytes(minimal(Section(".data", b"1234"))).maps

    def test_the_type_is_that_of_the_btf(self) -> None:
        btf = BtfWriter()
        section = btf.data_section(".data", [(btf.variable("v", btf.integer()), 0, 4)])
        data = minimal(Section(".data", bytes(4), flags=ALLOC | WRITE), Section(".BTF", btf.data()))
        assert read_bytes(data).maps[".data"].value_type_id == section

    def test_compiled_ones_have_their_contents(self, build: Compiler) -> None:
        maps = read_object(build("modern_globals")).maps
        assert maps[".data"].contents == struct.pack("<IxxxxQ", 3, 0x1122334455667788)
        assert maps[".rodata"].contents == struct.pack("<I4H", 1500, 53, 67, 123, 443)
        assert maps[".data.state"].contents == struct.pack("<QQ", 7, 40)
        assert maps[".rodata.str1.1"].contents == b"zebra!!\0"
        assert maps[".bss"].value_size == 12


class TestNoObject:
    """Files that are something else."""

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "the file is empty"),
            (b"#!/bin/sh", "not an ELF file"),
            (b"\x7fELF", "truncated: 4 bytes are too few"),
            (elf(machine=X86_64), "for machine EM_X86_64, not for BPF; compile it with clang -target bpf"),
            (elf(type=2), "of type ET_EXEC, not a relocatable object"),
            (elf()[:4] + b"\1" + elf()[5:], "not a 64-bit ELF file"),
            (elf()[:5] + b"\2" + elf()[6:], "a big-endian object .* build it with -target bpf or -target bpfel"),
            (elf()[:5] + b"\7" + elf()[6:], "unknown or foreign byte order 7"),
            (elf()[:60] + bytes(4), "the file has no sections"),
            (elf()[:62] + b"\x63\0" + elf()[64:], "section 99 should hold the names; there are only 3 sections"),
            (elf()[:58] + b"\x20\0" + elf()[60:], "section headers of 32 bytes; 64 expected"),
        ],
    )
    def test_says_what_it_is(self, data: bytes, message: str) -> None:
        with pytest.raises(ObjectError, match=message):
            read_bytes(data)

    def test_names_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "junk.o"
        path.write_bytes(b"junk")
        with pytest.raises(ObjectError, match=f'^object file "{path}": not an ELF file$'):
            read_object(str(path))

    def test_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(ObjectError, match=r'cannot open object file ".*/none": No such file') as caught:
            read_object(str(tmp_path / "none"))
        assert caught.value.errno == 2

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ObjectError, match="not a regular file"):
            read_object(str(tmp_path))

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ObjectError, match="not a regular file"):
            read_object(str(tmp_path / "pipe"))

    def test_a_path_that_cannot_be(self) -> None:
        with pytest.raises(BpfError, match="embedded null"):
            read_object("a\0b")

    def test_a_file_of_unreasonable_size(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.o"
        with path.open("wb") as file:
            file.truncate(MAX_FILE_SIZE + 1)
        with pytest.raises(ObjectError, match=f"has {MAX_FILE_SIZE + 1} bytes; the limit is"):
            read_object(str(path))

    def test_a_section_of_unreasonable_size(self) -> None:
        with pytest.raises(ObjectError, match=r"section 2 claims \d+ bytes"):
            read_bytes(minimal(Section(".bss", type=NOBITS, flags=ALLOC, size=1 << 40)))

    def test_a_section_that_ends_behind_the_file(self) -> None:
        with pytest.raises(ObjectError, match="truncated: section 2 ends at byte"):
            read_bytes(minimal(Section(".data", b"1", flags=ALLOC, size=1 << 20)))

    def test_a_symbol_in_a_section_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectError, match="symbol 1 is in section 77; there are only 4"):
            read_bytes(elf(code("tc", RETURN_0), symbols=[Symbol("x", 77)]))

    def test_relocations_of_a_section_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectError, match=r'relocations "\.reltc" patch section 77'):
            read_bytes(elf(code("tc", RETURN_0), Section(".reltc", type=9, info=77)))

    def test_relocations_that_are_cut_off(self) -> None:
        with pytest.raises(ObjectError, match="have 7 bytes, not a multiple of 16"):
            read_bytes(elf(code("tc", RETURN_0), Section(".reltc", bytes(7), type=9, info=1)))


class TestLooksLikeElf:
    def test_goes_by_the_first_bytes_of_a_regular_file(self, tmp_path: Path) -> None:
        (tmp_path / "object").write_bytes(minimal())
        (tmp_path / "text").write_text("1,6 0 0 0")
        os.mkfifo(tmp_path / "pipe")
        assert [looks_like_elf(str(tmp_path / name)) for name in ("object", "text", "pipe", "none", "")] == [
            True,
            False,
            False,
            False,
            False,
        ]

    def test_never_raises(self) -> None:
        assert not looks_like_elf("a\0b")


def test_an_empty_object_has_nothing() -> None:
    spec = read_bytes(elf(license()))
    assert (spec.programs, spec.maps, spec.sections, spec.license) == ((), {}, {}, "GPL")


@pytest.mark.parametrize("shift", [0, 1, 4, 8, 15])
@pytest.mark.parametrize("padding", [0, 4, 7, 16])
def test_no_part_of_a_file_has_to_be_aligned(shift: int, padding: int) -> None:
    """Sections with any address in the file, BTF with bytes between its parts."""
    writer = BtfWriter()
    number = writer.integer()
    declared = writer.map(
        "modern",
        {
            "type": writer.number(2),
            "key": writer.pointer(number),
            "value": writer.pointer(number),
            "max_entries": writer.number(9),
        },
    )
    writer.data_section(".maps", [(declared, 0, 32)])
    btf = writer.data(behind_header=padding, between=padding, behind=padding)
    data = elf(
        code("tc", address(1), address(2), RETURN_0),
        Section(".maps", bytes(32), flags=ALLOC | WRITE),
        Section("maps", words(1, 4, 8, 16), flags=ALLOC | WRITE),
        Section(".BTF", btf),
        license(),
        symbols=[
            function("main", "tc", 0, 6),
            Symbol("modern", ".maps", 0, 32, OBJECT),
            Symbol("legacy", "maps", 0, 16, OBJECT),
        ],
        relocations=[Relocation("tc", 0, "modern"), Relocation("tc", 16, "legacy")],
        shift=shift,
    )
    spec = read_bytes(data)
    assert [(m.name, m.type, m.max_entries) for m in spec.maps.values()] == [("legacy", 1, 16), ("modern", 2, 9)]
    assert [target.name for target in spec.sections[1].relocations.values()] == ["modern", "legacy"]
    assert (spec.license, spec.programs[0].name) == ("GPL", "main")


class TestArenas:
    def test_variables_of_an_arena_need_one(self) -> None:
        data = elf(
            code("tc", address(1), EXIT),
            Section(".addr_space.1", bytes(4), flags=ALLOC | WRITE),
            symbols=[Symbol("counter", ".addr_space.1", 0, 4), function("f", "tc")],
            relocations=[Relocation("tc", 0, 1)],
        )
        with pytest.raises(ObjectError, match=r'"counter" in section ".addr_space.1", which has variables') as refused:
            link_all(data)
        assert refused.value.hints == ("the object must have exactly one map of type arena, whose variables these are",)
