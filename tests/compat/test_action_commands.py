"""Several commands in a line of ``actions``: they do, and print, what they do in tc."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compat.differential import Namespace, tc_is_here
from tests.conftest import Network, cannot

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

_TO = "mirred egress redirect dev em1 index"
#: Lines that are done one after another; mirred is the one action that all kernels with clsact have.
LINES = [
    f"actions add action {_TO} 1 get action mirred index 1",
    f"actions add action {_TO} 2 add action {_TO} 3",
    f"actions add action {_TO} 2 add action {_TO} 4",
    f"actions add action {_TO} 5 add action {_TO} 5",
    f"actions add action {_TO} 6 del action mirred index 6 action mirred index 5",
    f"-j actions add action {_TO} 7 action {_TO} 8 cookie 01 get action mirred index 7 action mirred index 8",
    f"actions replace action mirred egress mirror dev em1 index 7 c action {_TO} 8 g action mirred index 7",
    "actions add get action mirred index 2", "actions add action get action mirred index 2",
    "actions get action mirred index 2 get action mirred index 3", "actions get action mirred index 99",
    "actions get action mirred index 2 action mirred index 3", "actions del action mirred index 99",
    "actions ls action mirred", "-j actions ls action mirred", "actions flush action mirred",
    "actions ls action mirred",
]
#: Lines that are wrong at the end: tc does what comes before that, pytc nothing.
WRONG = ["foo", "flowid 1:1", "add", "ls action mirred", "action get action mirred index 1", "get action mirred",
         "del action mirred index x", "change action nosuch"]


def test_lines_are_done_as_in_tc(network: Network, tmp_path: Path) -> None:
    if not tc_is_here():
        cannot("tc is not installed")
    space = Namespace(network.name, tmp_path)
    expected = [space.execute("tc", *line.split()) for line in LINES]
    found = space.pytc([line.split() for line in LINES])
    for line, one, other in zip(LINES, expected, found, strict=True):
        assert other.status == one.status, (line, one, other)
        assert "Traceback" not in other.err
        if line.startswith("-j"):
            assert json.loads(other.out) == json.loads(one.out), line
        else:
            assert other.out == one.out, line


def test_a_wrong_word_costs_nothing(network: Network, tmp_path: Path) -> None:
    if not tc_is_here():
        cannot("tc is not installed")
    space = Namespace(network.name, tmp_path)
    lines = [f"actions add action {_TO} {number} {end}".split() for number, end in enumerate(WRONG, 1)]
    found = space.pytc(lines)
    assert space.execute("tc", "actions", "ls", "action", "mirred").out == ""
    for line, outcome in zip(lines, found, strict=True):
        assert outcome.status == space.execute("tc", *line).status == 255, (line, outcome)
        assert "Traceback" not in outcome.err
