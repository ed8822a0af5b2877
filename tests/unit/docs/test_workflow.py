"""The workflow of continuous integration, which can only run where it is hosted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


def check(path: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip(
        "check_jsonschema", reason="check-jsonschema, which has the schema of workflows, is not installed"
    )
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_it_has_the_form_of_workflows() -> None:
    done = check(WORKFLOW)
    assert done.returncode == 0, done.stdout


def test_another_form_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))
    done = check(path)
    assert done.returncode and "runs-on" in done.stdout


def test_it_runs_on_each_python_that_pytc_is_for() -> None:
    listed = re.findall(r'"([\d.]+)"', re.search(r"python: \[(.*)\]", WORKFLOW.read_text())[1])  # type: ignore[index]
    classified = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert listed == classified


@pytest.mark.parametrize("script", re.findall(r"(?:^| )(\.ci/\w+)", WORKFLOW.read_text(), re.MULTILINE))
def test_its_scripts_are_there(script: str) -> None:
    path = ROOT / script
    assert path.is_file() and path.stat().st_mode & 0o100
