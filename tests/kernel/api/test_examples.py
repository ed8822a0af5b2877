"""The examples of the docstrings run on this kernel, as the reference shows them."""

from __future__ import annotations

import doctest
import inspect
import socket
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import pytc
from pytc import features
from tests.conftest import EXAMPLES
from tests.network import Network
from tests.processes import ROOT

pytestmark = [pytest.mark.kernel, pytest.mark.needs("tcx")]

_FINDER = doctest.DocTestFinder(recurse=False)


def _values() -> Iterator[tuple[str, Any]]:
    yield "pytc", pytc
    yield "pytc.features", features
    for name in pytc.__all__:
        value = getattr(pytc, name)
        if not isinstance(value, (str, ModuleType)):
            yield f"pytc.{name}", value
            if inspect.isclass(value):
                yield from ((f"pytc.{name}.{key}", one) for key, one in vars(value).items() if inspect.isfunction(one))


TESTS = [
    test for name, value in _values() for test in _FINDER.find(value, name, module=False, globs={}) if test.examples
]


def test_there_are_examples() -> None:
    assert {"pytc", "pytc.features", "pytc.load", "pytc.Map", "pytc.Program"} <= {test.name for test in TESTS}
    assert len(TESTS) > 10


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_an_example(network: Network, monkeypatch: pytest.MonkeyPatch, test: doctest.DocTest) -> None:
    import pyroute2

    monkeypatch.chdir(ROOT)
    report: list[str] = []
    with (
        pytc.netns(network.name),
        pytc.load(EXAMPLES / "firewall.o", pin=False) as firewall,
        pytc.load(EXAMPLES / "traffic.o") as traffic,
        firewall.programs.firewall.attach_filter("em1", "ingress"),
    ):
        test.globs = {"pytc": pytc, "pyroute2": pyroute2, "socket": socket, "firewall": firewall, "traffic": traffic}
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
    assert runner.tries
