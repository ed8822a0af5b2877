"""The public names are those of the record, each with a docstring, and the reference has them all."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import pytc
from docs.manual.library import GROUPS, document, surface
from pytc.closing import Closing
from tests.processes import ROOT, SOURCE

RECORD = ROOT / "tests" / "unit" / "api" / "surface.txt"
AGAIN = '"make docs" makes it again; users see what changes there'


def test_the_public_names_are_those_of_the_record() -> None:
    assert surface() == RECORD.read_text(), f"the public names have changed; {AGAIN}"


def test_the_reference_is_what_the_docstrings_say() -> None:
    assert document() == (ROOT / "docs" / "python.md").read_text(), f"docs/python.md is not up to date; {AGAIN}"


def test_the_reference_has_all_names() -> None:
    documented = {name for names in GROUPS.values() for name in names}
    assert documented == {*pytc.__all__} - {"__version__", "bpf", "errors", "features"}


def test_every_public_name_can_be_seen() -> None:
    assert {*pytc.__all__} <= {*dir(pytc)}
    assert not [name for name in dir(pytc) if not name.startswith("__") and name not in pytc.__all__]
    assert {*pytc.bpf.__all__} <= {*dir(pytc.bpf)}
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        pytc.lod  # type: ignore[attr-defined]  # noqa: B018


def _undocumented() -> Iterator[str]:
    for name in pytc.__all__:
        value = getattr(pytc, name)
        if isinstance(value, (str, ModuleType)):
            continue
        if not inspect.getdoc(value):
            yield name
        if inspect.isclass(value):
            for base in value.__mro__:
                if base.__module__.startswith("pytc") and base is not Closing:
                    yield from (
                        f"{name}.{member}"
                        for member, function in vars(base).items()
                        if not member.startswith("_")
                        and (inspect.isfunction(function) or isinstance(function, property))
                        and not inspect.getdoc(getattr(value, member))
                    )


def test_every_public_name_has_a_docstring() -> None:
    assert list(_undocumented()) == []


def test_help_reads_like_a_manual() -> None:
    text = pydoc.plain(pydoc.render_doc(pytc))
    assert "BPF programs in Linux traffic control" in text
    assert re.search(r"load\(\s*source: ", text)
    assert "class Map(" in text


def test_an_import_is_cheap() -> None:
    """40 milliseconds of processor time, and neither click nor pyroute2; the least of five, since machines are busy."""
    code = (
        "import sys, time; began = time.process_time(); import pytc; used = time.process_time() - began\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('click', 'pyroute2', 'elftools')]\n"
        "print(used)"
    )
    times = [
        float(
            subprocess.run([sys.executable, "-c", code], env=SOURCE, capture_output=True, text=True, check=True).stdout
        )
        for _ in range(5)
    ]
    assert min(times) < 0.040, times


@pytest.mark.parametrize("words", [("filter", "show"), ("map", "show"), ("tcx", "help"), ("-V",)])
def test_commands_import_nothing_of_the_library(words: tuple[str, ...]) -> None:
    code = f"""
import sys
from pytc.cli.main import main
try:
    main({list(words)!r})
except SystemExit:
    pass
print([name for name in sys.modules if name.startswith(("pytc.api", "pytc.attach", "pytc.features", "logging"))],
      file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], env=SOURCE, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
