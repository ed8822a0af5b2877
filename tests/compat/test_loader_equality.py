"""Two loaders, one result: tag, translated instructions, maps, their contents, slots and pins.

The other loader is libbpf, in bpftool and in tc. Legacy maps, which libbpf refuses, are compared with the same
source declared with ``.maps``.
"""

from __future__ import annotations

import itertools
import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Loaded, Map, MapType, PinRoot, Program, ProgramType, load, read_object, select_program
from pytc.bpf.constants import F_MMAPABLE
from pytc.errors import BpfError, ObjectError
from tests.compat.kernel_view import MapView, ProgramView, map_view, view
from tests.compat.legacy_twins import twin
from tests.conftest import EXAMPLES, OBJECTS, Network, cannot, must, run

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

EVERY = sorted(path.stem for directory in (OBJECTS, EXAMPLES) for path in directory.glob("*.c"))
LEGACY_MAPS = "legacy map definitions in 'maps' section are not supported by libbpf v1.0+"
# What bpftool 7.1 (libbpf 1.1) does not load, and what it says. All objects that are not here are compared.
REFUSED_BY_LIBBPF = {
    **dict.fromkeys((name for name in EVERY if name.startswith("legacy")), LEGACY_MAPS),
    **dict.fromkeys(("bpf_map_def", "btf_annotate", "mark_stats", "mixed", "no_license", "return_classid", "shaper"),
                    LEGACY_MAPS),
    "bss_custom": "bad map relo against 'lengths' in section '.bss.counts'",
    "calls_across": "bad call relo against 'far' in section 'far/away'",
    "modern_static_subprog": "program 'local' is static and not supported",
    "other_types": "failed to load",  # bpftool loads all programs, and "broken" is broken on purpose
    # Refused on purpose, by pytc too.
    "core_memsize_signed": "accesses field incorrectly",
    "core_missing": "failed to load",
    "global_func_bad": "failed to load",
    "kconfig_missing": "extern 'CONFIG_NEVER_THERE' (strong): not resolved",
    "kconfig_wrong_type": "implies integer type",
    "kfunc_missing": "extern (func ksym) 'never_there': not found",
    "kfunc_wrong_type": "incompatible with kernel",
    "ksym_ambiguous": "resolution is ambiguous",
    "ksym_missing": "extern (var ksym) 'never_there': not found",
    "ksym_missing_typeless": "extern 'never_there' (strong): not resolved",
    "ksym_wrong_type": "incompatible types",
    "reject_helper": "failed to load",
    "reject_verifier": "failed to load",
    "rodata_pointers": "failed to load",
    "stack_big": "failed to load",
}
# What not every kernel takes: refused by both loaders, or loaded by both.
DEPENDS_ON_THE_KERNEL = ("kptr", "kptr_local", "ksym_typed")
# What bpftool 7.1 loads to something else, and why.
OTHERWISE_BY_LIBBPF = {
    "kfunc_weak": "libbpf 1.1 calls function 0 where a weak kfunc is missing, later ones and pytc what says its name",
    "kconfig_virtual": "libbpf finds LINUX_HAS_SYSCALL_WRAPPER with a kprobe, which not every kernel has",
}
# Compiled by every clang for every CPU; the others by each clang and for each CPU once.
CORE = ("modern_globals", "modern_inner", "modern_maps", "modern_prog_array", "modern_subprogs", "spinlock", "traffic")
COMPARED = [name for name in EVERY if name not in (*REFUSED_BY_LIBBPF, *OTHERWISE_BY_LIBBPF, *DEPENDS_ON_THE_KERNEL)]
LEGACY = [name for name, said in REFUSED_BY_LIBBPF.items() if said == LEGACY_MAPS and name != "legacy44_junk"]
CPUS = ("v1", "v2", "v3")
COMPILERS = ("clang", "clang-16", "clang-19")


def source_of(name: str) -> Path:
    """The C source of a test object or an example."""
    return next(path for path in (OBJECTS / f"{name}.c", EXAMPLES / f"{name}.c") if path.exists())


class Sources:
    """Builds a source, or its twin with BTF maps, under its own name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, name: str, *, clang: str = "clang", cpu: str = "v2", modern: bool = False) -> str:
        target = self._directory / f"{clang}-{cpu}{'-twin' if modern else ''}" / f"{name}.o"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            compiler = (clang, "-O2", "-g", "-target", "bpf", f"-mcpu={cpu}",
                        f"-I/usr/include/{platform.machine()}-linux-gnu")
            source = source_of(name)
            if modern:
                text = must(*compiler, "-E", "-P", str(source))
                source = target.with_suffix(".c")
                source.write_text(twin(text))
            must(*compiler, "-c", str(source), "-o", str(target))
        return str(target)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return Sources(tmp_path_factory.mktemp("equality"))


class Bpftool:
    """``bpftool prog loadall`` in a mount namespace where /sys/fs/bpf is the test's own."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        if shutil.which("bpftool") is None:
            cannot("bpftool is not installed")

    def try_load(self, path: str) -> str:
        """Empty when it worked, else what bpftool says; pins come to lie in ``programs`` and ``maps``."""
        kind = "type classifier" if _untyped(path) else ""
        maps = "" if _pinned(path) else "pinmaps /sys/fs/bpf/libbpf/maps"
        outcome = run("unshare", "--mount", "--propagation", "private", "sh", "-c",
                      f"mount --bind '{self._mount}' /sys/fs/bpf && mkdir /sys/fs/bpf/libbpf && "
                      f"exec bpftool prog loadall '{path}' /sys/fs/bpf/libbpf/programs {kind} {maps}")
        return outcome.err if outcome.status else ""

    @contextmanager
    def loaded(self, path: str) -> Iterator[Theirs]:
        """The views of all programs and maps."""
        said = self.try_load(path)
        assert not said, said
        programs, maps = {}, set()
        for pinned in sorted((self._mount / "libbpf/programs").iterdir()):
            with Program.from_pin(str(pinned)) as program:
                programs[pinned.name] = as_newer_libbpf(view(program))
        for pinned in (self._mount / "libbpf").glob("maps/*"):
            with Map.from_pin(str(pinned)) as found:
                maps.add(_as_newer_libbpf(map_view(found)))
        yield Theirs(programs, maps)


class Theirs(NamedTuple):
    """What bpftool loaded: programs by name, and all maps; those only where none is pinned by name."""

    programs: dict[str, ProgramView]
    maps: set[MapView]


def _untyped(path: str) -> bool:
    """Whether bpftool has to be told the type, which it then takes for all programs."""
    try:
        return any(p.type is ProgramType.UNSPEC for p in read_object(path).programs)
    except ObjectError:
        return False


def _pinned(path: str) -> bool:
    """Whether the object itself pins a map, which bpftool does not pin a second time."""
    try:
        return any(m.pinning for m in read_object(path).maps.values())
    except ObjectError:
        return False


@pytest.fixture
def bpftool(bpffs: Path) -> Bpftool:
    return Bpftool(bpffs)


@contextmanager
def loaded(path: str, name: str, mount: Path) -> Iterator[Loaded]:
    """A program of the object, loaded by pytc."""
    spec = read_object(path)
    program = select_program(spec, program=name)
    type = ProgramType.SCHED_CLS if program.type is ProgramType.UNSPEC else program.type
    with load(spec, program, type=type, pins=PinRoot(str(mount))) as done:
        yield done


def ours(path: str, name: str, mount: Path) -> ProgramView:
    """The view of a program that pytc loads."""
    with loaded(path, name, mount) as done:
        return view(done.program)


def comparable(maps: set[MapView], used: ProgramView) -> set[MapView]:
    """All maps but the program arrays that a program cannot reach: pytc does not load what belongs into them."""
    names = {found.name for found in used.maps}
    return {found for found in maps if found.type != MapType.PROG_ARRAY or found.name in names}


def differences(one: ProgramView, other: ProgramView) -> list[str]:
    """The fields in which two views differ, for people."""
    return [f"{field}: {a} != {b}" for field, a, b in zip(one._fields, one, other, strict=True) if a != b]


def _as_newer_libbpf(found: MapView) -> MapView:
    """libbpf up to 1.1 makes every data map mappable, later ones (tc has 1.1.2) only those with global variables."""
    return found._replace(flags=found.flags & ~F_MMAPABLE) if found.name.count(".") else found


def as_newer_libbpf(program: ProgramView) -> ProgramView:
    return program._replace(maps=tuple(sorted(map(_as_newer_libbpf, program.maps))))


class TestBpftool:
    @pytest.mark.parametrize(("name", "clang", "cpu"), [
        (name, clang, cpu) for name in COMPARED
        for clang, cpu in (itertools.product(COMPILERS, CPUS) if name in CORE else zip(COMPILERS, CPUS, strict=True))])
    def test_loads_modern_objects_to_the_same_result(self, sources: Sources, bpftool: Bpftool, bpffs: Path,
                                                     compilers: list[str], name: str, clang: str, cpu: str) -> None:
        if clang not in compilers:
            pytest.skip(f"{clang} is not installed")
        path = sources(name, clang=clang, cpu=cpu)
        self.compare(path, bpftool, bpffs)

    def compare(self, path: str, bpftool: Bpftool, bpffs: Path) -> None:
        """All programs and maps of an object that both load."""
        with bpftool.loaded(path) as theirs:
            assert sorted(theirs.programs) == sorted(p.name for p in read_object(path).programs)
            for program, expected in theirs.programs.items():
                with loaded(path, program, bpffs) as done:
                    mine = as_newer_libbpf(view(done.program))
                    maps = {_as_newer_libbpf(map_view(found)) for found in done.maps.values()}
                assert not differences(mine, expected)
                if theirs.maps:
                    assert comparable(maps, mine) == comparable(theirs.maps, mine)

    @pytest.mark.parametrize("name", LEGACY)
    def test_loads_the_modern_twin_of_legacy_objects_to_the_same_result(
            self, sources: Sources, bpftool: Bpftool, bpffs: Path, tmp_path: Path, name: str) -> None:
        spec = read_object(sources(name))
        (tmp_path / "bpf_pinning").write_text("6 tc/six\n")
        pins = PinRoot(str(bpffs), pinning_files=(str(tmp_path / "bpf_pinning"),))
        with bpftool.loaded(sources(name, modern=True)) as theirs:
            for program in spec.programs:
                with load(spec, program, type=ProgramType.SCHED_CLS, pins=pins) as done:
                    mine = view(done.program)
                assert not differences(mine, without_types(theirs.programs[program.name], mine))

    @pytest.mark.parametrize("name", ["legacy36", "legacy_tail", "legacy_inner", "legacy_static"])
    @pytest.mark.parametrize("cpu", CPUS)
    @pytest.mark.parametrize("clang", ["clang-16", "clang-19"])
    def test_agrees_on_the_twin_with_every_compiler(self, sources: Sources, bpftool: Bpftool, bpffs: Path,
                                                    compilers: list[str], name: str, clang: str, cpu: str) -> None:
        if clang not in compilers:
            pytest.skip(f"{clang} is not installed")
        path = sources(name, clang=clang, cpu=cpu)
        with bpftool.loaded(sources(name, clang=clang, cpu=cpu, modern=True)) as theirs:
            mine = ours(path, "cls_main", bpffs)
            assert not differences(mine, without_types(theirs.programs["cls_main"], mine))

    @pytest.mark.parametrize("name", DEPENDS_ON_THE_KERNEL)
    def test_refuses_what_pytc_refuses_on_this_kernel(self, sources: Sources, bpftool: Bpftool, bpffs: Path,
                                                      tmp_path: Path, name: str) -> None:
        path = sources(name)
        try:
            ours(path, "cls_main", bpffs)
        except BpfError:
            assert bpftool.try_load(path)
        else:
            self.compare(path, bpftool, bpffs)

    @pytest.mark.parametrize("name", [*REFUSED_BY_LIBBPF])
    def test_refuses_what_the_list_says(self, sources: Sources, bpftool: Bpftool, name: str) -> None:
        assert REFUSED_BY_LIBBPF[name] in bpftool.try_load(sources(name))

    def test_links_objects_that_load_to_the_same_result(self, sources: Sources, bpftool: Bpftool, bpffs: Path,
                                                        tmp_path: Path) -> None:
        path = str(tmp_path / "linked.o")
        must("bpftool", "gen", "object", path, sources("modern_globals"), sources("modern_subprogs"))
        with bpftool.loaded(path) as theirs:
            for program, expected in theirs.programs.items():
                assert not differences(as_newer_libbpf(ours(path, program, bpffs)), expected)

    def test_pins_maps_by_name_that_pytc_takes_over(self, sources: Sources, bpftool: Bpftool, bpffs: Path) -> None:
        path = sources("modern_maps")
        with bpftool.loaded(path):
            (bpffs / "tc/globals").mkdir(parents=True)
            (bpffs / "pinned_by_name").rename(bpffs / "tc/globals/pinned_by_name")
            with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as theirs:
                number, definition = theirs.description.id, map_view(theirs)
        spec = read_object(path)
        with load(spec, spec.programs[0], pins=PinRoot(str(bpffs))) as loaded:
            assert loaded.maps["pinned_by_name"].description.id == number
            assert map_view(loaded.maps["pinned_by_name"]) == definition


def without_types(twin: ProgramView, mine: ProgramView) -> ProgramView:
    """The view of a twin as if its maps, like legacy ones, had no types; a map that is modern in both keeps them."""
    typed = {found.name: found.has_types for found in mine.maps}
    return twin._replace(maps=tuple(_plain(found, typed) for found in twin.maps))


def _plain(found: MapView, typed: dict[str, bool]) -> MapView:
    contents = tuple((key, _plain(value, typed) if isinstance(value, MapView) else value)
                     for key, value in found.contents)
    return found._replace(has_types=typed.get(found.name, False), contents=contents)


# Objects whose program tc does not load as they are, and why.
NOT_BY_TC = {"modern_prog_array": "tc switches the targets off, so that the slots cannot be filled (EBADF)"}


class TestTc:
    """On the loopback device, where no packet comes by."""

    def attach(self, network: Network, path: str, section: str) -> Program:
        outcome = network.tc("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", path, "sec", section)
        assert outcome.status == 0, outcome.err
        shown = json.loads(network.tc("filter", "show", "dev", "lo", "ingress", options=("-j",)).out)
        numbers = [entry["options"]["prog"]["id"] for entry in shown if "prog" in entry.get("options", {})]
        return Program.from_id(numbers[0])

    @pytest.mark.parametrize("name", [name for name in (*COMPARED, "other_types") if name not in NOT_BY_TC])
    def test_attaches_the_same_program(self, sources: Sources, network: Network, bpffs: Path, name: str) -> None:
        path = sources(name)
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        sections = dict.fromkeys(p.section for p in read_object(path).programs
                                 if p.type in (ProgramType.UNSPEC, ProgramType.SCHED_CLS))
        for section in sections:
            first = read_object(path).programs_in(section)[0].name
            with self.attach(network, path, section) as theirs:
                assert not differences(ours(path, first, bpffs), view(theirs))
            network.tc("filter", "del", "dev", "lo", "ingress")

    @pytest.mark.parametrize("name", [*NOT_BY_TC])
    def test_does_not_load_what_the_list_says(self, sources: Sources, network: Network, name: str) -> None:
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        outcome = network.tc("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", sources(name), "sec",
                             "classifier")
        assert outcome.status != 0

    def test_shares_the_maps_that_are_pinned_by_name(self, sources: Sources, network: Network, bpffs: Path) -> None:
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        path = sources("modern_maps")
        self.attach(network, path, "classifier").close()
        with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as theirs:
            number = theirs.description.id
        spec = read_object(path)
        with load(spec, spec.programs[0], pins=PinRoot(str(bpffs))) as loaded:
            assert loaded.maps["pinned_by_name"].description.id == number

    def test_takes_over_the_maps_that_pytc_pinned(self, sources: Sources, network: Network, bpffs: Path) -> None:
        path = sources("modern_maps")
        spec = read_object(path)
        with load(spec, spec.programs[0], pins=PinRoot(str(bpffs))) as loaded:
            number = loaded.maps["pinned_by_name"].description.id
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        self.attach(network, path, "classifier").close()
        with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as found:
            assert found.description.id == number
