"""What pytc does is what is recorded. ``python -m tests.golden`` records it anew, and git shows what has changed."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.lines import all_sessions
from tests.golden.kernel import version
from tests.processes import ROOT, SOURCE, cannot

RECORDS = Path(__file__).parent / "records"
_KERNEL = version()
_NAMES = sorted(path.stem for path in (RECORDS / _KERNEL).glob("*.txt"))
_MOST_LINES = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with what this kernel and this pytc give."""
    if os.geteuid() != 0:
        cannot("not root: BPF and network namespaces need it")
    results = os.environ.get("PYTC_RESULTS")  # a guest leaves the record where it outlives it
    directory = Path(results) / "golden" if results else tmp_path_factory.mktemp("golden")
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", "--into", str(directory), *_NAMES],
        cwd=ROOT,
        env={**os.environ, **SOURCE},
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return directory / _KERNEL


@pytest.mark.kernel
@pytest.mark.timeout(1800)  # the record is made once, which takes a busy machine minutes
@pytest.mark.skipif(not _NAMES, reason=f"there is no record of Linux {_KERNEL}")
@pytest.mark.parametrize("name", _NAMES)
def test_nothing_has_changed(made: Path, name: str) -> None:
    lacks = [(directory / "lacks").read_text() for directory in (RECORDS / _KERNEL, made)]
    if lacks[0] != lacks[1]:
        pytest.skip(f"the record is of a machine that lacks other things: {' '.join(difference(*lacks))}")
    expected, found = ((directory / f"{name}.txt").read_text() for directory in (RECORDS / _KERNEL, made))
    lines = list(difference(expected, found))
    if not lines:
        return
    shown = "\n".join(lines[:_MOST_LINES])
    more = f"\n... and {len(lines) - _MOST_LINES} lines more" if len(lines) > _MOST_LINES else ""
    pytest.fail(
        f"pytc does not do what is recorded: {name}. Where it is meant to differ, python -m tests.golden records it.\n"
        f"{shown}{more}",
        pytrace=False,
    )


def test_all_tables_and_scripts_are_recorded() -> None:
    recorded = {path.stem for path in RECORDS.glob("*/*.txt")}
    assert {path.stem for path in (Path(__file__).parent / "commands").glob("*.txt")} <= recorded
    for session in all_sessions():
        name = "kinds" if session.elsewhere else "lines"
        assert any(f"[{session.title}]" in path.read_text().splitlines() for path in RECORDS.glob(f"*/{name}-*.txt")), (
            session.title
        )


def difference(expected: str, found: str) -> Iterator[str]:
    """The lines of a unified diff, without its head."""
    lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "recorded", "now", "", "", 4, "")
    return (line for line in lines if not line.startswith(("---", "+++", "@@")))
