"""All lines of tests/compat/lines/qdiscs-wrong.txt: refused as tc refuses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.compat.differential import Namespace, tc_is_here
from tests.compat.filter_twins import difference
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
        expected = _on_device(space.execute("tc", *case.on(f"t{number}")[-1]), f"t{number}")
        assert expected.status, f"tc accepts: {case}"
        if reason := difference(expected, _on_device(found[number], f"p{number}"), named=case.named,
                               same_message=case.kinds != OWN_MESSAGES):
            wrong.append(f"{case}: {reason}")
    assert not wrong, "\n".join(wrong)
    assert space.execute("tc", "-s", "-d", "qdisc", "show").out == before


def _on_device(outcome: Outcome, device: str) -> Outcome:
    return outcome._replace(err=re.sub(rf"\b{device}\b", "D", outcome.err))


def test_there_are_enough_lines() -> None:
    assert len(cases("qdiscs-wrong")) >= 50
