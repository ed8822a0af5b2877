"""Each kind of mistake in a program that the kernel refuses for it, and the same program put right."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

import pytest

from pytc.bpf.kernel.versions import precedes
from pytc.bpf.verifier.categories import CATEGORIES
from tests.conftest import PREBUILT, Compiler
from tests.needs import missing
from tests.verifier_examples import EXAMPLES, NAMES, refusal, report

pytestmark = pytest.mark.kernel

_RELEASE = re.match(r"\d+\.\d+", platform.release())
VERSION = _RELEASE[0] if _RELEASE else "0"
#: The first kernel that has what an example is about.
SINCE = {
    "callback": "5.13",
    "constant-string": "5.13",
    "map-pointer": "5.15",
    "dynptr": "5.19",
    "restricted-region": "6.2",
    "iterator": "6.4",
    "kernel-memory": "5.11",
    "missing-symbol": "5.4",
    "kfunc-unavailable": "5.13",
    "map-kind": "5.11",
}
#: The first kernel that accepts the wrong program.
UNTIL = {"uninitialised-stack": "6.1"}
#: The first kernel that takes the program that is put right.
RIGHT_SINCE = {"unbounded-size": "6.2"}
#: What older kernels, and those without a JIT compiler, refuse a wrong program for.
INSTEAD = {
    "call-depth": ("infinite-loop",),
    "constant-argument": ("unbounded-size",),
    "not-a-pointer": ("misaligned",),
    "license": ("helper-unavailable",),
    "tail-call": ("jit",),
}
NEED_TYPES = (
    "global-function",
    "restricted-region",
    "iterator",
    "kernel-memory",
    "missing-symbol",
    "kfunc-unavailable",
)


def _skip_unless_possible(name: str) -> None:
    if name in SINCE and precedes(VERSION, SINCE[name]):
        pytest.skip(f"Linux {SINCE[name]} brought what it is about")
    if name in NEED_TYPES and missing(["kernel_btf"]):
        pytest.skip("this kernel has no types")


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_program_is_refused_for_its_mistake(root: None, build: Compiler, name: str) -> None:
    _skip_unless_possible(name)
    if name in UNTIL and not precedes(VERSION, UNTIL[name]):
        pytest.skip(f"Linux {UNTIL[name]} takes it")
    error = refusal(build(f"examples/{name}", loads=False))
    assert error is not None
    if error.category == "jit" and name != "tail-call":
        pytest.skip("this kernel has no JIT compiler")
    assert error.category in (name, *(INSTEAD.get(name, ()) if VERSION != "6.18" else ())), error
    assert error.title and error.reason and error.suggestion
    assert "{" not in error.title + error.reason
    assert len(error.path) <= 8
    if _is_documented(name):
        kfunc_ids = re.compile(r"(?<=#)\d{4,}")
        assert kfunc_ids.sub("N", report(error)) == kfunc_ids.sub("N", (EXAMPLES / f"{name}.txt").read_text())
    source = (EXAMPLES / f"{name}.c").read_text()
    if error.at and (place := re.match(rf".*{name}\.c:(\d+)", error.at)):
        first = source[: source.index("/* wrong */")].count("\n") + 1
        last = source[: source.index("/* right */")].count("\n") + 1
        assert first <= int(place[1]) <= last
        assert error.path[-1].startswith(f"{name}.c:{place[1]}: ")


@pytest.mark.parametrize("name", NAMES)
def test_the_right_program_is_taken(root: None, build: Compiler, name: str) -> None:
    _skip_unless_possible(name)
    if name in RIGHT_SINCE and precedes(VERSION, RIGHT_SINCE[name]):
        pytest.skip(f"Linux {RIGHT_SINCE[name]} is the first to take it")
    error = refusal(build(f"examples/{name}", loads=False), "right")
    if error is not None and error.category == "jit":
        pytest.skip("this kernel has no JIT compiler")
    assert error is None


def _is_documented(name: str) -> bool:
    """Return whether NAME.txt was written by this kernel and compiler."""
    if VERSION != "6.18" or PREBUILT.exists() or shutil.which("clang") is None:
        return False
    version = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True).stdout
    return "clang version 14." in version and (EXAMPLES / f"{name}.txt").exists()


def test_every_example_is_of_a_category() -> None:
    assert set(NAMES) <= CATEGORIES.keys()
