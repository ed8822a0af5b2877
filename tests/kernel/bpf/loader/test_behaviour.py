"""Behaviour, not only loading: what the header comments of the test objects promise, by every compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import OBJECTS, Compiler
from tests.kernel.bpf.link.kernel_values import KERNEL, LATER, TAGGED
from tests.kernel.bpf.loader.behaviour import LEGACY, MODERN, Case, marked, needing
from tests.kernel.bpf.support import loaded
from tests.tiers import slow

pytestmark = pytest.mark.kernel


OLDEST, NEWEST = ("clang", ("-g",)), ("clang-19", ("-g", "-mcpu=v4"))
COMPILERS = [
    pytest.param(*OLDEST, id="oldest"),
    slow(pytest.param(*NEWEST, id="newest", marks=pytest.mark.needs("host"))),
]
#: How legacy objects are compiled as well; those with something modern in them need -g.
FLAGS = ((), ("-g", "-mcpu=v1"), ("-g", "-mcpu=v3"))
NEED_DEBUG = ("btf_annotate", "mixed")
#: Nothing but -g tells its structure of 20 bytes from the other one.
AMBIGUOUS = ("bpf_map_def",)


def check(
    build: Compiler,
    bpffs: Path,
    case: Case,
    clang: str = "clang",
    flags: tuple[str, ...] = ("-g",),
) -> None:
    with loaded(build(case.object, clang=clang, flags=flags), bpffs, name=case.program) as done:
        case.check(done)
        assert [note for note in done.notes if "is not pinned" not in note] == []


@pytest.mark.parametrize(("clang", "flags"), COMPILERS)
@pytest.mark.parametrize("case", needing(*LEGACY, *MODERN))
def test_objects_behave(build: Compiler, bpffs: Path, case: Case, clang: str, flags: tuple[str, ...]) -> None:
    check(build, bpffs, case, clang, flags)


@pytest.mark.parametrize(("clang", "flags"), COMPILERS)
@pytest.mark.needs("configuration")
@pytest.mark.parametrize("case", needing(*KERNEL, *LATER))
def test_objects_find_what_the_kernel_has(
    build: Compiler, bpffs: Path, case: Case, clang: str, flags: tuple[str, ...]
) -> None:
    check(build, bpffs, case, clang, flags)


@pytest.mark.needs("host")
@pytest.mark.parametrize(
    "flags", [FLAGS[0], *(slow(pytest.param(flags)) for flags in FLAGS[1:])], ids=["plain", "v1", "v3"]
)
@pytest.mark.parametrize("case", needing(*(case for case in LEGACY if case.object not in (*NEED_DEBUG, *AMBIGUOUS))))
def test_legacy_objects_behave_however_they_are_compiled(
    build: Compiler, bpffs: Path, case: Case, flags: tuple[str, ...]
) -> None:
    check(build, bpffs, case, flags=flags)


@pytest.mark.needs("host")
@pytest.mark.parametrize("clang", ["clang-16", "clang-19"])
@pytest.mark.parametrize("case", needing(*TAGGED))
def test_references_in_maps_are_kept(build: Compiler, bpffs: Path, case: Case, clang: str) -> None:
    check(build, bpffs, case, clang)


@pytest.mark.parametrize(
    "clang", ["clang", *(pytest.param(name, marks=pytest.mark.needs("host")) for name in ("clang-16", "clang-19"))]
)
def test_merged_constants_are_found(build: Compiler, bpffs: Path, clang: str) -> None:
    """Also without the types of clang 14, which the kernel does not take."""
    with loaded(build("rodata_merged", clang=clang), bpffs) as done:
        marked({0: 97, 5: 101})(done)


@pytest.mark.needs("host")
def test_every_object_that_loads_is_asked_something() -> None:
    """Here, or by a test that names it."""
    tests = "".join(path.read_text() for path in OBJECTS.parent.rglob("*.py") if "compat" not in path.parts)
    refused = {path.stem for path in OBJECTS.glob("*.c") if "refused: " in path.read_text().splitlines()[0]}
    names = {path.stem for path in OBJECTS.glob("*.c")} - refused
    assert {name for name in names if f'"{name}"' not in tests} <= {"kfunc_conntrack"}  # not in every kernel
