"""The prebuilt objects in examples/bpf are what their sources give."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytc.bpf import read_object
from tests.conftest import EXAMPLES
from tests.processes import cannot, run

AGENTS = {"bpf_agent"}
SOURCES = sorted(path.stem for path in EXAMPLES.glob("*.c") if path.stem not in AGENTS)


@pytest.fixture(scope="module", params=["CLANG=clang", "LLC=llc"])
def rebuilt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("clang") is None or shutil.which("llc") is None:
        cannot("clang and llc are not installed")
    directory = tmp_path_factory.mktemp("examples")
    for path in EXAMPLES.iterdir():
        if path.is_file() and path.suffix != ".o":
            shutil.copy(path, directory)
    outcome = run("make", "-C", str(directory), request.param)
    assert outcome.status == 0, outcome.err
    return directory


@pytest.mark.parametrize("name", SOURCES)
def test_the_instructions_are_those_of_the_source(rebuilt: Path, name: str) -> None:
    ours, theirs = read_object(str(EXAMPLES / f"{name}.o")), read_object(str(rebuilt / f"{name}.o"))
    assert [s.code for s in ours.sections.values()] == [s.code for s in theirs.sections.values()]
    assert [s.relocations for s in ours.sections.values()] == [s.relocations for s in theirs.sections.values()]
    assert ours.maps.keys() == theirs.maps.keys()
    assert ours.license == theirs.license == "GPL"


def test_a_compiler_that_is_named_is_used(tmp_path: Path) -> None:
    for path in EXAMPLES.iterdir():
        if path.is_file() and path.suffix != ".o":
            shutil.copy(path, tmp_path)
    assert run("make", "-C", str(tmp_path), "CLANG=/nonexistent/clang").status != 0
    assert "nonexistent" in run("make", "-C", str(tmp_path), "CLANG=/nonexistent/clang").err
