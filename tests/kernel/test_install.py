"""What pip installs: the command, its manual page, and nothing that only makes documents."""

from __future__ import annotations

import re
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
    pages = installed / "share" / "man" / "man8"
    sources = ROOT / "docs" / "man"
    assert {page.name: page.read_text() for page in pages.iterdir()} == {
        page.name: page.read_text() for page in sources.iterdir()
    }
    if shutil.which("man"):
        for name in ("pytc", "pytc-map"):
            outcome = run("man", "-w", name, env={"PATH": f"{installed / 'bin'}:/usr/bin:/bin", "MANPATH": ""})
            assert outcome.out.strip() == str(pages / f"{name}.8"), outcome


def test_the_command_works(installed: Path) -> None:
    (packages,) = installed.glob("lib*/python*/site-packages")
    outcome = run(str(installed / "bin" / "pytc"), "-V", env={"PYTHONPATH": str(packages)})
    assert (outcome.status, __version__ in outcome.out) == (0, True), outcome


def test_what_makes_documents_and_tests_is_not_installed(installed: Path) -> None:
    (packages,) = installed.glob("lib*/python*/site-packages")
    assert sorted(path.name for path in packages.iterdir() if not path.name.endswith(".dist-info")) == ["pytc"]
    assert sorted(path.name for path in (installed / "share").rglob("*") if path.is_file()) == sorted(
        path.name for name in ("man", "completions") for path in (ROOT / "docs" / name).iterdir()
    )
    units = sorted(path.name for path in (installed / "lib" / "systemd" / "system").iterdir())
    assert units == ["pytc-agent.service", "pytc-agent.socket", "pytc-apply@.service"]


def test_the_image_is_built_from_what_the_wheel_needs() -> None:
    """:func:`tests.wheel.build_wheel` builds one from no more than that."""
    copied = re.findall(r"^COPY (?!--from)(.*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [line.split()[:-1] for line in copied] == [["pyproject.toml", "README.md", "LICENSE"], ["src"], ["docs"]]
