"""The pytest plugin, by the example of docs/testing-programs.md, and what that page says of a failure."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.kernel.docs.test_docs import blocks
from tests.processes import ROOT, SOURCE, Outcome, pytc, run

pytestmark = pytest.mark.kernel
PAGE = ROOT / "docs" / "testing-programs.md"


def by_pytest(tmp_path: Path, code: str, *options: str) -> Outcome:
    """Runs tests in a directory of their own, with this checkout's plugin and no other."""
    if not (tmp_path / "examples").exists():
        (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "test_it.py").write_text(code)
    env = {**SOURCE, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return run(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytc.testing",
        "-p",
        "no:cacheprovider",
        "-q",
        *options,
        cwd=tmp_path,
        env=env,
    )


@pytest.fixture
def example() -> str:
    return "\n".join(blocks(PAGE, "python"))


def test_the_example_passes(root: None, tmp_path: Path, example: str) -> None:
    outcome = by_pytest(tmp_path, example)
    assert outcome.status == 0, outcome.out
    assert "7 passed" in outcome.out


def test_it_fails_for_the_program_with_the_mistake(root: None, tmp_path: Path, example: str) -> None:
    wrong = example.replace("bpf_object(NEXT_HOP)", 'bpf_object(NEXT_HOP, section="forgetful")')
    outcome = by_pytest(tmp_path, wrong)
    assert outcome.status == 1
    assert "1 failed, 6 passed" in outcome.out
    assert "assert [22] == [22, 24]" in outcome.out
    assert "- 0010  " in outcome.out


def test_everything_is_closed_and_removed(root: None, tmp_path: Path) -> None:
    before = set(os.listdir("/run/netns"))
    outcome = by_pytest(
        tmp_path,
        """
import os, pytest

def descriptors():
    places = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return [os.readlink(place) for place in places if os.path.islink(place)]

@pytest.fixture
def watched():
    yield
    assert not [name for name in descriptors() if "bpf" in name]

def test_it(watched, bpf_object, run_packet, netns_pair):
    here = os.readlink("/proc/thread-self/ns/net")
    loaded = bpf_object("examples/bpf/traffic.o", max_entries={"protocols": 4}, verbose=True)
    assert loaded.maps["protocols"].description.max_entries == 4 and loaded.log
    assert any("bpf" in name for name in descriptors())
    stats = bpf_object("examples/bpf/mark_stats.o", section="cls")
    assert [one.spec.pinning for one in stats.maps.values()] == [0]
    assert run_packet(loaded.program, bytes(60), repeat=10).duration >= 0
    with netns_pair.inside(far=True):
        assert os.readlink("/proc/thread-self/ns/net") != here
    assert os.readlink("/proc/thread-self/ns/net") == here
    assert "em1" in netns_pair.run("ip", "link").stdout and "em2" in netns_pair.run("ip", "link", far=True).stdout
    with pytest.raises(ValueError), netns_pair.inside():
        raise ValueError
    assert os.readlink("/proc/thread-self/ns/net") == here
""",
    )
    assert outcome.status == 0, outcome.out
    left = {name for name in os.listdir("/run/netns") if name.startswith("pytc-test-")}
    assert not left - before


def test_errors_are_shown_without_pytcs_own_lines(root: None, tmp_path: Path, build: Compiler) -> None:
    """That of the verifier fills hundreds of lines otherwise, the object's image among them."""
    code = f"""
import pytc

def test_it(bpf_object):
    bpf_object({build("reject_verifier", loads=False)!r})

def test_library(pytc_load):
    pytc_load({build("reject_verifier", loads=False)!r})

def test_direct():
    pytc.load("missing.o")
"""
    outcome = by_pytest(tmp_path, code)
    assert outcome.status == 1
    assert "3 failed" in outcome.out
    assert "E       pytc.errors.VerifierError: " in outcome.out
    assert "E       pytc.errors.ObjectError: cannot open object file" in outcome.out
    assert outcome.out.count("the verifier's last words") == 2
    assert "loader/" not in outcome.out
    assert "image=" not in outcome.out
    assert len(outcome.out.splitlines()) < 140
    assert "loader/load.py" in by_pytest(tmp_path, code, "--full-trace").out


def test_without_root_tests_are_skipped(root: None, tmp_path: Path, example: str) -> None:
    skipping = "import os\nos.geteuid = lambda: 1000\n"
    outcome = by_pytest(tmp_path, skipping + example, "-rs")
    assert outcome.status == 0, outcome.out
    assert "7 skipped" in outcome.out
    assert "not root" in outcome.out


def test_pytest_finds_it_by_its_entry_point() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\npytc = "pytc.testing"\n' in text


def test_the_failure_that_the_page_shows(root: None) -> None:
    (shown,) = blocks(PAGE, "text")
    command, _, expected = shown.partition("\n")
    words = shlex.split(command.removeprefix("# pytc "))
    outcome = pytc(*words, cwd=ROOT)
    assert outcome.status == 1
    assert _without_times(outcome.out) == _without_times(expected)


def _without_times(text: str) -> str:
    text = re.sub(r"\d+ ns$", "TIME ns", text, flags=re.MULTILINE)
    return re.sub(r"^(TC_ACT.*?) +\d+$", r"\1 TIME", text, flags=re.MULTILINE)
