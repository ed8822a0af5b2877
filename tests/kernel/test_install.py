"""What pip installs: the command, its manual page, and nothing that only makes documents."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytc import __version__
from tests.processes import ROOT, must, run
from tests.wheel import PIP, build_wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like /usr/local, with pytc from a wheel of its own."""
    prefix = tmp_path_factory.mktemp("prefix")
    wheel = build_wheel(tmp_path_factory.mktemp("source"))
    must(*PIP, "install", "--no-deps", "--no-index", "--ignore-installed", "--prefix", str(prefix), str(wheel))
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
