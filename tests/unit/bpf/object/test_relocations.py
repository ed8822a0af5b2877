"""Relocations: what an instruction refers to, and what is wrong with it."""

from __future__ import annotations

import pytest

from pytc.bpf import read_bytes
from pytc.bpf.link.linker import link
from pytc.bpf.object.elf import COMMON
from pytc.bpf.object.spec import ObjectSpec, Target
from pytc.errors import ObjectError
from tests.elf_writer import (
    ALLOC,
    EXIT,
    FUNC,
    LOCAL,
    OBJECT,
    RETURN_0,
    SECTION,
    WRITE,
    Relocation,
    Section,
    Symbol,
    address,
    call,
    code,
    elf,
    function,
    insn,
    mov,
    words,
)
from tests.unit.bpf.object.support import link_all

A_MAP = Section("maps", words(2, 4, 8, 1), flags=ALLOC | WRITE)


class TestRelocations:
    """The reference of an instruction."""

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
            link_all(
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
        assert message == 'function "tc" ends in the middle of a 16-byte load'

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
        assert message == 'section "tc", instruction 0: a relocation to "absolute" in no section of the file'

    def test_a_variable_that_no_section_holds(self) -> None:
        message = self.refused(code("tc", address(1), EXIT), symbol=Symbol("common", COMMON, 8))
        assert message == (
            'section "tc", instruction 0: a relocation to "common", a variable that no section holds (COMMON)'
        )

    def test_matter_to_programs_that_have_them_alone(self) -> None:
        spec = read_bytes(
            elf(
                code("tc", address(1), EXIT),
                code("xdp", RETURN_0),
                symbols=[Symbol("common", COMMON, 8), function("one", "tc"), function("two", "xdp")],
                relocations=[Relocation("tc", 0, 1)],
            )
        )
        link(spec, spec.programs[1])
        with pytest.raises(ObjectError) as caught:
            link(spec, spec.programs[0])
        assert "-fno-common" in caught.value.hints[0]

    def test_behind_the_end_of_the_section(self) -> None:
        assert (
            self.refused(code("tc", address(1), EXIT), symbol=Symbol("x"), offset=24)
            == 'relocation ".reltc" patches byte 24 of 24'
        )

    def test_a_symbol_that_does_not_exist(self) -> None:
        with pytest.raises(ObjectError, match="names symbol 9; there are only 1"):
            read_bytes(elf(code("tc", address(1), EXIT), relocations=[Relocation("tc", 0, 9)]))


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
