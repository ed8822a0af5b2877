"""A project of somebody else (tests/consumer): pytc's wheel in an environment of its own, mypy, pyright, pytest."""

from __future__ import annotations

import shutil
import site
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kernel.docs.test_docs import blocks
from tests.processes import ROOT, Outcome, must, run
from tests.wheel import PIP, build_wheel

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROJECT = ROOT / "tests" / "consumer"
#: Pages whose Python blocks are whole programs.
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("library", "map", "objects", "prog"))]


class Consumer(NamedTuple):
    """A copy of the project, and the Python of its environment."""

    directory: Path
    python: Path

    def run(self, *words: str) -> Outcome:
        """Run a module of Python in the project."""
        env = {"FIREWALL": str(ROOT / "examples" / "bpf" / "firewall.o"), "PYTHONPATH": ""}
        return run(str(self.python), "-m", *words, cwd=self.directory, env=env)


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """The project with pytc's wheel. Everything else, like pytest and pyroute2, is this environment's: its directory is
    searched behind the project's own, and without its own link to this checkout."""
    directory = tmp_path_factory.mktemp("consumer")
    shutil.copytree(PROJECT, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    environment = directory / ".venv"
    must(sys.executable, "-m", "venv", "--without-pip", str(environment))
    (packages,) = environment.glob("lib/python*/site-packages")
    wheel = build_wheel(tmp_path_factory.mktemp("source"))
    must(*PIP, "install", "--no-deps", "--no-index", "--target", str(packages), str(wheel))
    (packages / "others.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    examples = directory / "examples"
    examples.mkdir()
    for number, snippet in enumerate(snippet for page in PAGES for snippet in blocks(page, "python")):
        (examples / f"example{number}.py").write_text(snippet)
    yield Consumer(directory, environment / "bin" / "python")


def test_the_wheel_is_used(consumer: Consumer) -> None:
    code = "import pytc; print(pytc.__file__)"
    outcome = run(str(consumer.python), "-c", code, cwd=consumer.directory, env={"PYTHONPATH": ""})
    assert str(consumer.directory) in outcome.out


def test_the_project_passes_its_tests(root: None, consumer: Consumer) -> None:
    outcome = consumer.run("pytest", "-q", "-p", "no:cacheprovider")
    assert outcome.status == 0, outcome.out + outcome.err
    assert "4 passed" in outcome.out


def test_the_plugin_can_be_turned_off(root: None, consumer: Consumer) -> None:
    outcome = consumer.run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:pytc", "-k", "kept_out")
    assert outcome.status == 1
    assert "fixture 'netns_pair' not found" in outcome.out


def test_mypy_finds_wrong_names_and_nothing_else(consumer: Consumer) -> None:
    """In the project and in the examples of the documentation; pyroute2 has no types."""
    wrong = consumer.directory / "wrong.py"
    wrong.write_text("import pytc\n\nwith pytc.load('x.o') as loaded:\n    loaded.programms\npytc.lod('x.o')\n")
    outcome = consumer.run("mypy", "--strict", "--ignore-missing-imports", "src", "tests", "examples", "wrong.py")
    assert outcome.status == 1
    assert 'wrong.py:4: error: "Object" has no attribute "programms"' in outcome.out
    assert 'wrong.py:5: error: Module has no attribute "lod"' in outcome.out
    assert "Found 2 errors in 1 file" in outcome.out


@pytest.fixture(scope="module")
def pyright() -> str:
    """The command; skips where the package, or what it downloads, is not there."""
    command = Path(sys.executable).with_name("pyright")
    if not command.exists():
        pytest.skip('pyright is not installed: pip install "pyright"')
    if run(str(command), "--version").status != 0:
        pytest.skip("pyright cannot be run: it downloads its program, and perhaps Node.js, when it is first used")
    return str(command)


def test_pyright_finds_nothing(consumer: Consumer, pyright: str) -> None:
    outcome = run(pyright, "--pythonpath", str(consumer.python), cwd=consumer.directory)
    assert outcome.status == 0, outcome.out
