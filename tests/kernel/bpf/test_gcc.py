"""Objects of gcc's BPF compiler, whose relocations hold whole offsets where clang's hold addends."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest

from tests.conftest import OBJECTS, Compiler, must
from tests.kernel.bpf.support import count, loaded, verdict

pytestmark = [pytest.mark.kernel, pytest.mark.needs("host")]


@pytest.fixture
def gcc(tmp_path: Path) -> Path:
    if shutil.which("bpf-gcc") is None:
        pytest.skip("bpf-gcc is not installed")
    return tmp_path


def compiled(directory: Path, name: str, *flags: str) -> str:
    target = directory / f"{name}.o"
    must(
        "bpf-gcc",
        "-O2",
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
    gcc: Path, build: Compiler, bpffs: Path, name: str, program: str, flags: tuple[str, ...]
) -> None:
    if name.startswith("modern"):  # these attributes do not exist for gcc 12, which then leaves functions in .text
        flags = (*flags, "-Wno-attributes")
    with (
        loaded(compiled(gcc, name, *flags), bpffs, name=program) as ours,
        loaded(build(name), bpffs, name=program) as theirs,
    ):
        assert [verdict(ours.program) for _ in range(3)] == [verdict(theirs.program) for _ in range(3)]


def test_a_legacy_map_of_gcc_counts(gcc: Path, bpffs: Path) -> None:
    with loaded(compiled(gcc, "return_classid"), bpffs) as found:
        assert verdict(found.program) == 0x10020
        assert sum(count(found.maps["chosen"], key) for key in range(1)) >= 0
