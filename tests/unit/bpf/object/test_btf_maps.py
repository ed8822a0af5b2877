"""Maps of section ``.maps``, from BTF made by hand and by compilers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytc.bpf import read_object
from pytc.bpf.btf import types as b
from pytc.bpf.link.linker import link
from pytc.bpf.object.spec import MODERN, PIN_GLOBAL_NS, PIN_NONE, MapSpec, ObjectSpec
from pytc.errors import MapDefinitionError, ObjectError
from tests.btf_writer import BtfWriter
from tests.conftest import Compiler
from tests.elf_writer import ALLOC, LOCAL, OBJECT, RETURN_0, WRITE, Relocation, Section, Symbol, code, elf, function
from tests.unit.bpf.object.support import read_maps

HASH, ARRAY, PROG_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS, RINGBUF = 1, 2, 3, 12, 13, 27


@pytest.fixture
def w() -> BtfWriter:
    return BtfWriter()


def spec_of(
    w: BtfWriter,
    *variables: tuple[str, int],
    size: int = 64,
    more: Sequence[Section] = (),
    symbols: Sequence[Symbol] = (),
    relocations: Sequence[Relocation] = (),
) -> ObjectSpec:
    """An object with these (name, type id of the variable) in ``.maps``, ``size`` bytes each."""
    w.data_section(MODERN, [(variable, index * size, size) for index, (_, variable) in enumerate(variables)])
    sections = [Section(MODERN, bytes(size * len(variables)), flags=ALLOC | WRITE), Section(".BTF", w.data()), *more]
    own = [Symbol(name, MODERN, index * size, size, OBJECT) for index, (name, _) in enumerate(variables)]
    return read_maps(elf(*sections, symbols=[*own, *symbols], relocations=relocations))


def map_of(w: BtfWriter, **members: int) -> MapSpec:
    """The map ``m`` with these {attribute: type}."""
    return spec_of(w, ("m", w.map("m", members))).maps["m"]


def test_numbers_and_types_make_a_map(w: BtfWriter) -> None:
    number, wide = w.integer("u32", 4), w.integer("u64", 8)
    found = map_of(
        w,
        type=w.number(HASH),
        max_entries=w.number(64),
        map_flags=w.number(1),
        key=w.pointer(number),
        value=w.pointer(wide),
    )
    assert found == MapSpec(
        "m", HASH, 4, 8, 64, flags=1, origin=MODERN, key_type_id=number, value_type_id=wide, section=MODERN
    )


def test_sizes_alone_do_without_types(w: BtfWriter) -> None:
    found = map_of(w, type=w.number(ARRAY), max_entries=w.number(4), key_size=w.number(4), value_size=w.number(24))
    assert (found.key_size, found.value_size, found.key_type_id, found.value_type_id) == (4, 24, 0, 0)


def test_a_size_may_repeat_what_the_type_says(w: BtfWriter) -> None:
    found = map_of(w, type=w.number(HASH), key_size=w.number(4), key=w.pointer(w.integer()))
    assert found.key_size == 4


@pytest.mark.parametrize("what", ["key", "value"])
def test_a_size_may_not_contradict_the_type(w: BtfWriter, what: str) -> None:
    with pytest.raises(MapDefinitionError, match=f"{what}_size is 8, but its {what} type has 4 bytes"):
        map_of(w, **{"type": w.number(HASH), f"{what}_size": w.number(8), what: w.pointer(w.integer())})


@pytest.mark.parametrize("what", ["key", "value"])
def test_a_size_after_the_type_may_not_contradict_it_either(w: BtfWriter, what: str) -> None:
    with pytest.raises(MapDefinitionError, match=f"{what}_size is 8, but its {what} type has 4 bytes"):
        map_of(w, **{"type": w.number(HASH), what: w.pointer(w.integer()), f"{what}_size": w.number(8)})


def test_an_enum_can_be_a_number_too_large_for_an_array(w: BtfWriter) -> None:
    extra = w.enum("", [("", 1 << 44)], kind=b.ENUM64)
    assert map_of(w, type=w.number(HASH), map_extra=extra).map_extra == 1 << 44


def test_node_and_extra_are_kept(w: BtfWriter) -> None:
    found = map_of(w, type=w.number(HASH), numa_node=w.number(0), map_extra=w.number(3))
    assert (found.numa_node, found.map_extra) == (0, 3)


@pytest.mark.parametrize(("number", "pinning"), [(0, PIN_NONE), (1, PIN_GLOBAL_NS), (2, PIN_GLOBAL_NS), (6, 6)])
def test_by_name_pinning_means_the_global_namespace(w: BtfWriter, number: int, pinning: int) -> None:
    assert map_of(w, type=w.number(HASH), pinning=w.number(number)).pinning == pinning


@pytest.mark.parametrize("type", [PROG_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS])
def test_maps_of_descriptors_have_values_of_4_bytes(w: BtfWriter, type: int) -> None:
    inner = w.pointer(w.structure("", 8, [("type", w.number(ARRAY), 0)]))
    values = w.array(inner, 0) if type != PROG_ARRAY else w.array(w.pointer(w.add(b.FUNC_PROTO)), 0)
    found = map_of(w, type=w.number(type), values=values)
    assert (found.key_size, found.value_size) == (4, 4)


def test_a_ring_buffer_has_neither_keys_nor_values(w: BtfWriter) -> None:
    found = map_of(w, type=w.number(RINGBUF), max_entries=w.number(4096), value=w.pointer(w.integer()))
    assert (found.key_size, found.value_size, found.value_type_id) == (0, 0, 0)


def test_maps_come_in_the_order_of_the_btf(w: BtfWriter) -> None:
    spec = spec_of(w, *((name, w.map(name, {"type": w.number(HASH)})) for name in ("z", "a", "m")))
    assert list(spec.maps) == ["z", "a", "m"]


def test_a_typedef_of_a_struct_is_a_map_too(w: BtfWriter) -> None:
    whole = w.structure("", 8, [("type", w.number(HASH), 0)])
    assert spec_of(w, ("m", w.variable("m", w.add(b.TYPEDEF, "map_t", whole)))).maps["m"].type == HASH


class TestValues:
    """``__array(values, ...)`` with and without initial contents."""

    def inner(self, w: BtfWriter) -> int:
        return w.structure("inner", 16, [("type", w.number(ARRAY), 0), ("max_entries", w.number(2), 64)])

    def outer(self, w: BtfWriter, inner: int, count: int = 4) -> int:
        return w.map(
            "outer",
            {"type": w.number(ARRAY_OF_MAPS), "max_entries": w.number(count), "values": w.array(w.pointer(inner), 0)},
        )

    def test_a_template_is_a_map_of_its_own(self, w: BtfWriter) -> None:
        spec = spec_of(w, ("outer", self.outer(w, self.inner(w))))
        template = spec.maps["outer"].inner
        assert template is not None
        assert (template.name, template.type, template.max_entries) == ("outer.inner", ARRAY, 2)

    def test_relocations_fill_slots(self, w: BtfWriter) -> None:
        inner = self.inner(w)
        one, two = w.variable("one", inner), w.variable("two", inner)
        spec = spec_of(
            w,
            ("one", one),
            ("two", two),
            ("outer", self.outer(w, inner)),
            relocations=[Relocation(MODERN, 128 + 16 + 8, "one"), Relocation(MODERN, 128 + 16 + 24, "two")],
        )
        assert spec.maps["outer"].slots == ((1, "one"), (3, "two"))
        assert spec.maps["one"].slots == ()

    def test_static_maps_fill_slots_as_others_do(self, w: BtfWriter) -> None:
        inner = self.inner(w)
        one, two = w.variable("one", inner), w.variable("two", inner)
        w.data_section(MODERN, [(one, 0, 64), (two, 64, 64), (self.outer(w, inner), 128, 64)])
        data = bytearray(192)
        data[128 + 16] = 64  # the addend, where a table without addends has it
        symbols = [
            Symbol("one", MODERN, 0, binding=LOCAL),
            Symbol("two", MODERN, 64, binding=LOCAL),
            Symbol("outer", MODERN, 128),
            Symbol("", MODERN, type=3, binding=LOCAL),
        ]
        spec = read_maps(
            elf(
                Section(MODERN, bytes(data), flags=ALLOC | WRITE),
                Section(".BTF", w.data()),
                symbols=symbols,
                relocations=[Relocation(MODERN, 128 + 16, 4)],
            )
        )
        assert spec.maps["outer"].slots == ((0, "two"),)

    def test_programs_fill_the_slots_of_a_program_array(self, w: BtfWriter) -> None:
        jumps = w.map("jumps", {"type": w.number(PROG_ARRAY), "values": w.array(w.pointer(w.add(b.FUNC_PROTO)), 0)})
        spec = spec_of(
            w,
            ("jumps", jumps),
            more=[code("tc", RETURN_0)],
            symbols=[function("target", "tc")],
            relocations=[Relocation(MODERN, 8 + 16, "target")],
        )
        assert spec.maps["jumps"].slots == ((2, "target"),)

    def test_a_relocation_beside_the_elements_is_refused(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='map "outer": a relocation at byte 12'):
            spec_of(w, ("outer", self.outer(w, self.inner(w))), relocations=[Relocation(MODERN, 12, "outer")])

    def test_a_relocation_in_a_map_without_values_is_refused(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match="a relocation at byte 8"):
            spec_of(w, ("m", w.map("m", {"type": w.number(HASH)})), relocations=[Relocation(MODERN, 8, "m")])

    def test_inner_maps_cannot_have_inner_maps(self, w: BtfWriter) -> None:
        deep = w.structure("", 8, [("values", w.array(w.pointer(self.inner(w)), 0), 0)])
        with pytest.raises(MapDefinitionError, match='an inner map cannot have "values"'):
            spec_of(w, ("outer", self.outer(w, deep)))

    def test_values_have_to_be_an_array(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='"values" is not an array'):
            map_of(w, type=w.number(ARRAY_OF_MAPS), values=w.pointer(0))

    def test_values_of_something_else_are_refused(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='"values" holds neither maps nor programs'):
            map_of(w, type=w.number(ARRAY_OF_MAPS), values=w.array(w.pointer(w.integer()), 0))


class TestRefusals:
    def test_without_btf_the_way_to_get_it_is_shown(self) -> None:
        data = elf(Section(MODERN, bytes(8), flags=ALLOC), symbols=[Symbol("hits", MODERN)])
        with pytest.raises(MapDefinitionError, match=r"\(hits\) need BTF, .* compile it with -g \(clang -O2 -g"):
            read_maps(data)

    def test_btf_that_says_nothing_of_the_maps(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match="are not in the object's BTF"):
            read_maps(elf(Section(MODERN, bytes(8), flags=ALLOC), Section(".BTF", w.data())))

    def test_a_map_without_a_symbol(self, w: BtfWriter) -> None:
        w.data_section(MODERN, [(w.map("m", {"type": w.number(HASH)}), 0, 8)])
        with pytest.raises(MapDefinitionError, match='map "m" is in the BTF but has no symbol'):
            read_maps(elf(Section(MODERN, bytes(8), flags=ALLOC), Section(".BTF", w.data())))

    def test_a_map_that_is_no_struct(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='map "m" is not declared as a struct'):
            spec_of(w, ("m", w.variable("m", w.integer())))

    def test_a_map_without_a_type(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='map "m" has no type'):
            map_of(w, max_entries=w.number(1))

    def test_an_attribute_that_is_not_known(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='map "m": unknown attribute "colour"'):
            map_of(w, type=w.number(HASH), colour=w.number(1))

    @pytest.mark.parametrize("attribute", ["type", "max_entries", "pinning"])
    def test_a_number_that_is_none(self, w: BtfWriter, attribute: str) -> None:
        with pytest.raises(MapDefinitionError, match=f'attribute "{attribute}" is not a number'):
            map_of(w, **{attribute: w.pointer(w.integer())})

    def test_an_empty_enum_is_no_number(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='attribute "type" is not a number'):
            map_of(w, type=w.enum("", []))

    def test_a_key_that_is_no_type(self, w: BtfWriter) -> None:
        with pytest.raises(MapDefinitionError, match='attribute "key" is not a pointer to a type'):
            map_of(w, type=w.number(HASH), key=w.integer())

    def test_a_key_without_a_size(self, w: BtfWriter) -> None:
        with pytest.raises(
            ObjectError, match='map "m": the type of its key, ghost, is only declared, and has no size: define it'
        ):
            map_of(w, type=w.number(HASH), key=w.pointer(w.add(b.FWD, "ghost")))

    @pytest.mark.parametrize("what", ["key", "value"])
    def test_a_type_larger_than_the_kernel_can_be_told(self, w: BtfWriter, what: str) -> None:
        huge = w.array(w.array(w.integer(), 1 << 16), 1 << 16)
        with pytest.raises(MapDefinitionError, match=f"{what} type has {1 << 34} bytes, more than"):
            map_of(w, **{"type": w.number(HASH), what: w.pointer(huge)})

    def test_a_number_larger_than_the_kernel_can_be_told(self, w: BtfWriter) -> None:
        huge = w.enum("", [("", 1 << 32)], kind=b.ENUM64)
        with pytest.raises(MapDefinitionError, match=f'attribute "max_entries" is {1 << 32}, more than'):
            map_of(w, type=w.number(HASH), max_entries=huge)


def test_compiled_maps(build: Compiler) -> None:
    maps = read_object(build("modern_maps")).maps
    assert {name: (m.type, m.key_size, m.value_size, m.max_entries, m.flags) for name, m in maps.items()} == {
        "by_protocol": (1, 4, 16, 64, 0),
        "sizes_only": (2, 4, 8, 4, 0),
        "recent": (9, 4, 8, 128, 0),
        "per_cpu": (5, 4, 8, 16, 0),
        "routes": (11, 8, 4, 32, 1),
        "pinned_by_name": (2, 4, 8, 2, 0),
    }
    assert [name for name, m in maps.items() if m.pinning] == ["pinned_by_name"]
    assert [name for name, m in maps.items() if not m.value_type_id] == ["sizes_only"]


def test_compiled_maps_of_maps(build: Compiler) -> None:
    maps = read_object(build("modern_inner")).maps
    assert maps["outer"].slots == ((1, "inner_one"), (3, "inner_two"))
    template = maps["outer_empty"].inner
    assert template is not None
    assert (template.type, template.max_entries, template.value_size) == (1, 16, 4)


def test_compiled_program_arrays(build: Compiler) -> None:
    jumps = read_object(build("modern_prog_array")).maps["jumps"]
    assert jumps.slots == ((1, "target_one"), (3, "target_three"))


def test_compiled_maps_without_btf_are_refused(build: Compiler) -> None:
    spec = read_object(build("ringbuf", flags=()))
    assert spec.maps["records"].problem.startswith('maps in section ".maps" (records) need BTF')
    with pytest.raises(MapDefinitionError, match=r'maps in section "\.maps" \(records\) need BTF'):
        link(spec, spec.programs[0])
