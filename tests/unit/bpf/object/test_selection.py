"""Which program of an object is meant."""

from __future__ import annotations

import pytest

from pytc.bpf import ProgramType, read_bytes, select_program
from pytc.bpf.object.spec import ObjectSpec
from pytc.errors import SelectionError
from tests.elf_writer import RETURN_0, Section, code, elf, function


def spec_with(*programs: tuple[str, str]) -> ObjectSpec:
    """An object with these (section, name), in the order of the sections."""
    names = {section: [n for s, n in programs if s == section] for section, _ in programs}
    sections = [code(section, RETURN_0 * len(found)) for section, found in names.items()]
    symbols = [
        function(name, section, 2 * index, 2) for section, found in names.items() for index, name in enumerate(found)
    ]
    return read_bytes(elf(*sections, symbols=symbols), "/obj/bpf.o")


SEVERAL = spec_with(("other", "a"), ("classifier", "b"), ("classifier", "c"), ("action", "d"))


def test_without_a_wish_it_is_the_first_of_the_default_section() -> None:
    assert select_program(SEVERAL).name == "b"


def test_another_default_section_can_be_given() -> None:
    assert select_program(SEVERAL, default_section="action").name == "d"


def test_without_the_default_section_it_is_the_only_program() -> None:
    assert select_program(spec_with(("mycls", "only"))).name == "only"


def test_without_the_default_section_several_programs_are_too_many() -> None:
    with pytest.raises(SelectionError) as caught:
        select_program(spec_with(("one", "a"), ("two", "b")))
    assert str(caught.value) == (
        'object file "/obj/bpf.o": no section "classifier", which is the default, and more '
        'than one program; sections with programs: "one" (program a), "two" (program b)'
    )


def test_a_section_means_its_first_program() -> None:
    assert select_program(SEVERAL, section="classifier").name == "b"
    assert select_program(SEVERAL, section="other").name == "a"


def test_a_name_is_looked_for_in_all_sections() -> None:
    assert select_program(SEVERAL, program="d").section == "action"


def test_section_and_name_must_both_be_right() -> None:
    assert select_program(SEVERAL, section="classifier", program="c").name == "c"
    with pytest.raises(SelectionError, match='no program "d" in section "classifier"; sections with programs: "other"'):
        select_program(SEVERAL, section="classifier", program="d")


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(SelectionError) as caught:
        select_program(SEVERAL, program="x")
    assert str(caught.value) == (
        'object file "/obj/bpf.o": no program "x"; sections with programs: "other" '
        '(program a), "classifier" (program b), "classifier" (program c), "action" '
        "(program d)"
    )


def test_a_section_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(SelectionError, match='no section "nope"; sections with programs: "other"'):
        select_program(SEVERAL, section="nope")


def test_a_section_without_entry_points_says_so() -> None:
    spec = read_bytes(
        elf(
            code(".text", RETURN_0), code("tc", RETURN_0), symbols=[function("helper", ".text"), function("cls", "tc")]
        ),
        "bpf.o",
    )
    with pytest.raises(SelectionError, match=r'no program in section "\.text"; sections with programs: "tc"'):
        select_program(spec, section=".text")


def test_a_section_of_data_is_no_section_of_programs() -> None:
    spec = read_bytes(elf(code("tc", RETURN_0), Section("license", b"GPL\0")))
    with pytest.raises(SelectionError, match='no section "license"'):
        select_program(spec, section="license")


def test_an_object_without_programs_says_so() -> None:
    spec = read_bytes(elf(Section("license", b"GPL\0")), "/obj/empty.o")
    for section, program in (("", ""), ("tc", ""), ("", "x")):
        with pytest.raises(SelectionError, match=r'object file "/obj/empty\.o" holds no programs'):
            select_program(spec, section=section, program=program)


def test_the_question_mark_is_part_of_the_name_of_the_section() -> None:
    spec = spec_with(("?tc", "later"), ("tc", "now"))
    assert select_program(spec, section="?tc").name == "later"
    assert select_program(spec, section="tc").name == "now"


PLACES = ("classifier", "tc/ingress", "tc")


@pytest.mark.parametrize(
    ("programs", "name"),
    [
        ((("tc/egress", "out"), ("tc/ingress", "in"), ("tc", "any")), "in"),
        ((("tc/egress", "out"), ("tc", "any")), "any"),
        ((("classifier", "first"), ("classifier", "second"), ("tc/ingress", "in")), "first"),
        ((("xdp", "early"), ("tc/egress", "out")), "out"),
    ],
)
def test_a_hook_has_several_default_sections(programs: tuple[tuple[str, str], ...], name: str) -> None:
    spec = spec_with(*programs)
    chosen = select_program(spec, default_section=PLACES, default_type=ProgramType.SCHED_CLS)
    assert chosen.name == name


@pytest.mark.parametrize(
    "programs", [(("tc", "a"), ("tc", "b")), (("xdp", "a"), ("tc/egress", "b"), ("tc/egress", "c"))]
)
def test_nothing_is_guessed_among_several(programs: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(SelectionError, match="more than one program"):
        select_program(spec_with(*programs), default_section=PLACES, default_type=ProgramType.SCHED_CLS)
