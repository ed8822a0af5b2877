"""The two loaders side by side: objects in every form, loaded by bpftool and by pytc, as views to compare."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from pytc.bpf import Loaded, Map, MapType, PinRoot, Program, ProgramType, load, read_object, select_program
from pytc.bpf.sys.constants import F_MMAPABLE
from pytc.errors import ObjectError
from tests.compat.bpf.expectations import source_of
from tests.compat.bpf.loader.legacy_twins import twin
from tests.compat.kernel_view import MapView, ProgramView, map_view, view
from tests.isolation import build_once
from tests.processes import Outcome, cannot, must, run

#: How an object is made: with -g, without, with it and stripped or linked; TWIN has its legacy maps as BTF maps.
DEBUG, PLAIN, STRIPPED, LINKED, TWIN = "debug", "plain", "stripped", "linked", "twin"

#: Of the two structures of 20 bytes this has the one that nothing but -g tells.
LAYOUTS = {"bpf_map_def": "bpf_map_def"}


class Sources:
    """Builds sources, each under its own name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, name: str, *, clang: str = "clang", cpu: str = "v2", form: str = DEBUG) -> str:
        def build(target: Path) -> None:
            outcome = self.compile(name, target, clang=clang, cpu=cpu, form=form)
            assert outcome.status == 0, outcome.err
            if form == STRIPPED:
                must("llvm-strip", "-g", str(target))
            if form == LINKED:
                alone = target.with_suffix(".alone.o")
                target.rename(alone)
                must("bpftool", "gen", "object", str(target), str(alone))

        return str(build_once(self._directory / f"{clang}-{cpu}-{form}" / f"{name}.o", build))

    def compile(self, name: str, target: Path, *, clang: str = "clang", cpu: str = "v2", form: str = DEBUG) -> Outcome:
        """Only compiles, and tells how that went."""
        include = f"-I/usr/include/{platform.machine()}-linux-gnu"
        debug = () if form == PLAIN else ("-g",)
        compiler: tuple[str, ...] = (clang, "-O2", "-target", "bpf", f"-mcpu={cpu}", include, *debug)
        if clang.startswith("bpf-gcc"):
            debug = () if form == PLAIN else ("-gbtf",)
            compiler = (clang, "-O2", "-w", f"-mcpu={cpu}", include, "-I/usr/include", *debug)
        source = source_of(name)
        if form == TWIN:
            text = must(*compiler, "-E", "-P", str(source))
            source = target.with_suffix(".c")
            source.write_text(twin(text))
        return run(*compiler, "-c", str(source), "-o", str(target))


class Theirs(NamedTuple):
    """The programs that bpftool loaded, by name, and all maps; those only where none is pinned by name."""

    programs: dict[str, ProgramView]
    maps: set[MapView]


class Bpftool:
    """``bpftool prog loadall`` in a mount namespace where /sys/fs/bpf is the test's own."""

    def __init__(self, mount: Path, command: str = "bpftool") -> None:
        self._mount = mount
        self._command = command
        if shutil.which(command) is None:
            cannot("bpftool is not installed")

    def try_load(self, path: str) -> str:
        """Empty when it worked, else what bpftool says; pins come to lie in ``programs`` and ``maps``."""
        kind = "type classifier" if _untyped(path) else ""
        maps = "" if _pinned(path) else "pinmaps /sys/fs/bpf/libbpf/maps"
        outcome = run(
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            f"mount --bind '{self._mount}' /sys/fs/bpf && mkdir -p /sys/fs/bpf/libbpf && "
            f"exec {self._command} prog loadall '{path}' /sys/fs/bpf/libbpf/programs {kind} {maps}",
        )
        return outcome.err if outcome.status else ""

    @contextmanager
    def opened(self, path: str) -> Iterator[dict[str, Program]]:
        """All programs, by the names of their functions."""
        said = self.try_load(path)
        assert not said, said
        with ExitStack() as owned:
            yield {
                pinned.name: owned.enter_context(Program.from_pin(str(pinned)))
                for pinned in sorted((self._mount / "libbpf/programs").iterdir())
            }

    @contextmanager
    def loaded(self, path: str) -> Iterator[Theirs]:
        """The views of all programs and maps."""
        with self.opened(path) as programs:
            maps = set()
            for pinned in (self._mount / "libbpf").glob("maps/*"):
                with Map.from_pin(str(pinned)) as found:
                    maps.add(_as_newer_libbpf(map_view(found)))
            yield Theirs({name: as_newer_libbpf(view(program)) for name, program in programs.items()}, maps)

    def forget(self) -> None:
        """Removes what it pinned."""
        shutil.rmtree(self._mount / "libbpf")


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


@contextmanager
def loaded(path: str, name: str, mount: Path) -> Iterator[Loaded]:
    """A program of the object, loaded by pytc; pinning 6 is in a ``bpf_pinning`` beside the mount point."""
    pinning = mount.parent / "bpf_pinning"
    pinning.write_text("6 tc/six\n")
    spec = read_object(path, layout20=LAYOUTS.get(Path(path).stem, ""))
    program = select_program(spec, program=name)
    type = ProgramType.SCHED_CLS if program.type is ProgramType.UNSPEC else program.type
    with load(spec, program, type=type, pins=PinRoot(str(mount), pinning_files=(str(pinning),))) as done:
        yield done


def ours(path: str, name: str, mount: Path) -> ProgramView:
    """The view of a program that pytc loads."""
    with loaded(path, name, mount) as done:
        return view(done.program)


def compare(path: str, bpftool: Bpftool, mount: Path) -> None:
    """All programs and maps of an object that both load."""
    with bpftool.loaded(path) as theirs:
        assert sorted(theirs.programs) == sorted(p.name for p in read_object(path).programs)
        for program, expected in theirs.programs.items():
            with loaded(path, program, mount) as done:
                mine = as_newer_libbpf(view(done.program))
                maps = {_as_newer_libbpf(map_view(found)) for found in done.maps.values()}
            assert not differences(mine, expected)
            if theirs.maps:
                assert comparable(maps, mine) == comparable(theirs.maps, mine)


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


def without_types(twin: ProgramView, mine: ProgramView) -> ProgramView:
    """The view of a twin as if its maps, like legacy ones, had no types; a map that is modern in both keeps them."""
    typed = {found.name: found.has_types for found in mine.maps}
    return twin._replace(maps=tuple(_plain(found, typed) for found in twin.maps))


def _plain(found: MapView, typed: dict[str, bool]) -> MapView:
    contents = tuple(
        (key, _plain(value, typed) if isinstance(value, MapView) else value) for key, value in found.contents
    )
    return found._replace(has_types=typed.get(found.name, False), contents=contents)
