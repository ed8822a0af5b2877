"""All lines of tests/compat/lines/qdiscs-wrong.txt: refused as tc refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.differential import Namespace, tc_is_here
from tests.compat.lines import cases
from tests.conftest import Network, Outcome, cannot

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OWN_MESSAGES = ("messages", "of", "pytc's", "own")


def test_wrong_lines(network: Network, tmp_path: Path) -> None:
    """The same exit code and the same first line; no traceback, nothing printed and nothing changed."""
    if not tc_is_here():
        cannot("tc is not installed")
    chosen = cases("qdiscs-wrong")
    space = Namespace(network.name, tmp_path)
    space.prepare(len(chosen))
    space.tc([command for number, case in enumerate(chosen) for which in "tp"
              for command in case.on(f"{which}{number}")[:-1]])
    before = space.execute("tc", "-s", "-d", "qdisc", "show").out
    found = space.pytc([case.on(f"p{number}")[-1] for number, case in enumerate(chosen)])
    wrong = []
    for number, case in enumerate(chosen):
        expected = space.execute("tc", *case.on(f"t{number}")[-1])
        assert expected.status, f"tc accepts: {case}"
        if reason := _difference(expected, found[number], same_message=case.kinds != OWN_MESSAGES, number=number):
            wrong.append(f"{case}: {reason}")
    assert not wrong, "\n".join(wrong)
    assert space.execute("tc", "-s", "-d", "qdisc", "show").out == before


def _difference(expected: Outcome, found: Outcome, *, same_message: bool, number: int) -> str:
    if (found.status, found.out) != (expected.status, "") or "Traceback" in found.err or not found.err:
        return f"{found}, not {expected.status}"
    ours = found.err.split("\n")[0].replace(f"p{number}", "D")
    theirs = expected.err.split("\n")[0].replace(f"t{number}", "D").replace('"tc ', '"pytc ')
    return f"{ours!r}, not {theirs!r}" if same_message and ours != theirs else ""


def test_there_are_enough_lines() -> None:
    assert len(cases("qdiscs-wrong")) >= 50
