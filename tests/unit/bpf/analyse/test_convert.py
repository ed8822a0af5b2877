"""Legacy maps as C source for BTF maps: what is printed compiles, and says the same."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

import pytest

from pytc.bpf import convert_maps, read_bytes, read_object
from pytc.bpf.object.spec import LEGACY, MODERN, PIN_GLOBAL_NS, PIN_NONE, MapSpec, ObjectSpec
from pytc.bpf.sys.constants import MapType
from pytc.errors import ObjectError
from tests.conftest import EXAMPLES, OBJECTS, Compiler
from tests.elf_writer import ALLOC, OBJECT, RETURN_0, WRITE, Section, Symbol, code, elf, function, words
from tests.processes import ROOT, cannot, must

#: Objects with maps in section "maps"; one of them cannot be read.
NAMES = sorted(
    path.stem for path in OBJECTS.glob("*.c") if 'SEC("maps' in path.read_text() and path.stem != "legacy44_junk"
)
#: In place of libbpf's header, which not every machine has.
HEADER = f'#include "{ROOT}/examples/bpf/helpers.h"\n#define LIBBPF_PIN_BY_NAME 1\n'
NOWHERE = -1


def compiled(source: str, directory: Path) -> ObjectSpec:
    """An object with these declarations, and a program."""
    if shutil.which("clang") is None:
        cannot("clang is not installed")
    (directory / "bpf").mkdir()
    (directory / "bpf" / "bpf_helpers.h").write_text(HEADER)
    path = directory / "converted.c"
    path.write_text(f'{source}\nSEC("classifier") int cls_main(struct __sk_buff *skb) {{ return 0; }}\n')
    target = str(path.with_suffix(".o"))
    must(
        "clang",
        "-O2",
        "-g",
        "-Wall",
        "-Werror",
        "-target",
        "bpf",
        f"-I{directory}",
        f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-c",
        str(path),
        "-o",
        target,
    )
    return read_object(target)


def said(spec: MapSpec) -> tuple[object, ...]:
    """Return the attributes of a map that both dialects have."""
    pinning = spec.pinning if spec.pinning == PIN_GLOBAL_NS else PIN_NONE
    return (
        spec.type,
        spec.key_size,
        spec.value_size,
        spec.max_entries,
        spec.flags,
        pinning,
        spec.slots,
        said(spec.inner._replace(pinning=PIN_NONE)) if spec.inner is not None else None,
    )


def same(old: ObjectSpec, new: ObjectSpec) -> None:
    legacy = {name: said(spec) for name, spec in old.maps.items() if spec.origin == LEGACY}
    assert {
        name: said(spec) for name, spec in new.maps.items() if spec.origin == MODERN and spec.section == MODERN
    } == legacy
    assert legacy


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed_says_the_same(build: Compiler, tmp_path: Path, name: str) -> None:
    old = read_object(build(name))
    same(old, compiled(convert_maps(old), tmp_path))


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in EXAMPLES.glob("*.c") if re.search(r'"maps|bpf_elf_map', path.read_text()))
)
def test_the_examples(tmp_path: Path, name: str) -> None:
    old = read_object(str(EXAMPLES / f"{name}.o"))
    same(old, compiled(convert_maps(old), tmp_path))


def with_maps(*rows: tuple[str, bytes], sections: tuple[str, ...] = ("classifier",)) -> ObjectSpec:
    """An object with these maps of 36 bytes."""
    parts = [code(name, RETURN_0) for name in sections]
    symbols = [function(f"p{index}", name) for index, name in enumerate(sections)]
    symbols += [Symbol(name, "maps", 36 * index, 36, OBJECT) for index, (name, _) in enumerate(rows)]
    maps = Section("maps", b"".join(data for _, data in rows), flags=ALLOC | WRITE)
    return read_bytes(elf(*parts, maps, symbols=symbols))


@pytest.mark.parametrize("inner", [False, True])
def test_pins_of_maps_that_hold_programs_or_maps(tmp_path: Path, inner: bool) -> None:
    pinned = [PIN_GLOBAL_NS, 0, NOWHERE]
    rows = [("programs", words(MapType.PROG_ARRAY, 4, 4, 8, 0, 1, *pinned))]
    if inner:
        rows = [
            ("outer", words(MapType.HASH_OF_MAPS, 4, 4, 8, 1, 2, PIN_GLOBAL_NS, 3, NOWHERE)),
            ("one", words(MapType.ARRAY, 4, 8, 1, 0, 3, PIN_GLOBAL_NS, 0, 5)),
        ]
    old = with_maps(*rows)
    assert any(spec.pinning == PIN_GLOBAL_NS for spec in old.maps.values())
    same(old, compiled(convert_maps(old), tmp_path))


def test_names_that_become_the_same_or_a_keyword(tmp_path: Path) -> None:
    row = words(1, 4, 8, 16, 0, 0, 0, 0, NOWHERE)
    old = with_maps(*((name, row) for name in ("a.b", "a_b", "a$b", "default", "9", "_9")))
    new = compiled(convert_maps(old), tmp_path)
    assert set(new.maps) == {"a_b_", "a_b", "a_b__", "default_", "_9_", "_9"}


def test_unknown_types_and_flags_are_numbers(tmp_path: Path) -> None:
    old = with_maps(("odd", words(77, 4, 8, 16, 1 << 31 | 1, 0, 0, 0, NOWHERE)))
    source = convert_maps(old)
    assert "__uint(type, 77);" in source
    assert "__uint(map_flags, BPF_F_NO_PREALLOC | 0x80000000);" in source
    assert "__uint(max_entries, 16);" in source


def test_names_that_c_does_not_take(tmp_path: Path) -> None:
    old = with_maps(
        ("cls_main.hits", words(1, 4, 8, 16, 0, 0, 0, 0, NOWHERE)), ("9lives", words(1, 4, 8, 16, 0, 0, 0, 0, NOWHERE))
    )
    new = compiled(convert_maps(old), tmp_path)
    assert set(new.maps) == {"cls_main_hits", "_9lives"}


def test_names_cannot_leave_a_comment(tmp_path: Path) -> None:
    old = with_maps(("a*/\nint x = 7;/*", words(1, 4, 8, 16, 0, 0, 0, 0, NOWHERE)))
    new = compiled(convert_maps(old), tmp_path)
    assert list(new.maps) == ["a___int_x___7___"]


def test_comments_say_what_maps_cannot(build: Compiler) -> None:
    tail = convert_maps(read_object(build("legacy_tail")))
    assert "/* id 42 */" in tail
    assert "[3] = (void *)&slot_three, [5] = (void *)&slot_five" in tail
    assert "PIN_OBJECT_NS" in convert_maps(read_object(build("legacy_pin_object")))
    assert "bpf_pinning says for 6" in convert_maps(read_object(build("legacy_pin_custom")))
    assert "LIBBPF_PIN_BY_NAME" in convert_maps(read_object(build("legacy_pin_global")))
    assert "inner_idx 2: in slot 2 of outer" in convert_maps(read_object(build("legacy_inner")))


def test_a_program_array_can_be_filled_as_its_comment_says(build: Compiler, tmp_path: Path) -> None:
    source = convert_maps(read_object(build("legacy_tail")))
    values = source[source.index("= { .values") : source.index(" */", source.index("= { .values"))]
    programs = "".join(
        f'SEC("tc") int {name}(struct __sk_buff *skb) {{ return 1; }}\n' for name in ("slot_three", "slot_five")
    )
    source = source.replace("struct {", f"{programs}struct {{", 1).replace(
        '} jmp SEC(".maps");', f'}} jmp SEC(".maps") {values};'
    )
    new = compiled(source, tmp_path)
    assert new.maps["jmp"].slots == ((3, "slot_three"), (5, "slot_five"))


def test_key_and_value_types_come_from_annotations(build: Compiler, tmp_path: Path) -> None:
    old = read_object(build("btf_annotate"))
    assert any(spec.key_type_id for spec in old.maps.values())
    source = convert_maps(old)
    assert "__type(key, __u32);" in source
    same(old, compiled(source, tmp_path))


def test_an_object_without_legacy_maps_has_nothing_to_convert(build: Compiler) -> None:
    with pytest.raises(ObjectError, match="nothing to convert"):
        convert_maps(read_object(build("modern_maps")))


def test_only_legacy_maps_are_converted(build: Compiler) -> None:
    source = convert_maps(read_object(build("mixed")))
    assert "old_map" in source
    assert "new_map" not in source
    assert MapType.ARRAY.name in source
