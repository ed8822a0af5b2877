"""Loading an object again and again, with what the loads have in common kept: nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytc.bpf import (
    Loaded,
    ObjectCache,
    ObjectSpec,
    Parameters,
    PinRoot,
    ProgramType,
    load,
    parameterise,
    read_object,
    select_program,
)
from pytc.bpf.loader.load import load_programs
from pytc.bpf.sys.info import translated_instructions
from pytc.errors import ObjectError
from tests.conftest import PATIENCE, Compiler
from tests.kernel.bpf.support import nothing_left, verdict
from tests.network import Network
from tests.processes import PYTC, ROOT, running

pytestmark = pytest.mark.kernel

OBJECTS = [
    "modern_maps",
    "modern_globals",
    "modern_subprogs",
    "modern_inner",
    "legacy_tail",
    "legacy_inner",
    "core_many",
    "core_subprog",
    "kconfig",
    "ksym_typeless",
    "kfunc",
    "rodata_merged",
    "global_func",
    "callback",
]


def described(found: Loaded) -> tuple[object, ...]:
    """What the kernel says of all that was made, but for numbers that differ by nature."""
    maps = [
        (
            name,
            one.description.type,
            one.description.key_size,
            one.description.value_size,
            one.description.max_entries,
            one.description.flags,
            one.description.name,
            one.description.btf_key_type_id,
            one.description.btf_value_type_id,
            bool(one.description.btf_id),
        )
        for name, one in found.maps.items()
    ]
    programs = [
        (one.description.name, one.description.type, bool(one.description.btf_id), len(translated_instructions(one.fd)))
        for one in found.programs
    ]
    return maps, programs, found.notes, [verdict(one) for one in found.programs]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_load_makes_what_it_makes_without_a_cache(build: Compiler, bpffs: Path, name: str) -> None:
    path = build(name)
    spec = read_object(path).unpinned()
    with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS) as plain:
        expected = described(plain)
    with nothing_left(bpffs), ObjectCache() as cache:
        ids: set[int] = set()
        for _ in range(3):
            spec = cache.read(path).unpinned()
            with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS, cache=cache) as found:
                assert described(found) == expected
                now = {one.description.id for one in found.maps.values()}
                assert not now & ids, "maps belong to one load"
                ids |= now


def test_types_are_uploaded_once(build: Compiler, bpffs: Path) -> None:
    with ObjectCache() as cache:
        numbers = set()
        for _ in range(3):
            spec, pins = cache.read(build("modern_maps")), PinRoot(str(bpffs))
            with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, cache=cache, pins=pins) as found:
                numbers.add(found.program.description.btf_id)
        assert len(numbers) == 1


def test_a_file_is_taken_for_the_same_while_its_bytes_are(build: Compiler, tmp_path: Path) -> None:
    path = tmp_path / "some.o"
    shutil.copy(build("modern_maps"), path)
    with ObjectCache() as cache:
        first = cache.read(str(path))
        assert cache.read(str(path)) is first
        status, data = path.stat(), bytearray(path.read_bytes())
        at = data.index(b"GPL\0")
        data[at : at + 4] = b"BSD\0"
        with path.open("r+b") as file:  # the same inode and size, and the same times
            file.write(data)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (first.license, cache.read(str(path)).license) == ("GPL", "BSD")
        shutil.copy(build("legacy_tail"), path)
        assert "jmp" in cache.read(str(path)).maps
        path.write_bytes(b"\x7fELF")
        with pytest.raises(ObjectError, match=r"some\.o"):
            cache.read(str(path))
        path.unlink()
        with pytest.raises(ObjectError, match="No such file"):
            cache.read(str(path))


def test_parameters_are_those_of_the_load(build: Compiler) -> None:
    with ObjectCache() as cache:
        for number in (3, 4, 3):
            spec = parameterise(cache.read(build("typed_values")).unpinned(), Parameters({}, {"flows": number}, {}))
            with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, cache=cache) as found:
                assert found.maps["flows"].description.max_entries == number


def test_programs_of_an_object_in_turns(build: Compiler) -> None:
    with ObjectCache() as cache:
        for number in (0, 1, 0, 1):
            spec = cache.read(build("modern_subprogs"))
            with load(spec, spec.programs[number], type=ProgramType.SCHED_CLS, cache=cache) as found:
                assert found.program.description.name == spec.programs[number].name


def test_many_objects_are_not_kept(build: Compiler, tmp_path: Path, bpffs: Path) -> None:
    def opened(spec: ObjectSpec, cache: ObjectCache | None = None) -> Loaded:
        pins = PinRoot(str(bpffs))
        return load(spec, select_program(spec), type=ProgramType.SCHED_CLS, cache=cache, pins=pins)

    opened(read_object(build("modern_maps"))).close()  # whose pins the others find
    with nothing_left(bpffs), ObjectCache() as cache:
        specs = []
        for number in range(40):
            path = tmp_path / f"{number}.o"
            shutil.copy(build("modern_maps"), path)
            specs.append(cache.read(str(path)))
            opened(specs[-1], cache).close()
        assert len(list(Path("/proc/self/fd").iterdir())) < 40
        assert cache.read(str(tmp_path / "0.o")) is not specs[0]
        with opened(specs[0], cache) as found:
            assert found.program.description.btf_id, "what is not kept any more can be loaded"


@pytest.mark.parametrize("name", ["modern_globals", "legacy_pin_global"])
def test_the_memory_of_a_batch_stays_flat(network: Network, build: Compiler, tmp_path: Path, name: str) -> None:
    """Objects of 1 MB in turns, more of them than are kept."""
    paths = [tmp_path / f"{number}.o" for number in range(20)]
    for path in paths:  # what follows the sections of an ELF file belongs to its bytes, and says nothing
        path.write_bytes(Path(build(name)).read_bytes() + os.urandom(1 << 20))
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    filter = "filter replace dev em1 ingress pref 1 handle 1 bpf da obj"

    def load(count: int) -> int:
        """Load so many objects; return the pages of the process then."""
        assert process.stdin is not None and process.stdout is not None
        lines = "".join(f"{filter} {paths[number % len(paths)]} sec classifier\n" for number in range(count))
        process.stdin.write(f"{lines}qdisc show dev em1 clsact\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("qdisc clsact")
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])

    with running(*PYTC, "-n", network.name, "-batch", "-", env=network.env) as process:
        early = load(50)
        assert load(100) < early * 1.1


@pytest.mark.parametrize(
    ("name", "lasts"),
    [
        ("core_many", True),
        ("ksym_typeless", True),
        ("kfunc", True),
        ("kfunc_weak", False),
        ("core_missing_guarded", False),
    ],
)
def test_what_modules_were_asked_for_is_asked_for_again(build: Compiler, name: str, lasts: bool) -> None:
    """A module that has it may be loaded meanwhile."""
    with ObjectCache() as cache:
        spec = cache.read(build(name))
        wanted = [(select_program(spec), ProgramType.SCHED_CLS)]
        made = [cache.prepared(spec, wanted, "", lambda number: -1) for _ in range(2)]
        assert made[0].is_cacheable is lasts
        assert (made[0] is made[1]) is lasts


def test_maps_that_no_program_uses(build: Compiler, bpffs: Path) -> None:
    """They are made for those who ask for all, and for their pins."""
    with ObjectCache() as cache:
        spec = cache.read(build("legacy_pin_global"))
        idle = next(iter(spec.maps.values()))._replace(name="idle", pinning=0, id=None)
        pinned = idle._replace(name="pinned", pinning=2)
        spec = spec._replace(maps={**spec.maps, "idle": idle, "pinned": pinned})
        wanted = [(select_program(spec), ProgramType.SCHED_CLS)]
        for used_only in (True, False):
            with load_programs(spec, wanted, pins=PinRoot(str(bpffs)), used_only=used_only, cache=cache) as found:
                assert ("idle" in found.maps) is not used_only
                assert "pinned" in found.maps


def test_an_object_that_changes_in_the_course_of_a_batch(network: Network, build: Compiler, tmp_path: Path) -> None:
    path = tmp_path / "some.o"
    shutil.copy(build("modern_maps"), path)
    process = subprocess.Popen(
        [*PYTC, "-n", network.name, "-batch", "-"],
        cwd=ROOT,
        env=network.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"qdisc add dev em1 clsact\n")
    shown = []
    for pref, name in enumerate(("modern_maps", "modern_maps", "modern_globals", "modern_maps"), 1):
        shutil.copy(build(name), path)
        process.stdin.write(
            f"filter add dev em1 ingress pref {pref} bpf da obj {path} sec classifier\n"
            f"filter show dev em1 ingress pref {pref}\n".encode()
        )
        process.stdin.flush()
        text = process.stdout.read1().decode()  # type: ignore[attr-defined]
        shown.append(text.partition("name ")[2].split()[0] + text.partition("tag ")[2].split()[0])
    process.stdin.close()
    assert process.wait(timeout=PATIENCE) == 0
    process.stdout.close()
    assert shown[0] == shown[1] == shown[3] != shown[2]
