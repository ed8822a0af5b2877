"""Maps of section ``maps``: every layout by its size, and what decides between the two of 20 bytes."""

from __future__ import annotations

import struct

import pytest

from pytc.bpf import read_object
from pytc.bpf.object.legacy_maps import ELF_MAP, MAP_DEF
from pytc.bpf.object.spec import MapSpec, ObjectSpec
from pytc.errors import MapDefinitionError, ObjectError
from tests.btf_writer import BtfWriter
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    FUNC,
    GLOBAL,
    LOCAL,
    OBJECT,
    SECTION,
    WRITE,
    Relocation,
    Section,
    Symbol,
    elf,
    words,
)
from tests.unit.bpf.object.support import read_maps

HASH, ARRAY, PROG_ARRAY, LPM_TRIE, ARRAY_OF_MAPS = 1, 2, 3, 11, 12
NOWHERE = -1


def maps(
    *rows: tuple[int, ...],
    section: str = "maps",
    extra: tuple[Section, ...] = (),
    tail: bytes = b"",
    binding: int = GLOBAL,
) -> bytes:
    """An object whose maps m0, m1 ... are these words."""
    data = b"".join(words(*row) for row in rows) + tail
    size = 4 * len(rows[0])
    symbols = [Symbol(f"m{i}", section, i * size, size, OBJECT, binding) for i in range(len(rows))]
    return elf(Section(section, data, flags=ALLOC | WRITE), *extra, symbols=symbols)


def only(spec: ObjectSpec) -> MapSpec:
    (found,) = spec.maps.values()
    return found


def test_16_bytes_have_neither_id_nor_flags() -> None:
    found = only(read_maps(maps((HASH, 4, 8, 100))))
    assert found == MapSpec("m0", HASH, 4, 8, 100, origin="maps", section="maps", definition_size=16)
    assert found.id is None


def test_20_bytes_end_with_the_id() -> None:
    found = only(read_maps(maps((HASH, 4, 8, 100, 7))))
    assert (found.id, found.flags, found.pinning) == (7, 0, 0)


def test_24_bytes_have_id_and_pinning() -> None:
    found = only(read_maps(maps((HASH, 4, 8, 100, 7, 2))))
    assert (found.id, found.flags, found.pinning) == (7, 0, 2)


def test_28_bytes_have_the_flags_before_the_id() -> None:
    found = only(read_maps(maps((HASH, 4, 8, 100, 1, 7, 2))))
    assert (found.flags, found.id, found.pinning) == (1, 7, 2)


def test_36_bytes_have_inner_id_and_index() -> None:
    found = only(read_maps(maps((ARRAY, 4, 8, 100, 1, 7, 2, 5, 3))))
    assert (found.flags, found.id, found.pinning, found.inner_id, found.inner_idx) == (1, 7, 2, 5, 3)


def test_the_index_minus_1_means_no_slot() -> None:
    assert only(read_maps(maps((ARRAY, 4, 8, 1, 0, 7, 0, 0, NOWHERE)))).inner_idx == -1


def test_larger_definitions_are_taken_when_the_rest_is_zero() -> None:
    found = only(read_maps(maps((HASH, 4, 8, 100, 1, 7, 2, 5, 3, 0, 0))))
    assert (found.id, found.pinning, found.inner_idx) == (7, 2, 3)


def test_larger_definitions_with_something_unknown_are_refused() -> None:
    with pytest.raises(MapDefinitionError, match='map "m1": a structure of 44 bytes whose bytes after the first 36'):
        read_maps(maps((HASH, 4, 8, 1, 0, 0, 0, 0, 0, 0, 0), (HASH, 4, 8, 1, 0, 1, 0, 0, 0, 0, 7)))


@pytest.mark.parametrize("count", [8, 32 // 4])
def test_sizes_between_the_layouts_are_refused(count: int) -> None:
    with pytest.raises(MapDefinitionError, match=f"structures of {count * 4} bytes; struct bpf_elf_map has 16, 20"):
        read_maps(maps((HASH, 4, 8) + (0,) * (count - 3)))


def test_too_small_definitions_are_refused() -> None:
    with pytest.raises(MapDefinitionError, match="12 bytes for 1 maps"):
        read_maps(maps((HASH, 4, 8)))


def test_a_section_that_does_not_divide_is_refused() -> None:
    data = Section("maps", words(*(HASH, 4, 8, 1) * 2) + b"x", flags=ALLOC)
    symbols = [Symbol("a", "maps", 0), Symbol("b", "maps", 16)]
    with pytest.raises(MapDefinitionError, match="33 bytes for 2 maps: not a whole number of structures"):
        read_maps(elf(data, symbols=symbols))


def test_a_symbol_in_the_middle_of_a_definition_is_refused() -> None:
    data = Section("maps", words(*(HASH, 4, 8, 1) * 2), flags=ALLOC)
    symbols = [Symbol("first", "maps", 0, 16), Symbol("crooked", "maps", 12, 16)]
    with pytest.raises(MapDefinitionError, match='map "crooked" starts at byte 12'):
        read_maps(elf(data, symbols=symbols))


def test_a_section_without_symbols_is_refused() -> None:
    with pytest.raises(MapDefinitionError, match='section "maps" has 16 bytes but no map symbols'):
        read_maps(elf(Section("maps", words(HASH, 4, 8, 1), flags=ALLOC)))


def test_a_section_without_contents_is_refused() -> None:
    section = Section("maps", b"", type=8, flags=ALLOC | WRITE, size=16)
    with pytest.raises(MapDefinitionError, match='map "m"'):
        read_maps(elf(section, symbols=[Symbol("m", "maps")]))


def test_an_empty_section_declares_nothing() -> None:
    assert not read_maps(elf(Section("maps", flags=ALLOC))).maps


def test_maps_are_counted_by_symbols_that_can_be_maps() -> None:
    data = Section("maps", words(*(HASH, 4, 8, 1) * 2), flags=ALLOC)
    others = [
        Symbol("maps", "maps", 0, 0, SECTION, LOCAL),
        Symbol("code", "maps", 4, 0, FUNC),
        Symbol(".Lpart", "maps", 8, 0, OBJECT, LOCAL),
        Symbol("", "maps", 12),
    ]
    spec = read_maps(elf(data, symbols=[*others, Symbol("a", "maps", 0), Symbol("b", "maps", 16)]))
    assert list(spec.maps) == ["a", "b"]


def test_of_two_names_for_a_map_the_global_one_counts() -> None:
    data = Section("maps", words(HASH, 4, 8, 1), flags=ALLOC)
    symbols = [Symbol("here", "maps", binding=LOCAL), Symbol("everywhere", "maps", binding=GLOBAL)]
    assert list(read_maps(elf(data, symbols=symbols)).maps) == ["everywhere"]


def test_static_maps_count_as_others_do() -> None:
    spec = read_maps(maps((HASH, 4, 8, 1, 11), (ARRAY, 4, 8, 1, 12), binding=LOCAL))
    assert {name: found.id for name, found in spec.maps.items()} == {"m0": 11, "m1": 12}


def test_maps_come_in_the_order_of_the_section_not_of_the_symbols() -> None:
    data = Section("maps", words(HASH, 4, 8, 1, ARRAY, 4, 8, 2), flags=ALLOC)
    spec = read_maps(elf(data, symbols=[Symbol("b", "maps", 16), Symbol("a", "maps", 0)]))
    assert [(name, found.type) for name, found in spec.maps.items()] == [("a", HASH), ("b", ARRAY)]


def test_70_maps_are_as_good_as_one() -> None:
    spec = read_maps(maps(*((ARRAY, 4, 8, 1, 0, number, 0, 0, 0) for number in range(70))))
    assert [found.id for found in spec.maps.values()] == list(range(70))


def test_a_section_for_each_map_is_read_too() -> None:
    names = ("maps/a", "maps/b", "mapsa")
    sections = [Section(name, words(HASH, 4, 8, 1), flags=ALLOC) for name in names]
    spec = read_maps(elf(*sections, symbols=[Symbol(name[-1], name) for name in names[:2]]))
    assert list(spec.maps) == ["a", "b"]


def test_two_maps_of_one_name_are_refused() -> None:
    sections = [Section(f"maps/{name}", words(HASH, 4, 8, 1), flags=ALLOC) for name in "ab"]
    with pytest.raises(MapDefinitionError, match='two maps have the name "same"'):
        read_maps(elf(*sections, symbols=[Symbol("same", "maps/a"), Symbol("same", "maps/b")]))


class TestTwentyBytes:
    """``bpf_elf_map`` of 2015, whose fifth word is the id, or ``bpf_map_def``, whose fifth word is flags."""

    def test_different_fifth_words_are_ids(self) -> None:
        spec = read_maps(maps((HASH, 4, 8, 1, 0), (ARRAY, 4, 8, 1, 1)))
        assert [(found.id, found.flags) for found in spec.maps.values()] == [(0, 0), (1, 0)]

    def test_equal_fifth_words_cannot_be_ids(self) -> None:
        spec = read_maps(maps((HASH, 4, 8, 1, 1), (HASH, 4, 8, 1, 1)))
        assert [(found.id, found.flags) for found in spec.maps.values()] == [(None, 1), (None, 1)]

    def test_a_trie_needs_its_flag(self) -> None:
        found = only(read_maps(maps((LPM_TRIE, 8, 4, 1, 1))))
        assert (found.id, found.flags) == (None, 1)

    def test_a_trie_with_an_even_word_has_an_id(self) -> None:
        assert only(read_maps(maps((LPM_TRIE, 8, 4, 1, 2)))).id == 2

    @pytest.mark.parametrize(("layout", "expected"), [(ELF_MAP, (1, 0)), (MAP_DEF, (None, 1))])
    def test_the_caller_has_the_last_word(self, layout: str, expected: tuple[int | None, int]) -> None:
        found = only(read_maps(maps((LPM_TRIE, 8, 4, 1, 1)), layout20=layout))
        assert (found.id, found.flags) == expected

    @pytest.mark.parametrize("layout", ["", ELF_MAP, MAP_DEF])
    def test_other_sizes_do_not_care_what_the_caller_says(self, layout: str) -> None:
        found = only(read_maps(maps((HASH, 4, 8, 1, 9, 2)), layout20=layout))
        assert (found.id, found.flags) == (9, 0)

    def test_a_layout_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(ObjectError, match='"bpf_map" is not a layout'):
            read_maps(maps((HASH, 4, 8, 1, 9)), layout20="bpf_map")

    @pytest.mark.parametrize(("name", "expected"), [(ELF_MAP, (1, 0)), (MAP_DEF, (None, 1))])
    def test_the_type_of_the_variable_in_btf_decides(self, name: str, expected: tuple[int | None, int]) -> None:
        btf = BtfWriter()
        variable = btf.variable("m0", btf.structure(name, 20, []))
        btf.data_section("maps", [(variable, 0, 20)])
        found = only(read_maps(maps((HASH, 4, 8, 1, 1), extra=(Section(".BTF", btf.data()),))))
        assert (found.id, found.flags) == expected

    def test_a_typedef_in_btf_is_looked_through(self) -> None:
        btf = BtfWriter()
        variable = btf.variable("m0", btf.add(8, "map_t", btf.structure(MAP_DEF, 20, [])))
        btf.data_section("maps", [(variable, 0, 20)])
        assert only(read_maps(maps((HASH, 4, 8, 1, 1), extra=(Section(".BTF", btf.data()),)))).flags == 1

    @pytest.mark.parametrize(("name", "expected"), [(ELF_MAP, (1, 0)), (MAP_DEF, (None, 1))])
    def test_without_btf_the_names_in_dwarf_decide(self, name: str, expected: tuple[int | None, int]) -> None:
        strings = Section(".debug_str", b"int\0" + name.encode() + b"\0long\0")
        found = only(read_maps(maps((LPM_TRIE, 8, 4, 1, 1), extra=(strings,))))
        assert (found.id, found.flags) == expected

    def test_dwarf_with_both_names_decides_nothing(self) -> None:
        strings = Section(".debug_str", b"bpf_elf_map\0bpf_map_def\0")
        assert only(read_maps(maps((LPM_TRIE, 8, 4, 1, 1), extra=(strings,)))).flags == 1
        assert only(read_maps(maps((HASH, 4, 8, 1, 1), extra=(strings,)))).id == 1

    @pytest.mark.parametrize("flags", [("-g",), ()], ids=["with BTF", "without"])
    def test_the_two_of_the_test_objects_come_out_right(self, build: Compiler, flags: tuple[str, ...]) -> None:
        ids = [found.id for found in read_object(build("legacy20", flags=flags)).maps.values()]
        assert ids == [0, 1, 2]
        if flags:
            assert read_object(build("bpf_map_def", flags=flags)).maps["flows"].flags == 1


class TestMapsOfMaps:
    """``inner_id`` names the template, ``inner_idx`` the slot."""

    def row(self, type: int, id: int, inner_id: int, inner_idx: int) -> tuple[int, ...]:
        return (type, 4, 4, 4, 0, id, 0, inner_id, inner_idx)

    def test_a_map_goes_into_the_slot_that_it_names(self) -> None:
        spec = read_maps(maps(self.row(ARRAY, 42, 0, 2), self.row(ARRAY_OF_MAPS, 10, 42, NOWHERE)))
        inner = spec.maps["m1"].inner
        assert inner is not None
        assert inner.name == "m0"
        assert spec.maps["m1"].slots == ((2, "m0"),)

    def test_a_template_without_index_goes_nowhere(self) -> None:
        spec = read_maps(maps(self.row(ARRAY, 42, 0, NOWHERE), self.row(ARRAY_OF_MAPS, 10, 42, NOWHERE)))
        assert spec.maps["m1"].inner is not None
        assert spec.maps["m1"].slots == ()

    def test_two_outer_maps_share_their_inner_maps(self) -> None:
        spec = read_maps(
            maps(
                self.row(ARRAY, 42, 0, 1),
                self.row(ARRAY_OF_MAPS, 10, 42, NOWHERE),
                self.row(ARRAY_OF_MAPS, 11, 42, NOWHERE),
            )
        )
        assert spec.maps["m1"].slots == spec.maps["m2"].slots == ((1, "m0"),)

    def test_a_template_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(MapDefinitionError, match='map "m0" wants a map with id 42 as its template'):
            read_maps(maps(self.row(ARRAY_OF_MAPS, 10, 42, NOWHERE)))

    def test_a_map_is_not_its_own_template(self) -> None:
        with pytest.raises(MapDefinitionError, match="wants a map with id 10"):
            read_maps(maps(self.row(ARRAY_OF_MAPS, 10, 10, NOWHERE)))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("legacy16", [(None, 0, 0)] * 3),
        ("legacy20", [(0, 0, 0), (1, 0, 0), (2, 0, 0)]),
        ("legacy24", [(0, 0, 0), (1, 0, 0), (2, 0, 0)]),
        ("legacy28", [(0, 1, 0), (1, 0, 0), (2, 0, 0)]),
        ("legacy36", [(0, 1, 0), (1, 0, 0), (2, 0, 0)]),
        ("legacy44_zero", [(0, 1, 0), (1, 0, 0), (2, 0, 0)]),
    ],
)
def test_compiled_layouts(build: Compiler, name: str, fields: list[tuple[int | None, int, int]]) -> None:
    spec = read_object(build(name))
    assert [(m.id, m.flags, m.pinning) for m in spec.maps.values()] == fields
    assert [(m.name, m.type, m.key_size, m.value_size, m.max_entries) for m in spec.maps.values()] == [
        ("map_hash", 1, 4, 8, 16),
        ("map_array", 2, 4, 8, 8),
        ("map_percpu", 6, 4, 8, 4),
    ]


def test_words_are_little_endian() -> None:
    data = Section("maps", struct.pack("<4I", 1, 4, 8, 0x01020304), flags=ALLOC)
    assert only(read_maps(elf(data, symbols=[Symbol("m", "maps")]))).max_entries == 0x01020304


class TestAligned:
    """Definitions that a compiler, or a linker, puts further apart than they are long."""

    WORDS = (HASH, 4, 8, 16, 0, 7, 0, 0, 0)

    def read(self, stride: int, count: int, *, size: int = 36, end: int = 0, gap: bytes = b"\0") -> dict[str, MapSpec]:
        """Maps ``m0`` and so on; ``end`` bytes of padding follow the last, ``gap`` fills what is between."""
        one = words(*self.WORDS)[:size]
        data = one.join([b"", *[gap * (stride - size)] * (count - 1), bytes(end)])
        symbols = [Symbol(f"m{i}", "maps", stride * i, size, OBJECT) for i in range(count)]
        return dict(read_maps(elf(Section("maps", data, flags=ALLOC | WRITE), symbols=symbols)).maps)

    @pytest.mark.parametrize("stride", [36, 40, 48, 64, 4096])
    @pytest.mark.parametrize("count", [1, 2, 3, 7])
    @pytest.mark.parametrize("end", [0, 4, 12, 28])
    def test_are_as_good_as_others(self, stride: int, count: int, end: int) -> None:
        found = self.read(stride, count, end=end)
        assert [(m.name, m.type, m.id, m.definition_size) for m in found.values()] == [
            (f"m{i}", HASH, 7, 36) for i in range(count)
        ]

    @pytest.mark.parametrize(("size", "id"), [(16, None), (20, 0), (24, 0), (28, 7)])
    @pytest.mark.parametrize("stride", [32, 48])
    def test_are_read_by_their_own_size(self, size: int, id: int | None, stride: int) -> None:
        spec = read_maps(
            elf(
                Section("maps", words(*self.WORDS)[:size] + bytes(stride - size), flags=ALLOC),
                symbols=[Symbol("m", "maps", 0, size, OBJECT)],
            ),
            layout20="bpf_elf_map",
        ).maps["m"]
        assert (spec.id, spec.definition_size) == (id, size)

    def test_may_have_something_in_between(self) -> None:
        """A linker leaves a weak definition that another has overridden, without its symbol."""
        assert [m.id for m in self.read(72, 2, gap=b"\1").values()] == [7, 7]
        assert [m.id for m in self.read(40, 2, gap=b"\1").values()] == [7, 7]

    def test_may_have_several_sizes(self) -> None:
        """Those of several objects that a linker has put together."""
        data = Section("maps", words(HASH, 4, 8, 1, 5) + words(*self.WORDS), flags=ALLOC)
        symbols = [Symbol("small", "maps", 0, 20, OBJECT), Symbol("large", "maps", 20, 36, OBJECT)]
        spec = read_maps(elf(data, symbols=symbols))
        assert [(m.name, m.id, m.definition_size) for m in spec.maps.values()] == [("small", 5, 20), ("large", 7, 36)]

    def test_that_overlap_are_refused(self) -> None:
        data = Section("maps", words(*self.WORDS * 2), flags=ALLOC)
        symbols = [Symbol("first", "maps", 0, 36, OBJECT), Symbol("second", "maps", 32, 36, OBJECT)]
        with pytest.raises(MapDefinitionError, match='map "second" starts at byte 32'):
            read_maps(elf(data, symbols=symbols))

    def test_are_made_by_a_compiler(self, build: Compiler) -> None:
        spec = read_object(build("legacy_aligned"))
        assert [(m.name, m.id, m.definition_size) for m in spec.maps.values()] == [
            ("apart", 1, 36),
            ("counts", 2, 36),
            ("last", 3, 36),
        ]


class TestMembers:
    """Where BTF has the structure, its members' names decide, whoever's it is."""

    COMMON = ("type", "key_size", "value_size", "max_entries")

    def read(
        self, members: tuple[str, ...], row: bytes, *, name: str = MAP_DEF, tail: int = 0, pointer: int = -1
    ) -> MapSpec:
        """A map whose structure has these members of 4 bytes, and perhaps one of ``tail`` bytes."""
        btf = BtfWriter()
        number = btf.integer("unsigned int")
        fields = [(member, number, 32 * i) for i, member in enumerate(members)]
        if tail:
            characters = btf.array(btf.integer("char", 1), tail)
            fields[-1] = (fields[-1][0], characters, fields[-1][2])
        size = len(row)
        variable = btf.variable("m0", btf.structure(name, size, fields))
        btf.data_section("maps", [(variable, 0, size)])
        relocations = [Relocation("maps", pointer, "text")] if pointer >= 0 else []
        return read_maps(
            elf(
                Section("maps", row, flags=ALLOC | WRITE),
                Section(".rodata.str1.1", b"/path\0", flags=ALLOC),
                Section(".BTF", btf.data()),
                symbols=[Symbol("m0", "maps", 0, size, OBJECT), Symbol("text", ".rodata.str1.1", 0, 6, OBJECT)],
                relocations=relocations,
            )
        ).maps["m0"]

    def test_the_pinning_of_one_is_not_the_id_of_another(self) -> None:
        found = self.read((*self.COMMON, "map_flags", "pinning"), words(HASH, 4, 8, 16, 1, 2))
        assert (found.flags, found.id, found.pinning) == (1, None, 2)

    def test_every_name_of_a_field_is_known(self) -> None:
        found = self.read(
            ("map_type", "size_key", "size_value", "max_elem", "map_flags", "map_id", "pinning_strategy"),
            words(HASH, 4, 8, 16, 1, 5, 1),
        )
        assert (found.type, found.key_size, found.value_size, found.max_entries) == (HASH, 4, 8, 16)
        assert (found.flags, found.id, found.pinning) == (1, 5, 1)

    def test_the_order_does_not_matter(self) -> None:
        found = self.read(("max_entries", "value_size", "key_size", "type"), words(16, 8, 4, HASH), name=ELF_MAP)
        assert (found.type, found.key_size, found.value_size, found.max_entries) == (HASH, 4, 8, 16)

    @pytest.mark.parametrize(("flags", "node"), [(4, 1), (0, None)])
    def test_a_numa_node_is_one_where_a_flag_says_so(self, flags: int, node: int | None) -> None:
        found = self.read((*self.COMMON, "map_flags", "inner_map_idx", "numa_node"), words(HASH, 4, 8, 16, flags, 0, 1))
        assert (found.numa_node, found.id, found.pinning) == (node, None, 0)

    def test_an_unknown_one_is_refused_by_its_name(self) -> None:
        with pytest.raises(MapDefinitionError, match=r'"inner_map_idx" of its struct bpf_map_def is set \(02\)'):
            self.read((*self.COMMON, "map_flags", "inner_map_idx"), words(HASH, 4, 8, 16, 0, 2))

    def test_text_is_shown_as_such(self) -> None:
        members = (*self.COMMON, "map_flags", "pinning", "namespace")
        row = words(HASH, 4, 8, 16, 0, 0) + b"myns".ljust(256, b"\0")
        with pytest.raises(MapDefinitionError, match=r'"namespace" of its struct bpf_map_def is set \("myns"\)'):
            self.read(members, row, tail=256)
        assert self.read(members, row.replace(b"myns", bytes(4)), tail=256).definition_size == 280

    def test_a_pointer_is_refused_by_its_name(self) -> None:
        with pytest.raises(MapDefinitionError, match='"persistent_path" of its struct bpf_map_def is set; '):
            self.read(
                (*self.COMMON, "map_flags", "persistent_path"), words(HASH, 4, 8, 16, 0, 0, 0), tail=8, pointer=20
            )

    def test_a_pointer_without_btf_is_refused_by_its_place(self) -> None:
        section = Section("maps", words(HASH, 4, 8, 16, 0, 0, 0), flags=ALLOC)
        text = Section(".rodata.str1.1", b"/path\0", flags=ALLOC)
        symbols = [Symbol("m", "maps", 0, 28, OBJECT), Symbol("text", ".rodata.str1.1", 0, 6, OBJECT)]
        with pytest.raises(MapDefinitionError, match='map "m": its definition has a pointer at byte 20'):
            read_maps(elf(section, text, symbols=symbols, relocations=[Relocation("maps", 20, "text")]))

    def test_names_that_say_nothing_leave_it_to_the_size(self) -> None:
        found = self.read(("a", "b", "c", "d", "e", "f", "g"), words(HASH, 4, 8, 16, 1, 5, 2))
        assert (found.flags, found.id, found.pinning) == (1, 5, 2)
