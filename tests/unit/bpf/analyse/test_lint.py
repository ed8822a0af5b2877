"""Findings for objects that are wrong, or may be, each for the feature that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf import lint_object, read_bytes, read_object
from pytc.bpf.analyse.findings import Finding
from pytc.bpf.analyse.lint import lint_file
from pytc.bpf.object.spec import ObjectSpec
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.errors import ObjectError
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    OBJECT,
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
    license,
    words,
)
from tests.guarded import GUARDED

TRACE_PRINTK, RINGBUF_RESERVE = 6, 131
NOWHERE = -1


def checks(findings: list[Finding], *without: str) -> list[tuple[str, str]]:
    """(severity, check) of the findings."""
    return [(one.severity, one.check) for one in findings if one.check not in ("lines", *without)]


def row(
    type: int,
    *,
    key: int = 4,
    value: int = 8,
    entries: int = 4,
    flags: int = 0,
    id: int = 0,
    pinning: int = 0,
    inner_id: int = 0,
    inner_idx: int = NOWHERE,
) -> bytes:
    """A struct bpf_elf_map of 36 bytes."""
    return words(type, key, value, entries, flags, id, pinning, inner_id, inner_idx)


def spec_of(
    *rows: bytes,
    sections: tuple[str, ...] = ("classifier",),
    text: str = "GPL",
    instructions: tuple[bytes, ...] = (),
    uses: bool = False,
) -> ObjectSpec:
    """An object with these maps (``m0``, ``m1`` ...), and a program in each section, ``p0`` ...

    With ``uses``, the first program refers to all maps.
    """
    loads = tuple(address(1) for _ in rows) if uses else ()
    parts = [
        code(name, *((*loads, *instructions) if index == 0 else ()), RETURN_0) for index, name in enumerate(sections)
    ]
    symbols = [function(f"p{index}", name) for index, name in enumerate(sections)]
    symbols += [Symbol(f"m{index}", "maps", index * len(one), len(one), OBJECT) for index, one in enumerate(rows)]
    maps = [Section("maps", b"".join(rows), flags=ALLOC | WRITE)] if rows else []
    relocations = [Relocation(sections[0], 16 * index, f"m{index}") for index in range(len(loads))]
    return read_bytes(elf(*parts, *maps, *([license(text)] if text else []), symbols=symbols, relocations=relocations))


def test_a_good_object_has_no_findings(build: Compiler) -> None:
    for name in ("modern_globals", "modern_maps", "legacy36", "legacy_inner", "kfunc", "modern_inner"):
        assert lint_object(read_object(build(name))) == [], name


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("GPL", TRACE_PRINTK, []),
        ("Proprietary", TRACE_PRINTK, [("error", "gpl-helper")]),
        ("", TRACE_PRINTK, [("error", "gpl-helper")]),
        ("Proprietary", 1, []),
        ("", 1, [("warning", "license")]),
    ],
)
def test_licenses(text: str, number: int, expected: list[tuple[str, str]]) -> None:
    spec = spec_of(text=text, instructions=(call(number, source=0),))
    assert checks(lint_object(spec)) == expected


def test_a_helper_that_was_for_the_gpl_only_once() -> None:
    spec = spec_of(text="Proprietary", instructions=(call(5, source=0),))
    assert checks(lint_object(spec)) == []
    assert checks(lint_object(spec, version="5.4")) == [("error", "gpl-helper")]


def test_kfuncs_are_for_the_gpl(build: Compiler) -> None:
    spec = read_object(build("kfunc"))._replace(license="MIT")
    found = lint_object(spec)
    assert {one.check for one in found} == {"gpl-kfunc"}
    assert found[0].line and found[0].file.endswith("kfunc.c")


def test_a_finding_names_the_line_of_c(build: Compiler) -> None:
    (found,) = lint_file(build("reject_helper"))
    assert (found.severity, found.check, found.section, found.program) == (
        "error",
        "gpl-helper",
        "classifier",
        "cls_main",
    )
    source = Path(found.file).read_text().splitlines()
    assert "trace_printk" in source[found.line - 1]
    assert "Proprietary" in found.text


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", []),
        ("5.8", []),
        ("5.7", [("error", "helper-version")]),
        ("4.20", [("error", "helper-version")]),
        ("6.1", []),
    ],
)
def test_helpers_of_a_later_kernel(version: str, expected: list[tuple[str, str]]) -> None:
    spec = spec_of(instructions=(call(RINGBUF_RESERVE, source=0), call(RINGBUF_RESERVE, source=0)))
    assert checks(lint_object(spec, version=version), "unreleased") == expected


class TestGuards:
    """A helper of Linux 5.8 behind questions to the kernel. tests/vm asks a kernel whether all of this is so."""

    def findings(self, spec: ObjectSpec, version: str, program: str) -> list[Finding]:
        return [
            one
            for one in lint_object(spec, version=version)
            if one.program == program and one.check == "helper-version"
        ]

    @pytest.mark.parametrize("clang", ["clang", "clang-16", "clang-19"])
    @pytest.mark.parametrize(
        ("severity", "program"), [(severity, one) for severity, names in GUARDED.items() for one in names]
    )
    def test_make_less_of_a_finding(self, build: Compiler, clang: str, severity: str, program: str) -> None:
        spec = read_object(build("guarded", clang=clang))
        (found,) = self.findings(spec, "5.7", program)
        assert found.severity == severity
        assert found.text.startswith("bpf_ktime_get_boot_ns came with Linux 5.8")
        assert ("check" in found.text) is (severity != "error")
        assert "helper()" in Path(found.file).read_text().splitlines()[found.line - 1]
        assert self.findings(spec, "5.8", program) == []

    @pytest.mark.parametrize("program", ["by_version", "by_setting"])
    def test_that_the_verifier_does_not_see_through_do_not(self, build: Compiler, program: str) -> None:
        """Before 5.5 it takes what is in a read-only map for anything."""
        (found,) = self.findings(read_object(build("guarded")), "5.4", program)
        assert found.severity == "error"

    def test_name_the_call_that_they_do_not_keep(self, build: Compiler) -> None:
        (found,) = self.findings(read_object(build("guarded")), "5.7", "twice")
        assert "sum +=" in Path(found.file).read_text().splitlines()[found.line - 1]

    def test_of_weak_symbols_keep_their_calls(self, build: Compiler) -> None:
        found = [
            one for one in lint_object(read_object(build("guarded")), version="5.12") if one.check == "feature-version"
        ]
        assert [(one.severity, one.program) for one in found] == [("warning", "by_symbol")]

    def test_decide_the_status_of_the_command(self, build: Compiler) -> None:
        spec = read_object(build("guarded"))
        kept = tuple(one for one in spec.programs if one.name not in GUARDED["error"])
        assert {one.severity for one in lint_object(spec._replace(programs=kept), version="5.7")} == {"warning", "note"}


@pytest.mark.parametrize("number", [0, -5, 4711])
def test_helpers_that_nobody_knows(number: int) -> None:
    assert checks(lint_object(spec_of(instructions=(call(number, source=0),)))) == [("warning", "helper-unknown")]


@pytest.mark.parametrize(("uses", "severity"), [(True, "error"), (False, "warning")])
def test_map_types_of_a_later_kernel(uses: bool, severity: str) -> None:
    spec = spec_of(row(MapType.RINGBUF, key=0, value=0, entries=4096), uses=uses)
    assert checks(lint_object(spec)) == []
    assert checks(lint_object(spec, version="5.7")) == [(severity, "map-version")]


def test_map_types_that_nobody_knows() -> None:
    assert checks(lint_object(spec_of(row(99)))) == [("warning", "map-type")]


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("modern_globals", "5.1", "global data"),
        ("modern_subprogs", "4.15", "bpf-to-bpf calls"),
        ("callback", "5.12", "addresses of functions"),
        ("kfunc", "5.12", "kfuncs"),
    ],
)
def test_features_of_a_later_kernel(build: Compiler, name: str, version: str, text: str) -> None:
    found = [one for one in lint_file(build(name), version=version) if text in one.text and one.severity == "error"]
    assert found
    assert all(one.check == "feature-version" and one.line for one in found)


def test_core_relocations_need_types_of_the_kernel(build: Compiler) -> None:
    found = lint_file(build("core_field"), version="5.3")
    assert ("warning", "core-version") in checks(found)


def test_types_of_a_later_kernel(build: Compiler) -> None:
    found = lint_file(build("float"), version="5.12")
    (note,) = [one for one in found if one.check == "btf-version"]
    assert (note.severity, "float (5.13)" in note.text) == ("note", True)
    assert "4.18" in next(one.text for one in lint_file(build("float"), version="4.17") if one.check == "btf-version")


def test_program_types_of_a_later_kernel(build: Compiler) -> None:
    assert checks(lint_object(spec_of(sections=("sk_lookup",)), version="5.8")) == [("error", "type-version")]
    assert checks(lint_object(spec_of(sections=("mine",)), version="4.7", type=ProgramType.XDP)) == [
        ("error", "type-version")
    ]


def test_sections_that_do_not_say_a_type() -> None:
    spec = spec_of(sections=("classifier", "mine"))
    (found,) = [one for one in lint_object(spec) if one.check != "lines"]
    assert (found.severity, found.check, found.section, found.program) == ("warning", "program-type", "mine", "p1")
    assert checks(lint_object(spec, type=ProgramType.SCHED_CLS)) == []


def test_a_section_id_key_without_an_array(build: Compiler) -> None:
    found = [one for one in lint_file(build("legacy_tail")) if one.check == "tail-call-array"]
    assert [(one.section, one.severity) for one in found] == [("7/0", "warning")]


def test_a_section_id_key_of_a_map_that_is_no_program_array() -> None:
    spec = spec_of(row(MapType.ARRAY, id=3), sections=("classifier", "3/0"))
    assert checks(lint_object(spec)) == [("warning", "tail-call-array")]


def test_a_slot_that_the_array_does_not_have() -> None:
    spec = spec_of(row(MapType.PROG_ARRAY, value=4, id=3, pinning=2), sections=("classifier", "3/4"))
    assert checks(lint_object(spec)) == [("error", "tail-call-slot")]


def test_two_programs_for_one_slot() -> None:
    spec = spec_of(row(MapType.PROG_ARRAY, value=4, id=3, pinning=2), sections=("classifier", "3/1", "0x3/1"))
    assert checks(lint_object(spec)) == [("warning", "tail-call-twice")]


def test_program_arrays_that_nothing_keeps(build: Compiler) -> None:
    assert ("warning", "array-unpinned") in checks(lint_file(build("modern_prog_array")))
    filled = spec_of(row(MapType.PROG_ARRAY, value=4, id=3), sections=("classifier", "3/1"))
    empty = spec_of(row(MapType.PROG_ARRAY, value=4, id=3))
    assert checks(lint_object(filled)) == [("warning", "array-unpinned")]
    assert checks(lint_object(empty)) == []


def test_slots_for_what_is_not_there(build: Compiler) -> None:
    spec = read_object(build("modern_prog_array"))
    name, array = next((name, one) for name, one in spec.maps.items() if one.type == MapType.PROG_ARRAY)
    broken = spec._replace(maps={**spec.maps, name: array._replace(slots=((0, "nobody"),), pinning=2)})
    assert checks(lint_object(broken)) == [("error", "slot-missing"), ("note", "verdict")]


def test_slots_beyond_a_map_of_maps() -> None:
    spec = spec_of(row(MapType.ARRAY, id=7, inner_idx=9), row(MapType.ARRAY_OF_MAPS, value=4, inner_id=7))
    assert checks(lint_object(spec)) == [("error", "slot-range")]


@pytest.mark.parametrize(("pinning", "expected"), [(0, []), (1, []), (2, []), (6, [("warning", "pinning")])])
def test_pinnings(pinning: int, expected: list[tuple[str, str]]) -> None:
    assert checks(lint_object(spec_of(row(MapType.ARRAY, pinning=pinning)))) == expected


def test_structures_of_20_bytes_are_ambiguous() -> None:
    rows = (words(1, 4, 8, 16, 1), words(2, 4, 8, 16, 2))
    (found,) = [one for one in lint_object(spec_of(*rows)) if one.check != "lines"]
    assert (found.severity, found.check, found.section) == ("warning", "layout", "maps")
    assert "PYTC_MAP_LAYOUT=bpf_map_def" in found.text
    same = (words(1, 4, 8, 16, 1), words(1, 4, 8, 16, 1))
    assert any("PYTC_MAP_LAYOUT=bpf_elf_map" in one.text for one in lint_object(spec_of(*same)))


def test_structures_that_debug_information_names_are_not_ambiguous(build: Compiler) -> None:
    assert checks(lint_file(build("legacy20"))) == []
    assert checks(lint_file(build("bpf_map_def"))) == []


def test_ids_that_two_maps_have() -> None:
    twice = spec_of(row(MapType.ARRAY, id=5), row(MapType.HASH, id=5), row(MapType.HASH, id=0), row(MapType.HASH))
    assert checks(lint_object(twice)) == [("warning", "duplicate-id")]


def test_members_of_a_map_of_maps_share_an_id() -> None:
    spec = spec_of(
        row(MapType.ARRAY, id=5, inner_idx=0),
        row(MapType.ARRAY, id=5, inner_idx=1),
        row(MapType.ARRAY_OF_MAPS, value=4, inner_id=5),
    )
    assert checks(lint_object(spec)) == []


def test_more_maps_than_a_program_may_use() -> None:
    rows = [row(MapType.ARRAY, id=number + 1) for number in range(65)]
    assert checks(lint_object(spec_of(*rows, uses=True))) == [("error", "many-maps")]
    assert checks(lint_object(spec_of(*rows))) == []
    assert checks(lint_object(spec_of(*rows[:64], uses=True))) == []


@pytest.mark.parametrize(
    ("one", "check"),
    [
        (row(MapType.ARRAY, key=8), "map-key"),
        (row(MapType.LPM_TRIE, key=8), "map-flags"),
        (row(MapType.HASH, entries=0), "map-entries"),
        (row(MapType.SK_STORAGE, flags=1, entries=0), "map-types"),
    ],
)
def test_maps_that_no_kernel_makes(one: bytes, check: str) -> None:
    assert checks(lint_object(spec_of(one))) == [("error", check)]


def test_a_perf_event_array_needs_no_size() -> None:
    assert checks(lint_object(spec_of(row(MapType.PERF_EVENT_ARRAY, value=4, entries=0)))) == []


def test_programs_without_line_information(build: Compiler) -> None:
    (found,) = lint_file(build("legacy36", flags=()))
    assert (found.severity, found.check, "cls_main" in found.text) == ("note", "lines", True)


def test_a_program_that_cannot_be_linked() -> None:
    assert ("error", "link") in checks(lint_object(spec_of(instructions=(call(-7),))))


def test_a_call_of_the_c_library_has_its_substitute(build: Compiler) -> None:
    (found,) = [one for one in lint_file(build("mistakes/others")) if "ntohl" in one.text]
    assert (found.severity, found.check) == ("error", "link")
    assert "BPF has no C library: bpf_htonl and bpf_ntohl of <bpf/bpf_endian.h>" in found.text


def test_a_map_that_cannot_be_understood_is_a_finding(build: Compiler) -> None:
    (found,) = [one for one in lint_file(build("legacy44_junk")) if one.severity == "error"]
    assert (found.severity, found.check) == ("error", "map-definition")
    assert found.text.startswith('map "map_array"')


def test_btf_maps_without_btf(build: Compiler) -> None:
    (found,) = [one for one in lint_file(build("modern_maps", flags=())) if one.severity == "error"]
    assert (found.severity, found.check, "-g" in found.text) == ("error", "map-definition", True)


@pytest.mark.parametrize("path", ["/nowhere.o", "/etc/passwd", "/"])
def test_what_is_no_object_is_no_finding(path: str) -> None:
    with pytest.raises(ObjectError):
        lint_file(path)


def test_the_worst_comes_first() -> None:
    spec = spec_of(row(MapType.ARRAY, key=8), sections=("mine",))
    assert [one.severity for one in lint_object(spec)] == ["error", "warning", "note"]


def test_return_values_that_a_hook_does_not_know(build: Compiler) -> None:
    findings = lint_object(read_object(build("attached/verdicts")))
    assert [(one.severity, one.check, one.program, one.text.partition(",")[0]) for one in findings] == [
        ("warning", "verdict", "stolen_from_tcx", "can return 4 (TC_ACT_STOLEN)"),
        ("warning", "redirect-peer", "peer_at_egress", "calls bpf_redirect_peer"),
        ("note", "verdict", "reclassify", "can return 1 (TC_ACT_RECLASSIFY)"),
        ("note", "verdict", "several", "can return 3 (TC_ACT_PIPE)"),
    ]
    (peer,) = [one for one in findings if one.check == "redirect-peer"]
    assert peer.file.endswith("verdicts.c") and peer.line


def test_padding_in_keys(build: Compiler) -> None:
    spec = read_object(build("padded_keys"))
    texts = {one.map: one.text for one in lint_object(spec) if one.check == "map-key-padding"}
    rule = "that is compared, too: programs must zero it, as __builtin_memset does"
    assert texts == {
        "flows": f"keys have padding (2 at byte 10) {rule}",
        "tunnels": f"keys have padding (3 at byte 1, 2 at byte 14) {rule}",  # and so in each element of the array
    }
    bloom = spec.maps["flows"]._replace(
        type=MapType.BLOOM_FILTER, key_type_id=0, value_type_id=spec.maps["flows"].key_type_id
    )
    findings = lint_object(spec._replace(maps={**spec.maps, "flows": bloom}))
    [finding] = [one for one in findings if (one.check, one.map) == ("map-key-padding", "flows")]
    assert finding.severity == "note" and finding.text.startswith("values have padding (2 at byte 10)")
