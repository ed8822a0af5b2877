"""Lines of ``actions`` of which pytc does less than tc, where they are wrong at the end, or says more.

What both do alike is in tests/compat/lines/actions.txt.
"""

from __future__ import annotations

import pytest

from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

WRONG = [
    "foo",
    "flowid 1:1",
    "add",
    "ls action mirred",
    "action get action mirred index 1",
    "get action mirred",
    "del action mirred index x",
    "change action nosuch",
]


def test_a_wrong_word_costs_nothing(network: Network) -> None:
    lines = [
        f"actions add action mirred egress redirect dev em1 index {number} {end}".split()
        for number, end in enumerate(WRONG, 1)
    ]
    found = [network.pytc(*line) for line in lines]
    assert network.tc("actions", "ls", "action", "mirred").out == ""
    for line, outcome in zip(lines, found, strict=True):
        assert outcome.status == network.tc(*line).status == 255, (line, outcome)
        assert "Traceback" not in outcome.err


@pytest.mark.parametrize(("kind", "meant"), [("nosuch", ""), ("mirrd", ': did you mean "mirred"?')])
def test_a_kind_that_nobody_knows_is_named(network: Network, kind: str, meant: str) -> None:
    words = ("actions", "ls", "action", kind)
    assert network.tc(*words) == (0, "", f"bad action {kind}\n")
    assert network.pytc(*words) == (0, "", f"bad action {kind}{meant}\n")
    assert network.pytc("actions", "ls", "action", "mirred") == (0, "", "")
