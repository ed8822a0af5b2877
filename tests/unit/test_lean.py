"""Lean imports: stand-ins become the real modules as soon as they are used, and only the command uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PREPARE = "from pytc.cli import lean; lean.prepare(); "


def python(code: str) -> str:
    """The output of a fresh interpreter, which must succeed without a word on stderr."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import logging; logging.getLogger('x').info('no'); print(logging.INFO == 20, logging.__name__)",
        "import logging.handlers; print(logging.handlers.SysLogHandler is not None, 'logging')",
        "import socket; print(socket.AF_INET == 2, socket.socketpair()[0].close() is None)",
        "import threading; t = threading.Thread(target=print, args=('ran',)); t.start(); t.join(); print(True)",
        "import weakref; print(weakref.WeakSet() is not None)",
        "import inspect; print(inspect.isfunction(lambda: 0))",
        "import dataclasses; print(dataclasses.is_dataclass(int) is False)",
        "import traceback; print(bool(traceback.format_stack()))",
        "import multiprocessing; print(multiprocessing.cpu_count() > 0)",
        "import pprint, platform, selectors; print(pprint.pformat(1) == '1', bool(platform.system()))",
    ],
)
def test_a_stand_in_becomes_the_real_module_when_it_is_used(code: str) -> None:
    assert "True" in python(PREPARE + code)


def test_the_real_module_takes_its_place() -> None:
    assert (
        python(PREPARE + "import sys, pprint; pprint.pformat(1); print(type(sys.modules['pprint']).__name__)")
        == "module"
    )


def test_a_library_user_keeps_the_whole_pyroute2() -> None:
    assert python("import pytc, pytc.attach, pyroute2; print(pyroute2.IPRoute.__name__)") == "IPRoute"


def test_importing_the_library_replaces_nothing() -> None:
    assert (
        python(
            "import pytc.bpf, pytc.attach, sys\n"
            "print([n for n, m in sys.modules.items() if type(m).__name__ == 'StandIn'])"
        )
        == "[]"
    )


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
