"""BTF made by hand: every kind, sizes, loops, and lengths that lead out of bounds."""

from __future__ import annotations

import struct

import pytest

from pytc.bpf.btf import ext as btf_ext
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter, ext


@pytest.fixture
def w() -> BtfWriter:
    return BtfWriter()


class TestSize:
    """``size()``: bytes of a value."""

    @pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
    def test_of_an_integer(self, w: BtfWriter, size: int) -> None:
        number = w.integer("n", size)
        assert w.parsed().size(number) == size

    def test_of_a_pointer_is_8_even_to_void(self, w: BtfWriter) -> None:
        pointer = w.pointer(0)
        assert w.parsed().size(pointer) == 8

    def test_of_an_array_is_the_product(self, w: BtfWriter) -> None:
        outer = w.array(w.array(w.integer(size=4), 3), 5)
        assert w.parsed().size(outer) == 60

    def test_of_an_array_of_pointers(self, w: BtfWriter) -> None:
        array = w.array(w.pointer(0), 4)
        assert w.parsed().size(array) == 32

    @pytest.mark.parametrize("kind", [b.STRUCT, b.UNION])
    def test_of_a_struct_is_what_it_says(self, w: BtfWriter, kind: int) -> None:
        whole = w.structure("s", 24, [("a", w.integer(), 0)], kind=kind)
        assert w.parsed().size(whole) == 24

    @pytest.mark.parametrize(("kind", "size"), [(b.ENUM, 4), (b.ENUM64, 8)])
    def test_of_an_enum(self, w: BtfWriter, kind: int, size: int) -> None:
        assert w.enum("e", [("A", 1)], kind=kind) == 1
        assert w.parsed().size(1) == size

    def test_of_a_float(self, w: BtfWriter) -> None:
        assert w.add(b.FLOAT, "double", 8) == 1
        assert w.parsed().size(1) == 8

    def test_of_a_variable_is_that_of_its_type(self, w: BtfWriter) -> None:
        variable = w.variable("v", w.integer(size=2))
        assert w.parsed().size(variable) == 2

    def test_of_a_data_section(self, w: BtfWriter) -> None:
        section = w.data_section(".data", [], size=40)
        assert w.parsed().size(section) == 40

    @pytest.mark.parametrize("kind", [b.TYPEDEF, b.VOLATILE, b.CONST, b.RESTRICT, b.TYPE_TAG])
    def test_looks_through_qualifiers(self, w: BtfWriter, kind: int) -> None:
        qualified = w.add(kind, size=w.integer(size=2))
        assert w.parsed().size(qualified) == 2

    @pytest.mark.parametrize("kind", [b.FWD, b.FUNC, b.FUNC_PROTO])
    def test_of_what_has_none_is_an_error(self, w: BtfWriter, kind: int) -> None:
        nothing = w.add(kind, "thing")
        with pytest.raises(ObjectError, match=r"type 1 \(thing\) has no size"):
            w.parsed().size(nothing)

    def test_of_void_is_an_error(self, w: BtfWriter) -> None:
        with pytest.raises(ObjectError, match=r"type 0 \(unnamed\) has no size"):
            w.parsed().size(0)

    def test_of_an_array_of_itself_is_an_error(self, w: BtfWriter) -> None:
        w.array(1, 2)
        with pytest.raises(ObjectError, match="nested too deeply"):
            w.parsed().size(1)


class TestResolve:
    def test_skips_any_number_of_names(self, w: BtfWriter) -> None:
        number = w.integer()
        qualified = w.add(b.CONST, size=w.add(b.VOLATILE, size=w.add(b.TYPEDEF, "u32", number)))
        assert w.parsed().resolve(qualified) == number

    def test_stops_at_void(self, w: BtfWriter) -> None:
        constant = w.add(b.CONST, size=0)
        assert w.parsed().resolve(constant) == 0

    def test_notices_a_type_that_refers_to_itself(self, w: BtfWriter) -> None:
        w.add(b.TYPEDEF, "self", 1)
        with pytest.raises(ObjectError, match="refers to itself"):
            w.parsed().resolve(1)

    def test_notices_a_ring_of_types(self, w: BtfWriter) -> None:
        w.add(b.TYPEDEF, "one", 2)
        w.add(b.CONST, "", 1)
        with pytest.raises(ObjectError, match="refers to itself"):
            w.parsed().size(2)

    def test_of_a_type_that_does_not_exist_is_an_error(self, w: BtfWriter) -> None:
        w.add(b.TYPEDEF, "t", 99)
        with pytest.raises(ObjectError, match="no type 99; there are 2"):
            w.parsed().resolve(1)


class TestContents:
    def test_a_struct_has_members(self, w: BtfWriter) -> None:
        number = w.integer()
        whole = w.structure("s", 8, [("a", number, 0), ("b", number, 32)])
        assert w.parsed().members(whole) == [("a", number, 0, 0), ("b", number, 32, 0)]

    def test_the_size_of_a_bit_field_is_no_part_of_its_offset(self, w: BtfWriter) -> None:
        whole = w.structure("s", 4, [("bits", w.integer(), 3 << 24 | 5)], flag=True)
        assert w.parsed().members(whole)[0].bit_offset == 5

    def test_an_enum_has_values(self, w: BtfWriter) -> None:
        small = w.enum("e", [("A", 1), ("B", 0xFFFFFFFF)])
        large = w.enum("f", [("C", 1 << 40)], kind=b.ENUM64)
        assert w.parsed().enumerators(small) == [("A", 1), ("B", 0xFFFFFFFF)]
        assert w.parsed().enumerators(large) == [("C", 1 << 40)]

    @pytest.mark.parametrize("linkage", [0, 1, 2])
    def test_variables_and_functions_have_a_linkage(self, w: BtfWriter, linkage: int) -> None:
        variable = w.variable("v", w.integer(), linkage)
        function = w.add(b.FUNC, "f", 0, count=linkage)
        assert w.parsed().linkage(variable) == w.parsed().linkage(function) == linkage

    def test_a_data_section_has_variables(self, w: BtfWriter) -> None:
        number = w.integer()
        first, second = w.variable("first", number), w.variable("second", number)
        section = w.data_section(".data", [(first, 0, 4), (second, 4, 4)])
        btf = w.parsed()
        assert [(v.name, v.type_id, v.offset) for v in btf.section_variables(section)] == [
            ("first", number, 0),
            ("second", number, 4),
        ]
        assert btf.data_section(".data") == section
        assert btf.data_section(".bss") == 0

    def test_types_are_found_by_name_and_kind(self, w: BtfWriter) -> None:
        w.add(b.FWD, "thing")
        whole = w.structure("thing", 0, [])
        assert w.parsed().find("thing", b.STRUCT) == whole
        assert w.parsed().find("thing", b.UNION) == 0

    def test_void_is_type_0(self, w: BtfWriter) -> None:
        btf = w.parsed()
        assert (len(btf), btf.kind(0), btf.name(0), btf.referred(0)) == (1, b.VOID, "", 0)

    def test_every_kind_has_its_length(self, w: BtfWriter) -> None:
        number = w.integer()
        w.pointer(number)
        w.array(number, 3)
        w.structure("s", 4, [("a", number, 0)])
        w.structure("u", 4, [("a", number, 0)], kind=b.UNION)
        w.enum("e", [("A", 0), ("B", 1)])
        for kind in (b.FWD, b.TYPEDEF, b.VOLATILE, b.CONST, b.RESTRICT, b.FUNC, b.FLOAT, b.TYPE_TAG):
            w.add(kind, "x", number)
        w.add(b.FUNC_PROTO, "", number, bytes(16), count=2)
        w.variable("v", number)
        w.data_section("d", [(number, 0, 4)])
        w.add(b.DECL_TAG, "tag", number, bytes(4))
        w.enum("f", [("C", 1 << 40)], kind=b.ENUM64)
        last = w.integer("last")
        assert w.parsed().name(last) == "last"
        assert {w.parsed().kind(i) for i in range(1, last + 1)} == set(range(1, 20))

    def test_strings_that_are_no_utf8_come_out_escaped(self, w: BtfWriter) -> None:
        number = w.integer("QQ")
        assert Btf(w.data().replace(b"QQ", b"\xffQ")).name(number) == "\\xffQ"


class TestMalformed:
    @pytest.mark.parametrize("length", [0, 1, 23])
    def test_a_header_that_is_cut_off(self, w: BtfWriter, length: int) -> None:
        with pytest.raises(ObjectError, match=f"has {length} bytes, too few"):
            Btf(w.data()[:length])

    def test_another_magic(self, w: BtfWriter) -> None:
        with pytest.raises(ObjectError, match="starts with 0x9feb version 1"):
            Btf(b"\xeb\x9f" + w.data()[2:])

    def test_another_version(self, w: BtfWriter) -> None:
        with pytest.raises(ObjectError, match="version 2"):
            Btf(w.data()[:2] + b"\x02" + w.data()[3:])

    def test_data_that_are_cut_off(self, w: BtfWriter) -> None:
        w.integer()
        data = w.data()
        for length in range(24, len(data)):
            with pytest.raises(ObjectError, match="truncated"):
                Btf(data[:length])

    @pytest.mark.parametrize("tail", [b"\x00", bytes(4), bytes(8), struct.pack("<III", 0, b.INT << 24, 4)])
    def test_a_type_that_is_cut_off(self, tail: bytes) -> None:
        header = b.HEADER.pack(b.MAGIC, 1, 0, 24, 0, len(tail), len(tail), 1)
        with pytest.raises(ObjectError, match=r"type 1 is cut off|not a multiple of 4"):
            Btf(header + tail + b"\0")

    def test_a_kind_that_does_not_exist(self, w: BtfWriter) -> None:
        w.add(20)
        with pytest.raises(ObjectError, match="type 1 is of unknown kind 20"):
            w.parsed()

    def test_a_string_out_of_bounds(self, w: BtfWriter) -> None:
        w.integer("abc")
        with pytest.raises(ObjectError, match="no string at byte 99; there are 5 bytes of strings"):
            w.parsed().string(99)

    def test_a_name_out_of_bounds(self) -> None:
        types = struct.pack("<III", 77, b.FLOAT << 24, 4)
        with pytest.raises(ObjectError, match="no string at byte 77"):
            Btf(b.HEADER.pack(b.MAGIC, 1, 0, 24, 0, 12, 12, 1) + types + b"\0").name(1)


class TestForTheKernel:
    """Compilers leave sizes and offsets of data sections to the loader."""

    def two(self, w: BtfWriter, linkage: int = 1, size: int = 0) -> int:
        number = w.integer()
        first, second = w.variable("first", number, linkage), w.variable("second", number, linkage)
        return w.data_section(".data", [(first, 0, 4), (second, 0, 4)], size)

    def test_size_and_offsets_are_put_in(self, w: BtfWriter) -> None:
        section = self.two(w)
        done = Btf(w.parsed().for_kernel({".data": 12}, {(".data", "first"): 4, (".data", "second"): 8}))
        assert done.size(section) == 12
        assert [(v.name, v.offset) for v in done.section_variables(section)] == [("first", 4), ("second", 8)]

    def test_variables_are_sorted_by_offset(self, w: BtfWriter) -> None:
        section = self.two(w)
        done = Btf(w.parsed().for_kernel({".data": 8}, {(".data", "first"): 4, (".data", "second"): 0}))
        assert [v.name for v in done.section_variables(section)] == ["second", "first"]

    def test_a_section_that_the_file_does_not_have_is_left_alone(self, w: BtfWriter) -> None:
        self.two(w)
        assert w.parsed().for_kernel({}, {}) == w.data()

    def test_what_a_linker_filled_in_is_left_alone(self, w: BtfWriter) -> None:
        number = w.integer()
        same = [w.variable("same", number, 0), w.variable("same", number, 0)]
        section = w.data_section(".bss", [(same[0], 0, 4), (same[1], 4, 4)], size=8)
        done = Btf(w.parsed().for_kernel({".bss": 8}, {(".bss", "same"): 4}))
        assert [v.offset for v in done.section_variables(section)] == [0, 4]

    def test_static_variables_keep_the_offset_of_the_compiler(self, w: BtfWriter) -> None:
        number = w.integer()
        same = [w.variable("same", number, 0), w.variable("same", number, 0)]
        section = w.data_section(".bss", [(same[0], 0, 4), (same[1], 4, 4)])
        done = Btf(w.parsed().for_kernel({".bss": 8}, {(".bss", "same"): 4}))
        assert [v.offset for v in done.section_variables(section)] == [0, 4]

    def test_other_types_stay_as_they_are(self, w: BtfWriter) -> None:
        self.two(w)
        w.structure("s", 4, [("a", 1, 0)])
        done = Btf(w.parsed().for_kernel({".data": 8}, {}))
        assert [done.name(i) for i in range(len(done))] == [w.parsed().name(i) for i in range(len(done))]


class TestExt:
    """``.BTF.ext``: function and line information."""

    def test_records_are_by_section_and_sorted(self, w: BtfWriter) -> None:
        one, two = w.string("one"), w.string("two")
        found = btf_ext.parse(ext([(one, 16, 5), (one, 0, 4), (two, 8, 6)]), w.parsed())
        assert found.functions.by_section["one"][0] == [0, 16]
        assert found.functions.by_section["two"][1] == struct.pack("<II", 8, 6)
        assert found.lines.by_section == {}

    def test_a_slice_is_moved_to_its_new_place(self, w: BtfWriter) -> None:
        name = w.string("tc")
        found = btf_ext.parse(ext([(name, 0, 4), (name, 16, 5), (name, 32, 6)]), w.parsed())
        assert found.functions.slice("tc", 16, 16, 100) == struct.pack("<II", 100, 5)
        assert found.functions.slice("tc", 0, 32, 0) == struct.pack("<IIII", 0, 4, 2, 5)
        assert found.functions.slice("other", 0, 32, 0) == b""

    def test_a_line_is_that_of_the_record_before(self, w: BtfWriter) -> None:
        file, text = w.string("a.c"), w.string("  return 0;")
        records = struct.pack("<IIIIIIII", 0, file, text, 7 << 10 | 3, 4, file, 0, 9 << 10)
        lines = [btf_ext.line_at(records, 16, at, w.parsed()) for at in (0, 3, 4, 99)]
        assert [(str(line), line.text) for line in lines if line] == [
            ("a.c:7", "return 0;"),
            ("a.c:7", "return 0;"),
            ("a.c:9", ""),
            ("a.c:9", ""),
        ]

    def test_before_the_first_record_there_is_no_line(self, w: BtfWriter) -> None:
        assert btf_ext.line_at(struct.pack("<IIII", 5, 0, 0, 0), 16, 4, w.parsed()) is None

    @pytest.mark.parametrize(
        ("size", "message"), [(4, "records of 4 bytes"), (10, "records of 10 bytes"), (8192, "records of 8192 bytes")]
    )
    def test_a_record_size_that_makes_no_sense(self, w: BtfWriter, size: int, message: str) -> None:
        data = bytearray(ext([(0, 0, 0)]))
        struct.pack_into("<I", data, 24, size)
        with pytest.raises(ObjectError, match=message):
            btf_ext.parse(bytes(data), w.parsed())

    def test_larger_records_are_kept_whole(self, w: BtfWriter) -> None:
        part = struct.pack("<IIIIII", 12, 0, 1, 0, 4, 99)
        data = struct.pack("<HBBIIIII", b.MAGIC, 1, 0, 24, 0, len(part), len(part), 0) + part
        assert btf_ext.parse(data, w.parsed()).functions.slice("", 0, 8, 1) == struct.pack("<III", 1, 4, 99)

    def test_every_truncation_is_noticed(self, w: BtfWriter) -> None:
        name = w.string("tc")
        data = ext([(name, 0, 4)], [(name, 0, 0, 0, 0)])
        for length in range(len(data)):
            with pytest.raises(ObjectError, match=r"\.BTF\.ext"):
                btf_ext.parse(data[:length], w.parsed())

    def test_another_magic(self, w: BtfWriter) -> None:
        with pytest.raises(ObjectError, match=r"\.BTF\.ext starts with 0x0000"):
            btf_ext.parse(bytes(24), w.parsed())

    def test_more_records_than_there_are(self, w: BtfWriter) -> None:
        data = bytearray(ext([(0, 0, 0)]))
        struct.pack_into("<I", data, 32, 0xFFFFFFFF)
        with pytest.raises(ObjectError, match="records are cut off"):
            btf_ext.parse(bytes(data), w.parsed())
