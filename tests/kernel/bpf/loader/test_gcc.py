"""Objects of gcc's BPF compilers. Up to 13 or so relocations hold whole offsets where clang's hold addends."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tests import toolchains
from tests.conftest import OBJECTS, Compiler
from tests.kernel.bpf.support import count, loaded, verdict
from tests.processes import must

pytestmark = [pytest.mark.kernel, pytest.mark.needs("host")]


@pytest.fixture(params=["bpf-gcc", *(name for name in toolchains.chosen() if name in toolchains.GCCS)])
def gcc(request: pytest.FixtureRequest) -> str:
    """The distribution's, and those of other releases."""
    toolchains.require(request.param)
    return str(request.param)


def compiled(gcc: str, directory: Path, name: str, *flags: str) -> str:
    target = directory / f"{name}.o"
    must(
        gcc,
        "-O2",
        "-w",
        *flags,
        f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-I/usr/include",
        "-c",
        str(OBJECTS / f"{name}.c"),
        "-o",
        str(target),
    )
    return str(target)


@pytest.mark.parametrize("flags", [(), ("-gbtf",)], ids=["plain", "btf"])
@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("drop", ""),
        ("return_classid", ""),
        ("modern_globals", ""),
        ("modern_subprogs", "one"),
        ("modern_subprogs", "two"),
        ("one_program", ""),
        ("two_programs", "cls_first"),
    ],
)
def test_do_the_same_as_clangs(
    gcc: str, build: Compiler, bpffs: Path, tmp_path: Path, name: str, program: str, flags: tuple[str, ...]
) -> None:
    with (
        loaded(compiled(gcc, tmp_path, name, *flags), bpffs, name=program) as ours,
        loaded(build(name), bpffs, name=program) as theirs,
    ):
        assert [verdict(ours.program) for _ in range(3)] == [verdict(theirs.program) for _ in range(3)]


def test_a_legacy_map_of_gcc_counts(gcc: str, bpffs: Path, tmp_path: Path) -> None:
    with loaded(compiled(gcc, tmp_path, "return_classid"), bpffs) as found:
        assert verdict(found.program) == 0x10020
        assert sum(count(found.maps["chosen"], key) for key in range(1)) >= 0
