"""Programs and what they call, put together: order, jumps, references."""

from __future__ import annotations

import struct

import pytest

from pytc.bpf import read_bytes, read_object
from pytc.bpf.insn import instructions as ins
from pytc.bpf.link.linker import LinkedProgram, MapReference, link, map_names, patch
from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter, ext
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    EXIT,
    RETURN_0,
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


def linked(data: bytes, name: str) -> LinkedProgram:
    spec = read_bytes(data)
    return link(spec, program(spec, name))


def program(spec: ObjectSpec, name: str) -> ProgramSpec:
    return next(p for p in spec.programs if p.name == name)


def parts(result: LinkedProgram) -> list[str]:
    return [part.function.name for part in result.functions]


def calls(result: LinkedProgram) -> list[tuple[int, int]]:
    """(slot, the slot that it calls) of each call between functions."""
    return [
        (slot, slot + 1 + i.immediate) for slot, i in ins.decode_all(result.code) if i.opcode == 0x85 and i.source == 1
    ]


def family(**functions: tuple[str, ...]) -> bytes:
    """A program ``main`` and functions of ``.text``; each calls those that it names, then exits."""
    text, symbols, relocations, at = b"", [function("main", "tc")], [], 0
    for name, callees in functions.items():
        body = b"".join(call(-1) for _ in callees) + EXIT
        where = "tc" if name == "main" else ".text"
        start = 0 if name == "main" else at
        relocations += [Relocation(where, start + 8 * i, callee) for i, callee in enumerate(callees)]
        if name != "main":
            symbols.append(function(name, ".text", at // 8, len(body) // 8))
            text += body
            at += len(body)
    main = b"".join(call(-1) for _ in functions["main"]) + EXIT
    return elf(code(".text", text), code("tc", main), symbols=symbols, relocations=relocations)


class TestOrder:
    """Depth first, at the first call: the order that gives the same tag as other loaders."""

    def test_a_program_alone_is_its_own_code(self) -> None:
        result = linked(elf(code("tc", RETURN_0), symbols=[function("main", "tc")]), "main")
        assert (result.code, parts(result)) == (RETURN_0, ["main"])

    def test_functions_come_in_the_order_of_their_calls(self) -> None:
        assert parts(linked(family(a=(), b=(), main=("b", "a")), "main")) == ["main", "b", "a"]

    def test_what_a_function_calls_comes_right_after_it(self) -> None:
        data = family(leaf=(), a=("leaf",), b=(), main=("a", "b"))
        assert parts(linked(data, "main")) == ["main", "a", "leaf", "b"]

    def test_a_function_comes_only_once(self) -> None:
        data = family(leaf=(), a=("leaf",), b=("leaf", "a"), main=("b", "leaf", "a", "b"))
        assert parts(linked(data, "main")) == ["main", "b", "leaf", "a"]

    def test_a_chain_of_any_depth_is_followed(self) -> None:
        chain = {f"f{i}": (f"f{i + 1}",) for i in range(2000)}
        data = family(**chain, f2000=(), main=("f0",))
        assert parts(linked(data, "main"))[-1] == "f2000"

    def test_what_nobody_calls_is_left_out(self) -> None:
        assert "orphan" not in parts(linked(family(orphan=("a",), a=(), main=("a",)), "main"))

    def test_a_function_that_calls_itself_ends(self) -> None:
        result = linked(family(a=("a",), main=("a",)), "main")
        assert (parts(result), calls(result)) == (["main", "a"], [(0, 2), (2, 2)])

    def test_functions_that_call_each_other_end(self) -> None:
        result = linked(family(a=("b",), b=("a",), main=("a",)), "main")
        assert parts(result) == ["main", "a", "b"]
        assert calls(result) == [(0, 2), (2, 4), (4, 2)]

    def test_a_program_that_calls_itself_ends(self) -> None:
        result = linked(family(main=("main",)), "main")
        assert (parts(result), calls(result)) == (["main"], [(0, 0)])

    def test_compiled_functions(self, build: Compiler) -> None:
        spec = read_object(build("modern_subprogs"))
        one, two = (link(spec, program(spec, name)) for name in ("one", "two"))
        assert parts(one) == ["one", "global_outer", "middle", "leaf", "global_leaf", "global_first"]
        assert parts(two) == ["two", "leaf", "middle", "global_first", "global_leaf"]

    def test_compiled_static_functions_in_the_section_of_the_program(self, build: Compiler) -> None:
        spec = read_object(build("modern_static_subprog"))
        assert parts(link(spec, program(spec, "after"))) == ["after", "local", "far_away"]
        assert parts(link(spec, program(spec, "before"))) == ["before"]


class TestCalls:
    def test_lead_to_where_the_function_has_come_to_lie(self) -> None:
        result = linked(family(leaf=(), a=("leaf",), b=(), main=("a", "b", "leaf")), "main")
        starts = {part.function.name: part.start for part in result.functions}
        assert calls(result) == [(0, starts["a"]), (1, starts["b"]), (2, starts["leaf"]), (starts["a"], starts["leaf"])]

    def test_within_a_section_need_no_relocation(self) -> None:
        data = elf(
            code("tc", call(1), EXIT, RETURN_0),
            symbols=[function("main", "tc", 0, 2), function("local", "tc", 2, 2, binding=0)],
        )
        assert parts(linked(data, "main")) == ["main", "local"]

    def test_may_go_back(self) -> None:
        data = elf(
            code("tc", RETURN_0, call(-3), EXIT),
            symbols=[function("local", "tc", 0, 2, binding=0), function("main", "tc", 2, 2)],
        )
        assert calls(linked(data, "main")) == [(0, 2)]

    def test_of_helpers_stay_as_they_are(self) -> None:
        data = elf(code("tc", call(5, source=0), EXIT), symbols=[function("main", "tc")])
        assert linked(data, "main").code == call(5, source=0) + EXIT

    def test_the_address_of_a_function_is_marked_as_such(self) -> None:
        data = elf(
            code("tc", address(2, 16), EXIT),
            code(".text", RETURN_0, RETURN_0),
            symbols=[
                function("main", "tc"),
                function("a", ".text", 0, 2),
                function("b", ".text", 2, 2),
                Symbol("", ".text", type=3),
            ],
            relocations=[Relocation("tc", 0, 4)],
        )
        result = linked(data, "main")
        assert result.code == insn(0x18, 2, source=4, immediate=2) + bytes(8) + EXIT + RETURN_0
        assert parts(result) == ["main", "b"]

    @pytest.mark.parametrize("to", [0, -9, 100])
    def test_to_where_no_function_starts_are_refused(self, to: int) -> None:
        data = elf(code("tc", call(to), mov(0, 0), EXIT), symbols=[function("main", "tc")])
        with pytest.raises(ObjectError, match=f'function "main", instruction 0: a call to byte {(to + 1) * 8}'):
            linked(data, "main")

    def test_to_a_function_that_ends_in_half_a_load_are_refused(self) -> None:
        data = elf(
            code("tc", address(1), RETURN_0), symbols=[function("main", "tc", 0, 1), function("rest", "tc", 2, 2)]
        )
        with pytest.raises(ObjectError, match='function "main" ends in the middle of a 16-byte load'):
            linked(data, "main")

    def test_into_the_middle_of_a_function_are_refused(self) -> None:
        data = elf(
            code("tc", call(0), EXIT),
            code(".text", RETURN_0),
            symbols=[function("main", "tc"), function("a", ".text")],
            relocations=[Relocation("tc", 0, "a")],
        )
        with pytest.raises(ObjectError, match="a call to byte 8 of a section, where no function starts"):
            linked(data, "main")


class TestReferences:
    DATA = Section(".data", bytes(8), flags=ALLOC | WRITE)
    MAPS = Section("maps", words(2, 4, 8, 1), flags=ALLOC | WRITE)

    def test_to_a_map_wait_for_its_descriptor(self) -> None:
        data = elf(
            code("tc", address(1), EXIT),
            self.MAPS,
            symbols=[function("main", "tc"), Symbol("hits", "maps")],
            relocations=[Relocation("tc", 0, "hits")],
        )
        result = linked(data, "main")
        assert result.maps == (MapReference(0, "hits"),)
        assert map_names(result) == {"hits"}
        assert patch(result, {"hits": 77}) == insn(0x18, 1, source=1, immediate=77) + bytes(8) + EXIT

    def test_to_data_keep_their_offset(self) -> None:
        data = elf(
            code("tc", address(1, 2), EXIT),
            self.DATA,
            symbols=[function("main", "tc"), Symbol("v", ".data", 4)],
            relocations=[Relocation("tc", 0, "v")],
        )
        result = linked(data, "main")
        assert result.maps == (MapReference(0, ".data", 6),)
        assert patch(result, {".data": 9}) == insn(0x18, 1, 2, 0, 9) + insn(0, immediate=6) + EXIT

    def test_of_functions_move_with_them(self) -> None:
        data = elf(
            code("tc", call(-1), EXIT),
            code(".text", address(1), EXIT),
            self.MAPS,
            symbols=[function("main", "tc"), function("a", ".text"), Symbol("hits", "maps")],
            relocations=[Relocation("tc", 0, "a"), Relocation(".text", 0, "hits")],
        )
        assert linked(data, "main").maps == (MapReference(2, "hits"),)

    def test_of_functions_that_are_left_out_do_not_count(self) -> None:
        data = elf(
            code("tc", RETURN_0),
            code(".text", address(1), EXIT),
            self.MAPS,
            symbols=[function("main", "tc"), function("orphan", ".text"), Symbol("hits", "maps")],
            relocations=[Relocation(".text", 0, "hits")],
        )
        assert linked(data, "main").maps == ()

    @pytest.mark.parametrize("instruction", [address(1), call(-1, source=2)], ids=["address", "call"])
    def test_to_an_extern_are_refused(self, instruction: bytes) -> None:
        data = elf(
            code("tc", instruction, EXIT),
            symbols=[function("main", "tc"), Symbol("bpf_kfunc")],
            relocations=[Relocation("tc", 0, "bpf_kfunc")],
        )
        with pytest.raises(ObjectError, match='function "main" refers to "bpf_kfunc"'):
            linked(data, "main")

    @pytest.mark.parametrize(
        ("instruction", "name", "hints"),
        [
            (call(-1), "memcpy", ["BPF has no C library: give __builtin_memcpy a constant size"]),
            (call(-1), "__memcpy_chk", ["BPF has no C library: give __builtin_memcpy a constant size"]),
            (call(-1), "strlen", ["BPF has no C library: write a loop with a bound"]),
            (call(-1), "__bswapsi2", ["the compiler itself put this call there, and BPF has no C library"]),
            (call(-1), "__udivmodti4", ["the compiler itself"]),
            (call(-1), "bpf_map_lookup_elem", ["<bpf/bpf_helpers.h>"]),
            (call(-1), "bpf_ntohs", ["<bpf/bpf_endian.h>"]),
            (call(-1), "bpf_core_read", ["<bpf/bpf_core_read.h>"]),
            (call(-1), "__mine", ["bpftool gen object", "clang before 13"]),
            (call(-1), "bpf_kfunc", ["bpftool gen object", "clang before 13"]),
            (address(1), "memcpy", ["bpftool gen object"]),
        ],
    )
    def test_to_an_extern_have_causes(self, instruction: bytes, name: str, hints: list[str]) -> None:
        data = elf(
            code("tc", instruction, EXIT),
            symbols=[function("main", "tc"), Symbol(name)],
            relocations=[Relocation("tc", 0, name)],
        )
        with pytest.raises(ObjectError) as caught:
            linked(data, "main")
        assert len(caught.value.hints) == len(hints)
        assert all(part in hint for part, hint in zip(hints, caught.value.hints, strict=True))

    def test_to_externs_of_other_programs_do_no_harm(self) -> None:
        data = elf(
            code("tc", RETURN_0, address(1), EXIT),
            relocations=[Relocation("tc", 16, "jiffies")],
            symbols=[function("main", "tc", 0, 2), function("other", "tc", 2, 3), Symbol("jiffies")],
        )
        assert linked(data, "main").code == RETURN_0

    def test_the_object_is_not_changed_by_linking(self) -> None:
        spec = read_bytes(family(a=(), main=("a",)))
        before = {number: section.code for number, section in spec.sections.items()}
        assert link(spec, spec.programs[0]) == link(spec, spec.programs[0])
        assert {number: section.code for number, section in spec.sections.items()} == before


class TestDebugInformation:
    def object(self, *, functions: int, lines: int = 2) -> LinkedProgram:
        """``main`` calls ``second`` of two functions in .text; with records for so many of tc and .text."""
        w = BtfWriter()
        tc, text = w.string("tc"), w.string(".text")
        func_info = [(tc, 0, 1), (text, 16, 2), (text, 0, 3)][:functions]
        line_info = [(tc, 0, 0, 0, 1 << 10), (text, 24, 0, 0, 2 << 10)][:lines]
        return linked(
            elf(
                code("tc", call(-1), EXIT),
                code(".text", RETURN_0, RETURN_0),
                Section(".BTF", w.data()),
                Section(".BTF.ext", ext(func_info, line_info)),
                symbols=[function("main", "tc"), function("first", ".text", 0, 2), function("second", ".text", 2, 2)],
                relocations=[Relocation("tc", 0, "second")],
            ),
            "main",
        )

    def test_follows_the_functions(self) -> None:
        result = self.object(functions=3)
        assert result.func_info == struct.pack("<IIII", 0, 1, 2, 2)
        assert [record[::3] for record in struct.iter_unpack("<IIII", result.line_info)] == [(0, 1 << 10), (3, 2 << 10)]
        assert (result.func_info_size, result.line_info_size) == (8, 16)

    def test_is_left_out_when_a_function_has_none(self) -> None:
        result = self.object(functions=1, lines=1)
        assert (result.func_info, result.func_info_size, result.line_info) == (b"", 0, b"")

    def test_of_functions_does_without_lines(self) -> None:
        result = self.object(functions=3, lines=0)
        assert result.func_info
        assert not result.line_info

    def test_without_btf_there_is_none(self) -> None:
        assert linked(family(main=()), "main").func_info == b""


def test_a_program_of_more_than_a_million_instructions_is_refused() -> None:
    data = elf(code("tc", mov(0, 0) * 1_000_001), symbols=[function("main", "tc")])
    with pytest.raises(ObjectError, match='program "main" has more than 1000000 instructions'):
        linked(data, "main")
