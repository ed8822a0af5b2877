"""What pip installs: the command, its manual page, and nothing that only makes documents."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pytc import __version__
from tests.processes import ROOT, must, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like /usr/local, with pytc from a wheel of its own."""
    source, prefix = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("prefix")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    must(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(source / "dist"), str(source))
    wheel = next((source / "dist").glob("pytc-*.whl"))
    must(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", "--prefix", str(prefix), str(wheel))
    return prefix


def test_the_manual_page_is_where_man_looks_for_it(installed: Path) -> None:
    """man(1) takes bin/../share/man for each directory of PATH."""
    page = installed / "share" / "man" / "man8" / "pytc.8"
    assert page.read_text() == (ROOT / "docs" / "pytc.8").read_text()
    if shutil.which("man"):
        outcome = run("man", "-w", "pytc", env={"PATH": f"{installed / 'bin'}:/usr/bin:/bin", "MANPATH": ""})
        assert outcome.out.strip() == str(page), outcome


def test_the_command_works(installed: Path) -> None:
    (packages,) = installed.glob("lib*/python*/site-packages")
    outcome = run(str(installed / "bin" / "pytc"), "-V", env={"PYTHONPATH": str(packages)})
    assert (outcome.status, __version__ in outcome.out) == (0, True), outcome


def test_what_makes_documents_and_tests_is_not_installed(installed: Path) -> None:
    (packages,) = installed.glob("lib*/python*/site-packages")
    assert sorted(path.name for path in packages.iterdir() if not path.name.endswith(".dist-info")) == ["pytc"]
    assert sorted(path.name for path in (installed / "share").rglob("*") if path.is_file()) == ["pytc.8"]
