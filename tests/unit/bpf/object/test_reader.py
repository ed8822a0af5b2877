"""From bytes to a specification: what is in the file, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from pytc.bpf import MapType, ProgramType, read_bytes, read_object
from pytc.bpf.object.elf import MAX_FILE_SIZE
from pytc.bpf.object.names import kernel_map_name, kernel_name
from pytc.bpf.object.spec import DATA, MapSpec, ObjectSpec, Target
from pytc.bpf.sys.files import NotRegularError, TooLargeError, looks_like_elf, read_regular_file
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
    SECTION,
    WRITE,
    X86_64,
    Relocation,
    Section,
    Symbol,
    address,
    call,
    code,
    elf,
    function,
    insn,
    license,
    mov,
    words,
)

A_MAP = Section("maps", words(2, 4, 8, 1), flags=ALLOC | WRITE)


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


class TestNamesForTheKernel:
    @pytest.mark.parametrize(
        ("section", "name"),
        [
            (".rodata", "bpf.rodata"),
            (".bss", "bpf.bss"),
            (".rodata.cfg", ".rodata.cfg"),
            (".rodata.str1.1", ".rodata.str1.1"),
            (".rodata.something_long", ".rodata.somethi"),
        ],
    )
    def test_data_maps_carry_the_name_of_the_object(self, section: str, name: str) -> None:
        assert kernel_map_name(MapSpec(section, 2, 4, 4, 1, origin=DATA), "bpf.o") == name

    def test_a_long_name_of_the_object_gives_way(self) -> None:
        spec = MapSpec(".rodata", 2, 4, 4, 1, origin=DATA)
        assert kernel_map_name(spec, "a_long_name.bpf.o") == "a_long_n.rodata"
        assert kernel_map_name(spec._replace(name=".bss"), "a_long_name.bpf.o") == "a_long_n.bss"

    def test_declared_maps_keep_theirs(self) -> None:
        assert kernel_map_name(MapSpec("a_map_with_a_long_name", 1, 4, 4, 1), "bpf.o") == "a_map_with_a_lo"

    @pytest.mark.parametrize(("name", "kernel"), [("a-b c", "a_b_c"), ("ä.b_1", "__.b_1"), ("", "")])
    def test_what_the_kernel_does_not_take_becomes_an_underscore(self, name: str, kernel: str) -> None:
        assert kernel_name(name) == kernel


class TestRelocations:
    """What an instruction refers to."""

    def target(self, *sections: Section, symbols: list[Symbol], relocation: Relocation) -> Target:
        spec = read_bytes(elf(*sections, symbols=symbols, relocations=[relocation]))
        (found,) = (s.relocations for s in spec.sections.values() if s.relocations)
        return found[relocation.offset]

    def test_a_map_by_its_symbol(self) -> None:
        found = self.target(
            code("tc", address(1), EXIT),
            A_MAP,
            symbols=[Symbol("hits", "maps")],
            relocation=Relocation("tc", 0, "hits"),
        )
        assert found == Target("map", "hits")

    def test_a_map_by_the_section_and_an_offset_in_the_instruction(self) -> None:
        two = Section("maps", words(2, 4, 8, 1, 2, 4, 8, 1), flags=ALLOC)
        symbols = [
            Symbol("one", "maps", 0, binding=LOCAL),
            Symbol("two", "maps", 16, binding=LOCAL),
            Symbol("", "maps", type=SECTION, binding=LOCAL),
        ]
        found = self.target(code("tc", address(1, 16), EXIT), two, symbols=symbols, relocation=Relocation("tc", 0, 3))
        assert found == Target("map", "two")

    def test_a_map_by_the_section_and_an_addend(self) -> None:
        two = Section("maps", words(2, 4, 8, 1, 2, 4, 8, 1), flags=ALLOC)
        symbols = [Symbol("one", "maps", 0), Symbol("two", "maps", 16), Symbol("", "maps", type=SECTION)]
        found = self.target(
            code("tc", address(1), EXIT), two, symbols=symbols, relocation=Relocation("tc", 0, 3, addend=16)
        )
        assert found == Target("map", "two")

    @pytest.mark.parametrize(("value", "immediate", "offset"), [(4, 0, 4), (0, 4, 4), (4, 2, 6)])
    def test_data_by_symbol_and_offset(self, value: int, immediate: int, offset: int) -> None:
        data = Section(".data", bytes(8), flags=ALLOC | WRITE)
        found = self.target(
            code("tc", address(1, immediate), EXIT),
            data,
            symbols=[Symbol("v", ".data", value)],
            relocation=Relocation("tc", 0, "v"),
        )
        assert found == Target("data", ".data", 2, offset)

    def test_a_function_of_another_section(self) -> None:
        found = self.target(
            code("tc", call(-1), EXIT),
            code(".text", RETURN_0, RETURN_0),
            symbols=[function("one", ".text", 0, 2), function("two", ".text", 2, 2)],
            relocation=Relocation("tc", 0, "two"),
        )
        assert found == Target("function", section=2, offset=16)

    def test_a_static_function_by_its_section(self) -> None:
        symbols = [
            function("one", ".text", 0, 2, binding=LOCAL),
            function("two", ".text", 2, 2, binding=LOCAL),
            Symbol("", ".text", type=SECTION, binding=LOCAL),
        ]
        found = self.target(
            code("tc", call(1), EXIT),
            code(".text", RETURN_0, RETURN_0),
            symbols=symbols,
            relocation=Relocation("tc", 0, 3),
        )
        assert found.offset == 16

    def test_the_address_of_a_function(self) -> None:
        symbols = [function("one", ".text", 0, 2), Symbol("", ".text", type=SECTION)]
        found = self.target(
            code("tc", address(1, 16), EXIT),
            code(".text", RETURN_0, RETURN_0),
            symbols=symbols,
            relocation=Relocation("tc", 0, 2),
        )
        assert found == Target("function", section=2, offset=16)

    def test_an_extern_is_no_map(self) -> None:
        found = self.target(
            code("tc", address(1), EXIT),
            A_MAP,
            symbols=[Symbol("hits", "maps"), Symbol("jiffies")],
            relocation=Relocation("tc", 0, "jiffies"),
        )
        assert found == Target("extern", "jiffies")

    def refused(self, *sections: Section, symbol: Symbol, offset: int = 0) -> str:
        with pytest.raises(ObjectError) as caught:
            read_bytes(
                elf(
                    *sections,
                    symbols=[symbol, Symbol("m", "maps")] if A_MAP in sections else [symbol],
                    relocations=[Relocation("tc", offset, 1)],
                )
            )
        return str(caught.value)

    def test_in_the_middle_of_an_instruction(self) -> None:
        message = self.refused(code("tc", address(1), EXIT), symbol=Symbol("x"), offset=4)
        assert message == 'section "tc", instruction 0: a relocation in the middle of an instruction'

    def test_in_an_instruction_that_takes_none(self) -> None:
        message = self.refused(code("tc", mov(0, 0), EXIT), symbol=Symbol("x"), offset=8)
        assert message == (
            'section "tc", instruction 1: a relocation to "x" in an instruction that takes none (opcode 0x95)'
        )

    def test_in_half_a_load(self) -> None:
        message = self.refused(code("tc", EXIT, insn(0x18)), symbol=Symbol("x"), offset=8)
        assert message == 'section "tc", instruction 1: half of a 16-byte load at the end of the section'

    def test_a_call_to_data(self) -> None:
        message = self.refused(
            code("tc", call(-1), EXIT), Section(".data", bytes(8), flags=ALLOC), symbol=Symbol("v", ".data")
        )
        assert message == 'section "tc", instruction 0: a call to "v", which is not a function'

    def test_a_call_out_of_the_section(self) -> None:
        message = self.refused(code("tc", call(7), EXIT), code(".text", RETURN_0), symbol=Symbol("", ".text", type=3))
        assert message == (
            'section "tc", instruction 0: a call to byte 64 of section ".text", where no function starts'
        )

    def test_a_place_between_two_maps(self) -> None:
        message = self.refused(code("tc", address(1, 4), EXIT), A_MAP, symbol=Symbol("", "maps", type=SECTION))
        assert message == (
            'section "tc", instruction 0: a relocation to "maps" at byte 4 of the maps, where no map starts'
        )

    def test_a_section_that_is_neither(self) -> None:
        message = self.refused(code("tc", address(1), EXIT), Section("notes", bytes(8)), symbol=Symbol("n", "notes"))
        assert message == (
            'section "tc", instruction 0: a relocation to "n" in section "notes", which holds neither maps nor data'
        )

    def test_a_symbol_of_no_section(self) -> None:
        message = self.refused(code("tc", address(1), EXIT), symbol=Symbol("absolute", 0xFFF1))
        assert "no section of the file, which holds neither maps nor data" in message

    def test_behind_the_end_of_the_section(self) -> None:
        assert (
            self.refused(code("tc", address(1), EXIT), symbol=Symbol("x"), offset=24)
            == "relocation '.reltc' patches byte 24 of 24"
        )

    def test_a_symbol_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectError, match="names symbol 9; there are only 1"):
            read_bytes(elf(code("tc", address(1), EXIT), relocations=[Relocation("tc", 0, 9)]))


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
        with pytest.raises(ObjectError, match=r"relocations '\.reltc' patch section 77"):
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


class TestRegularFiles:
    def test_are_read_whole(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x" * 100)
        assert read_regular_file(str(tmp_path / "file"), 100) == b"x" * 100

    def test_may_not_be_larger_than_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x" * 101)
        with pytest.raises(TooLargeError, match="101 bytes; the limit is 100"):
            read_regular_file(str(tmp_path / "file"), 100)

    def test_that_grow_while_they_are_read_are_noticed(self) -> None:
        with pytest.raises(TooLargeError, match="grows beyond the limit of 8 bytes"):
            read_regular_file("/proc/self/status", 8)

    @pytest.mark.parametrize("path", ["/dev/zero", "/proc", "/dev/null"])
    def test_devices_and_directories_are_none(self, path: str) -> None:
        with pytest.raises(NotRegularError):
            read_regular_file(path, 100)


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


class TestRelocationsOfGcc:
    """Up to binutils 2.40 instructions hold whole offsets, later an addend alone, like clang's."""

    def data(self, comment: bytes, immediate: int, *, call_immediate: int | None = -1) -> ObjectSpec:
        calls = [] if call_immediate is None else [call(call_immediate)]
        return read_bytes(
            elf(
                code("tc", address(1, immediate), *calls, RETURN_0),
                code(".text", RETURN_0, RETURN_0),
                Section(".data", bytes(64), flags=ALLOC | WRITE),
                Section(".comment", comment),
                symbols=[
                    function("cls", "tc"),
                    Symbol("second", ".text", 16, 16, FUNC),
                    Symbol("table", ".data", 40, 8, OBJECT),
                ],
                relocations=[Relocation("tc", 0, "table"), *(Relocation("tc", 16, "second") for _ in calls)],
            )
        )

    def targets(self, spec: ObjectSpec) -> list[int]:
        (section,) = (one for one in spec.sections.values() if one.name == "tc")
        return [section.relocations[at].offset for at in sorted(section.relocations)]

    @pytest.mark.parametrize("comment", [b"\0GCC: (12.2.0-14+deb12u1+) 12.2.0\0", b"\0GCC: (GNU) 10.2.1 20210110\0"])
    def test_are_whole_where_none_is_less_than_its_symbol(self, comment: bytes) -> None:
        assert self.targets(self.data(comment, 44, call_immediate=15)) == [44, 16]

    @pytest.mark.parametrize("comment", [b"\0GCC: (12.2.0-14+deb12u1+) 12.2.0\0", b"\0GCC: (GNU) 13.3.0\0"])
    def test_are_addends_where_one_is_less(self, comment: bytes) -> None:
        assert self.targets(self.data(comment, 4)) == [44, 16]

    @pytest.mark.parametrize("comment", [b"\0GCC: (14.2.0-19+2) 14.2.0\0", b"clang"])
    def test_are_addends_of_later_compilers(self, comment: bytes) -> None:
        """Also where they are so large that they could be offsets."""
        assert self.targets(self.data(comment, 41, call_immediate=None)) == [81]

    def test_of_half_an_instruction_are_refused(self) -> None:
        data = elf(
            code("tc", RETURN_0, EXIT[:4]),
            Section(".comment", b"\0GCC: (GNU) 12.2.0\0"),
            symbols=[function("cls", "tc"), Symbol("table", "tc", 8, 8, OBJECT)],
            relocations=[Relocation("tc", 16, "table")],
        )
        with pytest.raises(ObjectError, match="not a whole number of instructions"):
            read_bytes(data)


class TestArenas:
    def test_variables_of_an_arena_need_one(self) -> None:
        with pytest.raises(ObjectError, match=r'section ".addr_space.1" has variables .* the object has no map'):
            read_bytes(minimal(Section(".addr_space.1", bytes(4), flags=ALLOC | WRITE)))
