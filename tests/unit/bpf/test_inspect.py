"""What an object holds: programs, maps, variables, externs, and what it asks of a kernel."""

from __future__ import annotations

import pytest

from pytc.bpf import inspect_object, read_bytes, read_object
from pytc.bpf.analyse.inspect import ExternFacts, Inspection, MapFacts, ProgramFacts, Slot, VariableFacts, source_line
from pytc.bpf.kernel import versions as v
from pytc.bpf.kernel.versions import Feature
from tests.conftest import EXAMPLES, Compiler
from tests.elf_writer import (
    ALLOC,
    OBJECT,
    RETURN_0,
    WRITE,
    Section,
    Symbol,
    call,
    code,
    elf,
    function,
    license,
    words,
)


def inspected(path: str) -> Inspection:
    return inspect_object(read_object(path))


def program(inspection: Inspection, name: str) -> ProgramFacts:
    return next(one for one in inspection.programs if one.spec.name == name)


def declared(inspection: Inspection, name: str) -> MapFacts:
    return next(one for one in inspection.maps if one.spec.name == name)


def features(inspection: Inspection) -> set[str]:
    return {feature.text for feature in inspection.needs}


def test_global_variables_have_their_values(build: Compiler) -> None:
    found = {one.name: one for one in inspected(build("modern_globals")).variables}
    assert found == {
        "packets": VariableFacts("packets", ".bss", "__u64", "__u64 packets", 8, 0, False),
        "last_length": VariableFacts(
            "last_length", ".bss", "volatile __u32", "volatile __u32 last_length", 4, 0, False
        ),
        "step": VariableFacts("step", ".data", "volatile __u32", "volatile __u32 step", 4, 3, False),
        "big": VariableFacts("big", ".data", "volatile __u64", "volatile __u64 big", 8, 0x1122334455667788, False),
        "limit": VariableFacts("limit", ".rodata", "const volatile __u32", "const volatile __u32 limit", 4, 1500, True),
        "ports": VariableFacts(
            "ports", ".rodata", "const volatile __u16 [4]", "const volatile __u16 ports[4]", 8, [53, 67, 123, 443], True
        ),
        "verdict": VariableFacts(
            "verdict", ".rodata.cfg", "const volatile __u32", "const volatile __u32 verdict", 4, 0, True
        ),
        "too_long": VariableFacts(
            "too_long", ".rodata.cfg", "const volatile __u32", "const volatile __u32 too_long", 4, 2, True
        ),
        "state": VariableFacts(
            "state", ".data.state", "volatile __u64 [2]", "volatile __u64 state[2]", 16, [7, 40], False
        ),
    }


def test_variables_without_type_information_are_bytes() -> None:
    data = elf(
        Section(".data", words(7), flags=ALLOC | WRITE),
        Section(".bss", b"", 8, ALLOC | WRITE, size=4),
        code("classifier", RETURN_0),
        symbols=[
            function("cls_main", "classifier"),
            Symbol("seven", ".data", 0, 4, OBJECT),
            Symbol("nothing", ".bss", 0, 4, OBJECT),
        ],
    )
    found = inspect_object(read_bytes(data)).variables
    assert found == (
        VariableFacts("seven", ".data", "", "seven", 4, "07000000", False),
        VariableFacts("nothing", ".bss", "", "nothing", 4, "00000000", False),
    )


def test_a_large_variable_has_no_value() -> None:
    data = elf(
        Section(".bss", b"", 8, ALLOC | WRITE, size=1 << 20),
        code("classifier", RETURN_0),
        symbols=[function("cls_main", "classifier"), Symbol("many", ".bss", 0, 1 << 20, OBJECT)],
    )
    (found,) = inspect_object(read_bytes(data)).variables
    assert found.value is None


def test_programs_have_subprograms_in_the_order_of_linking(build: Compiler) -> None:
    found = program(inspected(build("modern_subprogs")), "one")
    assert found.linked is not None
    assert found.subprograms == [part.function.name for part in found.linked.functions[1:]]
    assert found.subprograms
    assert found.instructions == len(found.linked.code) // 8
    assert found.maps == (".bss",)


def test_helpers_have_names(build: Compiler) -> None:
    found = inspected(build("legacy_tail"))
    assert program(found, "cls_main").helpers == ["map_lookup_elem", "map_update_elem", "tail_call"]


def test_a_helper_that_nobody_knows_is_its_number() -> None:
    data = elf(code("classifier", call(9999, source=0), RETURN_0), symbols=[function("cls_main", "classifier")])
    assert inspect_object(read_bytes(data)).programs[0].helpers == ["9999"]


def test_places_in_program_arrays(build: Compiler) -> None:
    legacy, modern = inspected(build("legacy_tail")), inspected(build("modern_prog_array"))
    assert program(legacy, "slot_three").slots == (Slot("jmp", 42, 3),)
    assert program(legacy, "slot_five").slots == (Slot("jmp", 42, 5),)
    assert program(legacy, "nowhere").slots == (Slot("", 7, 0),)
    assert program(legacy, "cls_main").slots == ()
    assert sorted(slot.slot for one in modern.programs for slot in one.slots) == [1, 3]


def test_a_program_that_cannot_be_linked_says_why() -> None:
    data = elf(code("classifier", call(-2), RETURN_0), symbols=[function("cls_main", "classifier")])
    (found,) = inspect_object(read_bytes(data)).programs
    assert found.linked is None
    assert "where no function starts" in found.problem
    assert (found.instructions, found.subprograms, found.helpers) == (0, [], [])


@pytest.mark.parametrize(
    ("name", "layout", "size"),
    [
        ("legacy16", "bpf_elf_map", 16),
        ("legacy20", "bpf_elf_map", 20),
        ("legacy24", "bpf_elf_map", 24),
        ("legacy28", "bpf_elf_map", 28),
        ("legacy36", "bpf_elf_map", 36),
        ("legacy44_zero", "bpf_elf_map", 44),
        ("bpf_map_def", "bpf_map_def", 20),
    ],
)
def test_layouts_of_maps(build: Compiler, name: str, layout: str, size: int) -> None:
    found = inspected(build(name)).maps
    assert {(one.layout, one.layout_size, one.is_guess) for one in found if one.spec.origin == "maps"} == {
        (layout, size, False)
    }


def test_the_layout_of_20_bytes_is_a_guess_without_debug_information(build: Compiler) -> None:
    assert {one.is_guess for one in inspected(build("legacy20", flags=())).maps} == {True}
    assert {one.is_guess for one in inspected(build("legacy24", flags=())).maps} == {False}


def test_maps_have_types_and_templates(build: Compiler) -> None:
    found = inspected(build("modern_inner"))
    assert (declared(found, "inner_one").layout, declared(found, "inner_one").key) == ("BTF", "__u32")
    outer = declared(found, "outer").spec
    assert outer.slots == ((1, "inner_one"), (3, "inner_two"))
    assert outer.inner is not None and outer.inner.max_entries == 2


def test_externs(build: Compiler) -> None:
    kfuncs, settings = inspected(build("kfunc")), inspected(build("kconfig"))
    assert kfuncs.externs[0] == ExternFacts(
        "bpf_cast_to_kern_ctx", "function", "void *bpf_cast_to_kern_ctx(void *)", False
    )
    assert ExternFacts("CONFIG_CC_VERSION_TEXT", "setting", "char CONFIG_CC_VERSION_TEXT[6]", False) in settings.externs
    assert any(one.is_weak for one in settings.externs)
    assert program(kfuncs, "second").externs == ("bpf_cast_to_kern_ctx",)
    assert not any(one.section == ".kconfig" for one in settings.variables)


def test_what_objects_ask_of_a_kernel(build: Compiler) -> None:
    assert features(inspected(build("legacy36"))) == {
        "map type hash",
        "map type array",
        "map type percpu_array",
        "map flag BPF_F_NO_PREALLOC",
        "helper map_lookup_elem",
        "helper map_update_elem",
        "program type sched_cls",
        v.LEGACY_MAPS.text,
    }
    assert {v.KFUNCS.text, v.CORE.text, v.CALLS.text, v.GLOBAL_DATA.text} <= features(inspected(build("kfunc")))
    assert {v.BTF_MAPS.text, v.PINNING.text} <= features(inspected(build("modern_maps")))
    assert v.CALLBACKS.text in features(inspected(build("callback")))
    assert v.KERNEL_VARIABLES.text in features(inspected(build("ksym_typed")))
    assert v.KERNEL_VARIABLES.text not in features(inspected(build("ksym_typeless")))
    assert v.CORE.text in features(inspected(build("core_field")))


def test_needs_are_in_the_order_of_versions(build: Compiler) -> None:
    needs = inspected(build("kfunc")).needs
    assert needs[0] == Feature("kfuncs", "5.13")
    versions = [v.version_key(feature.since) for feature in needs if feature.since]
    assert versions == sorted(versions, reverse=True)


def test_core_relocations_are_counted(build: Compiler) -> None:
    assert program(inspected(build("core_field")), "cls_main").core_relocations > 0
    assert program(inspected(build("legacy36")), "cls_main").core_relocations == 0


@pytest.mark.parametrize(
    ("text", "compatible"),
    [
        ("GPL", True),
        ("Dual BSD/GPL", True),
        ("Dual MIT/GPL", True),
        ("GPL v2", True),
        ("GPLv2", False),
        ("Apache-2.0", False),
        ("gpl", False),
    ],
)
def test_licenses(text: str, compatible: bool) -> None:
    data = elf(code("classifier", RETURN_0), license(text), symbols=[function("cls_main", "classifier")])
    assert inspect_object(read_bytes(data)).is_gpl_compatible is compatible


def test_instructions_come_from_lines_of_c(build: Compiler) -> None:
    found = inspected(build("reject_helper"))
    (one,) = found.programs
    line = source_line(found.spec, one.linked, one.calls[0].slot)
    assert line is not None and line.file.endswith("reject_helper.c")
    assert source_line(found.spec, one.linked, -1) is None
    assert source_line(found.spec, None, 0) is None


@pytest.mark.parametrize("name", ["traffic", "mark_stats", "shaper"])
def test_the_examples_can_be_inspected(name: str) -> None:
    found = inspected(str(EXAMPLES / f"{name}.o"))
    assert found.is_gpl_compatible
    assert found.programs and not any(one.problem for one in found.programs)
    assert found.maps
