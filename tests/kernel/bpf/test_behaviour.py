"""Behaviour, not only loading: what the header comments of the test objects promise, by every compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf.kernel.running import configuration
from tests.conftest import OBJECTS, Compiler, cannot
from tests.kernel.bpf.behaviour import LEGACY, MODERN, Case, marked, named
from tests.kernel.bpf.kernel_values import KERNEL, LATER, TAGGED
from tests.kernel.bpf.support import loaded

pytestmark = pytest.mark.kernel

OLDEST, NEWEST = ("clang", ("-g",)), ("clang-19", ("-g", "-mcpu=v4"))
#: How legacy objects are compiled as well; those with something modern in them need -g.
FLAGS = ((), ("-g", "-mcpu=v1"), ("-g", "-mcpu=v3"))
NEED_DEBUG = ("btf_annotate", "mixed")
#: Nothing but -g tells its structure of 20 bytes from the other one.
AMBIGUOUS = ("bpf_map_def",)


def check(build: Compiler, bpffs: Path, case: Case, clang: str = "clang", flags: tuple[str, ...] = ("-g",)) -> None:
    with loaded(build(case.object, clang=clang, flags=flags), bpffs, name=case.program) as done:
        case.check(done)
        assert [note for note in done.notes if "is not pinned" not in note] == []


@pytest.mark.parametrize(("clang", "flags"), [OLDEST, NEWEST], ids=["oldest", "newest"])
@pytest.mark.parametrize("case", [*LEGACY, *MODERN], ids=named)
def test_objects_behave(build: Compiler, bpffs: Path, case: Case, clang: str, flags: tuple[str, ...]) -> None:
    check(build, bpffs, case, clang, flags)


@pytest.mark.parametrize(("clang", "flags"), [OLDEST, NEWEST], ids=["oldest", "newest"])
@pytest.mark.parametrize("case", [*KERNEL, *LATER], ids=named)
def test_objects_find_what_the_kernel_has(
    build: Compiler, bpffs: Path, case: Case, clang: str, flags: tuple[str, ...]
) -> None:
    if not configuration():
        cannot("this kernel does not tell its configuration")
    check(build, bpffs, case, clang, flags)


@pytest.mark.parametrize("flags", FLAGS, ids=["plain", "v1", "v3"])
@pytest.mark.parametrize("case", [case for case in LEGACY if case.object not in (*NEED_DEBUG, *AMBIGUOUS)], ids=named)
def test_legacy_objects_behave_however_they_are_compiled(
    build: Compiler, bpffs: Path, case: Case, flags: tuple[str, ...]
) -> None:
    check(build, bpffs, case, flags=flags)


@pytest.mark.parametrize("clang", ["clang-16", "clang-19"])
@pytest.mark.parametrize("case", TAGGED, ids=named)
def test_references_in_maps_are_kept(build: Compiler, bpffs: Path, case: Case, clang: str) -> None:
    check(build, bpffs, case, clang)


@pytest.mark.parametrize("clang", ["clang", "clang-16", "clang-19"])
def test_merged_constants_are_found(build: Compiler, bpffs: Path, clang: str) -> None:
    """Also without the types of clang 14, which the kernel does not take."""
    with loaded(build("rodata_merged", clang=clang), bpffs) as done:
        marked({0: 97, 5: 101})(done)


def test_every_object_that_loads_is_asked_something() -> None:
    """Here, or by a test that names it."""
    tests = "".join(path.read_text() for path in OBJECTS.parent.rglob("*.py") if "compat" not in path.parts)
    refused = {path.stem for path in OBJECTS.glob("*.c") if "refused: " in path.read_text().splitlines()[0]}
    names = {path.stem for path in OBJECTS.glob("*.c")} - refused
    assert {name for name in names if f'"{name}"' not in tests} <= {"kfunc_conntrack"}  # not in every kernel
