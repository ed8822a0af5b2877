"""Commands import what they need, and nothing that is for other commands."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import SOURCE


def python(code: str) -> str:
    """The output of a fresh interpreter, which must succeed without a word on stderr."""
    env = {**os.environ, **SOURCE}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


#: What opens programs, sends changes, runs batches, or reads objects; and what it takes to ask bpf(2) of a program.
NOT_TO_SHOW = {
    "ctypes",
    "json",
    "pytc.bpf.sys.info",
    "pytc.bpf.object.spec",
    "pytc.cli.batch",
    *(f"pytc.commands.shared.{name}" for name in ("expressions", "opened_programs", "pins", "programs")),
    "pytc.commands.filter.add",
    "pytc.commands.filter.changes",
}


@pytest.mark.parametrize("words", ["filter show dev lo", "filter show dev lo ingress", "chain show dev lo"])
def test_what_shows_filters_loads_nothing_that_opens_programs(words: str) -> None:
    modules = set(
        python(
            f"from pytc.cli.main import main; import sys; assert main({words.split()}) == 0; print(*sys.modules)"
        ).split()
    )
    assert "pytc.tc.filters.records" in modules
    assert modules & NOT_TO_SHOW == set()
    assert all(importlib.util.find_spec(name) for name in NOT_TO_SHOW)


def test_an_object_loads_nothing_that_is_for_bytecode(tmp_path: Path) -> None:
    """The object is none: by then, all that loads one is there."""
    (tmp_path / "no.o").write_bytes(b"\x7fELF")
    words = f"filter add dev lo ingress bpf da obj {tmp_path}/no.o"
    modules = set(
        python(
            f"from pytc.cli.main import main; import os, sys; sys.stderr = open(os.devnull, 'w'); "
            f"assert main({words.split()}) == 1; print(*sys.modules)"
        ).split()
    )
    assert {"pytc.commands.shared.programs", "pytc.bpf.loader.load"} <= modules
    assert not modules & {"pytc.commands.shared.expressions", "pytc.cli.batch"}
