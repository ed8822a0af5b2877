"""Two loaders, one result: tag, translated instructions, maps, their contents, slots and pins.

The other loader is libbpf, here in bpftool; test_tc_equality.py has the one in tc.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Map, PinRoot, ProgramType, load, read_object
from pytc.bpf.insn import instructions as ins
from pytc.errors import BpfError, ObjectError, PytcError
from tests.compat.bpf.expectations import (
    COMPARED,
    COMPARED_WITHOUT_DEBUG,
    DEPENDS_ON_THE_KERNEL,
    NOT_COMPILED_WITHOUT_DEBUG,
    NOT_LINKED,
    OTHER_TAG_BY_LIBBPF,
    REFUSED_BY_LIBBPF,
    REFUSED_WITHOUT_DEBUG,
)
from tests.compat.bpf.loaders import (
    DEBUG,
    LINKED,
    PLAIN,
    STRIPPED,
    Bpftool,
    Sources,
    as_newer_libbpf,
    compare,
    differences,
    loaded,
    ours,
)
from tests.compat.kernel_view import map_view
from tests.kernel.bpf.support import LENGTH, count, verdict
from tests.processes import must, run
from tests.tiers import sample

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

# Compiled by every clang for every CPU; the others by each clang and for each CPU once.
CORE = (
    "cpu_v4",
    "modern_globals",
    "modern_inner",
    "modern_maps",
    "modern_prog_array",
    "modern_subprogs",
    "spinlock",
    "traffic",
)


class Build(NamedTuple):
    """How an object is made."""

    clang: str
    cpu: str
    form: str = DEBUG

    def __str__(self) -> str:
        return "-".join(self)


BUILDS = [Build(clang, cpu) for clang, cpu in itertools.product(("clang", "clang-16", "clang-19"), ("v1", "v2", "v3"))]
DIAGONAL = BUILDS[::4]
#: clang knows v4 from 18 on.
NEWEST = Build("clang-19", "v4")
OLDEST = Build("clang", "v2")


def each(names: list[str], *builds: Build) -> list[object]:
    """For parametrize: names with builds."""
    return [pytest.param(name, build, id=f"{name}-{build}") for name in names for build in builds]


def forms(name: str) -> list[Build]:
    """The forms of an object that neither compiler nor linker refuse, by turns with old and new instructions: all of
    them for a few objects, one or two for each of the others."""
    possible = [PLAIN, STRIPPED, LINKED] if name in COMPARED_WITHOUT_DEBUG else [STRIPPED, LINKED]
    if name in CORE:
        return [build._replace(form=form) for form in possible for build in (OLDEST, NEWEST)]
    turn = COMPARED.index(name)
    wanted = dict.fromkeys([possible[0], possible[turn % len(possible)]])
    return [(OLDEST, NEWEST)[(turn + at) % 2]._replace(form=form) for at, form in enumerate(wanted)]


def compiled(sources: Sources, compilers: list[str], name: str, build: Build) -> str:
    """The path of an object; skips where the compiler is missing."""
    if build.clang not in compilers:
        pytest.skip(f"{build.clang} is not installed")
    return sources(name, clang=build.clang, cpu=build.cpu, form=build.form)


class TestModernObjects:
    @pytest.mark.parametrize(
        ("name", "build"),
        [
            *sample(each([*CORE], *BUILDS)),
            *sample(each([name for name in COMPARED if name not in CORE], *DIAGONAL)),
            *each(COMPARED, NEWEST),
        ],
    )
    def test_load_to_the_same_result(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, compilers: list[str], name: str, build: Build
    ) -> None:
        compare(compiled(sources, compilers, name, build), bpftool, bpffs)

    @pytest.mark.parametrize(("name", "build"), sample(one for name in COMPARED for one in each([name], *forms(name))))
    def test_load_to_the_same_result_in_every_form(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, compilers: list[str], name: str, build: Build
    ) -> None:
        compare(compiled(sources, compilers, name, build), bpftool, bpffs)

    @pytest.mark.parametrize("name", [name for name in COMPARED_WITHOUT_DEBUG if name not in COMPARED])
    def test_that_debug_information_would_refuse_load_without_it(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str
    ) -> None:
        compare(sources(name, form=PLAIN), bpftool, bpffs)

    @pytest.mark.parametrize(("name", "build"), sample(each([*OTHER_TAG_BY_LIBBPF], *DIAGONAL, NEWEST), 3))
    def test_that_call_what_is_missing_differ_in_the_tag_alone(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, compilers: list[str], name: str, build: Build
    ) -> None:
        path = compiled(sources, compilers, name, build)
        with bpftool.loaded(path) as theirs:
            found = {
                program: differences(as_newer_libbpf(ours(path, program, bpffs)), expected)
                for program, expected in theirs.programs.items()
            }
        assert {line.split(":")[0] for lines in found.values() for line in lines} == {"tag"}
        assert len([lines for lines in found.values() if lines]) == 1

    @pytest.mark.parametrize("name", DEPENDS_ON_THE_KERNEL)
    def test_that_not_every_kernel_takes(self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str) -> None:
        path = sources(name)
        try:
            ours(path, "cls_main", bpffs)
        except BpfError:
            assert bpftool.try_load(path)
        else:
            compare(path, bpftool, bpffs)


class TestInstructionsOfCpuV4:
    """That these objects have them: otherwise the comparison says nothing."""

    def opcodes(self, path: str) -> set[str]:
        found = set()
        for section in read_object(path).sections.values():
            for _, one in ins.decode_all(section.code):
                kind, operation = one.opcode & 7, one.opcode & 0xF0
                arithmetic = kind in (4, 7)
                found |= {
                    name
                    for name, is_it in (
                        ("gotol", one.opcode == 0x06),
                        ("ldsx", kind == 1 and one.opcode & 0xE0 == 0x80),
                        ("movsx", arithmetic and operation == 0xB0 and one.offset in (8, 16, 32)),
                        ("sdiv", arithmetic and operation == 0x30 and one.offset == 1),
                        ("smod", arithmetic and operation == 0x90 and one.offset == 1),
                        ("bswap", one.opcode == 0xD7),
                    )
                    if is_it
                }
        return found

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("cpu_v4", {"ldsx", "movsx", "sdiv", "smod", "bswap"}), ("cpu_v4_far", {"gotol"}), ("core_signed", {"ldsx"})],
    )
    def test_are_in_the_objects(self, sources: Sources, compilers: list[str], name: str, expected: set[str]) -> None:
        assert self.opcodes(compiled(sources, compilers, name, NEWEST)) >= expected
        assert not self.opcodes(compiled(sources, compilers, name, OLDEST))

    def test_are_in_functions_that_move(self, sources: Sources, compilers: list[str], bpffs: Path) -> None:
        """The far jump stands behind a function of the program that is elsewhere in its section."""
        path = compiled(sources, compilers, "cpu_v4_far", NEWEST)
        with loaded(path, "other", bpffs) as one, loaded(path, "cls_main", bpffs) as two:
            assert one.program.description.tag != two.program.description.tag


class TestRefusals:
    @pytest.mark.parametrize("name", [*REFUSED_BY_LIBBPF])
    def test_of_libbpf_are_those_of_the_list(self, sources: Sources, bpftool: Bpftool, name: str) -> None:
        assert REFUSED_BY_LIBBPF[name] in bpftool.try_load(sources(name))

    @pytest.mark.parametrize("name", NOT_COMPILED_WITHOUT_DEBUG)
    def test_of_the_compiler_without_debug_information(self, sources: Sources, tmp_path: Path, name: str) -> None:
        outcome = sources.compile(name, tmp_path / f"{name}.o", form=PLAIN)
        assert "without -g" in outcome.err

    @pytest.mark.parametrize("name", REFUSED_WITHOUT_DEBUG)
    def test_of_both_without_debug_information(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str
    ) -> None:
        path = sources(name, form=PLAIN)
        theirs, mine = REFUSED_WITHOUT_DEBUG[name]
        assert theirs in bpftool.try_load(path)
        if not mine:
            return load_all(path, bpffs)
        with pytest.raises(PytcError) as caught:
            load_all(path, bpffs)
        assert mine in str(caught.value)
        return None

    @pytest.mark.parametrize("name", NOT_LINKED)
    def test_of_the_linker(self, sources: Sources, tmp_path: Path, name: str) -> None:
        outcome = run("bpftool", "gen", "object", str(tmp_path / "linked.o"), sources(name))
        assert NOT_LINKED[name] in outcome.err


def load_all(path: str, mount: Path) -> None:
    """Every program of an object, one by one."""
    for program in read_object(path).programs:
        ours(path, program.name, mount)


class TestLinkedObjects:
    def test_of_several_load_to_the_same_result(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "linked.o")
        must("bpftool", "gen", "object", path, sources("modern_globals"), sources("modern_subprogs"))
        with bpftool.loaded(path) as theirs:
            for program, expected in theirs.programs.items():
                assert not differences(as_newer_libbpf(ours(path, program, bpffs)), expected)

    @pytest.mark.parametrize("build", [OLDEST, NEWEST], ids=str)
    @pytest.mark.parametrize("order", [("one", "two"), ("two", "one")], ids="-".join)
    def test_of_halves_that_need_each_other_work(
        self,
        sources: Sources,
        bpftool: Bpftool,
        bpffs: Path,
        tmp_path: Path,
        compilers: list[str],
        build: Build,
        order: tuple[str, str],
    ) -> None:
        """Extern maps, variables and functions; weak ones that the other half overrides; static ones of one name."""
        path = str(tmp_path / "linked.o")
        must("bpftool", "gen", "object", path, *(compiled(sources, compilers, name, build) for name in order))
        compare(path, bpftool, bpffs)
        with loaded(path, "cls_one", bpffs) as one, loaded(path, "cls_two", bpffs) as two:
            assert (verdict(one.program), verdict(two.program)) == (7654, 4)
            assert [count(one.maps["shared"], key) for key in (0, 1)] == [1, 0]
            assert [count(two.maps["shared"], key) for key in (0, 1)] == [0, LENGTH]

    def test_before_they_are_linked_lack_what_they_say(self, sources: Sources, bpffs: Path) -> None:
        with pytest.raises(ObjectError, match='"cls_one" refers to "shared", which the object neither') as caught:
            ours(sources("one"), "cls_one", bpffs)
        assert "bpftool gen object" in caught.value.hints[0]


class TestPins:
    def test_by_name_are_taken_over(self, sources: Sources, bpftool: Bpftool, bpffs: Path) -> None:
        path = sources("modern_maps")
        with bpftool.loaded(path):
            (bpffs / "tc/globals").mkdir(parents=True)
            (bpffs / "pinned_by_name").rename(bpffs / "tc/globals/pinned_by_name")
            with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as theirs:
                number, definition = theirs.description.id, map_view(theirs)
        spec = read_object(path)
        with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs))) as done:
            assert done.maps["pinned_by_name"].description.id == number
            assert map_view(done.maps["pinned_by_name"]) == definition


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "my-prog.bpf.o",
            "a.b.c.o",
            "object",
            "a_very_very_long_name.o",
            ".hidden.o",
            "with space.o",
            "9.o",
            "\u00fcber.o",
            "fifteen_letters.o",
            "sixteen_letters_.o",
        ],
    )
    def test_of_data_maps_come_from_the_name_of_the_file(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, tmp_path: Path, name: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(Path(sources("modern_globals")).read_bytes())
        compare(str(path), bpftool, bpffs)
