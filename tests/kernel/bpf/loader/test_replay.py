"""Programs that a batch loads as it did before: the same programs, with maps of their own, and the same errors."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from pytc.bpf import Map, ObjectCache, Program, ProgramType, load
from pytc.bpf.loader.object_cache import CachedReplay
from pytc.bpf.sys.info import program_map_ids, translated_instructions
from tests.conftest import Compiler
from tests.kernel.bpf.support import nothing_left, verdict
from tests.network import Network

pytestmark = pytest.mark.kernel

PLAIN = [
    "two_programs",
    "modern_globals",
    "modern_subprogs",
    "core_many",
    "rodata_merged",
    "global_func",
    "callback",
    "legacy20",
    "legacy44_zero",
    "big_rodata",
    "spinlock",
    "one_program",
    "drop",
    "numa",
]
OTHERS = ["modern_inner", "legacy_tail", "kconfig", "ksym_typeless", "kfunc", "legacy_pin_global", "modern_maps"]
LINES = 40


def remembered(cache: ObjectCache, path: str) -> CachedReplay | None:
    """How the cache would load the first program of an object for the second time."""
    spec = cache.read(path)
    wanted = [(spec.programs[0], ProgramType.SCHED_CLS)]
    load(spec, *wanted[0][:1], type=wanted[0][1], cache=cache).close()
    cache.store_replay("first", spec, wanted)
    return cache.find_replay(path, "first")


def contents(number: int) -> tuple[object, ...]:
    """A map without what differs by nature."""
    with Map.from_id(number) as found:
        one = found.description
        values = list(found.items()) if one.type == 2 and one.max_entries <= 16 and not one.flags & 1 else []
        return (
            one.name,
            one.type,
            one.key_size,
            one.value_size,
            one.max_entries,
            one.flags,
            one.btf_value_type_id,
            bool(one.btf_id),
            values,
            "frozen:\t1" in Path(f"/proc/self/fdinfo/{found.fd}").read_text(),
        )


def described(program: Program) -> tuple[object, ...]:
    """A program, its code and its maps."""
    one = program.description
    return (
        one.name,
        one.type,
        one.tag,
        bool(one.btf_id),
        len(translated_instructions(program.fd)),
        verdict(program),
        sorted(map(repr, map(contents, program_map_ids(program.fd)))),
    )


@pytest.mark.parametrize("name", PLAIN)
def test_a_recipe_makes_what_a_load_makes(build: Compiler, bpffs: Path, name: str) -> None:
    path = build(name)
    with nothing_left(bpffs), ObjectCache() as cache:
        recipe = remembered(cache, path)
        assert recipe is not None
        spec = cache.read(path)
        seen: set[int] = set()
        with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS, cache=cache) as plain:
            expected = described(plain.program)
            for _ in range(3):
                descriptor = recipe.load()
                assert descriptor is not None
                with Program(descriptor) as program:
                    assert described(program) == expected
                    ids = set(program_map_ids(program.fd))
                    assert not ids & (seen | set(program_map_ids(plain.program.fd)))
                    seen |= ids


@pytest.mark.parametrize("name", OTHERS)
def test_other_loads_are_no_recipes(build: Compiler, bpffs: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
    with ObjectCache() as cache:
        spec = cache.read(build(name))
        made = cache.prepared(spec, [(spec.programs[0], ProgramType.SCHED_CLS)], "", lambda number: -1)
        assert made.programs
        cache.store_replay("first", spec, [(spec.programs[0], ProgramType.SCHED_CLS)])
        assert cache.find_replay(build(name), "first") is None


def test_a_recipe_ends_with_its_file(build: Compiler, tmp_path: Path) -> None:
    path = tmp_path / "some.o"
    shutil.copy(build("rodata_merged"), path)
    with ObjectCache() as cache:
        recipe = remembered(cache, str(path))
        assert recipe is not None
        with recipe.load() or pytest.fail("no program"):
            pass
        data = path.read_bytes()
        path.write_bytes(data.replace(b"GPL\0", b"BSD\0"))
        assert recipe.load() is None
        path.write_bytes(data)
        with recipe.load() or pytest.fail("no program"):
            pass
        path.unlink()
        assert recipe.load() is None
        path.write_bytes(data.replace(b"GPL\0", b"BSD\0"))
        cache.read(str(path))
        path.write_bytes(data)
        assert recipe.load() is None, "its types are gone"


def test_a_recipe_that_fails_leaves_nothing(build: Compiler, bpffs: Path) -> None:
    import resource

    with nothing_left(bpffs), ObjectCache() as cache:
        recipe = remembered(cache, build("modern_globals"))
        assert recipe is not None
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        outcomes = []
        try:
            for most in range(4, highest + 8):
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
                descriptor = recipe.load()
                outcomes.append(descriptor is not None)
                if descriptor is not None:
                    descriptor.close()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert outcomes == sorted(outcomes)
        assert set(outcomes) == {False, True}


def filters(network: Network) -> list[object]:
    """Return what the real tc shows of the filters, without ids."""
    found: list[object] = json.loads(network.tc("-j", "filter", "show", "dev", "em1", "ingress").out)
    return json.loads(re.sub(r'"id": \d+', '"id": 0', json.dumps(found)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [*PLAIN[1:6], *OTHERS])
def test_a_batch_attaches_what_single_commands_attach(
    network: Network, build: Compiler, tmp_path: Path, name: str
) -> None:
    path = build(name)
    section = "tc" if name in ("modern_subprogs",) else ""
    words = [
        f"filter add dev em1 ingress pref {pref} handle 1 bpf da obj {path} {f'sec {section} ' * bool(section)}"
        f"flowid {'fffe:fdfc' if pref == LINES else '1:1'}"
        for pref in range(1, LINES + 1)
    ]
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    (tmp_path / "batch").write_text("".join(f"{line}\n" for line in [*words, words[-1]]))
    done = network.pytc("-batch", str(tmp_path / "batch"))
    assert (done.status, done.err.count("xists"), f"batch:{LINES + 1}\n" in done.err) == (1, 1, True)
    single = network.pytc(*words[-1].split())
    assert single.err.splitlines() == [
        line
        for line in done.err.splitlines()[-1 - len(single.err.splitlines()) :]
        if not line.startswith("Command failed")
    ]
    found = filters(network)
    network.ok("qdisc", "del", "dev", "em1", "clsact")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    for line in (words[0], words[-1]):
        network.ok(*line.split())
    alone = filters(network)
    assert len(found) == 2 * LINES
    assert found[:2] == alone[:2]
    assert found[-2:] == alone[-2:]
    assert all(
        {**one, "pref": 1} == {**alone[n % 2], "pref": 1}  # type: ignore[dict-item]
        for n, one in enumerate(found[:-2])
    )
