"""Qdiscs that the development machine's kernel lacks: what tests/compat/test_qdisc_lines.py does, on Linux 6.1."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.differential import Namespace, compare_state, compare_text, compare_traffic, missing
from tests.compat.lines import cases

KINDS = ["prio", "sfq", "fq", "fq_codel", "drr", "netem"]


@pytest.fixture
def space(in_vm: None, tmp_path: Path) -> Iterator[Namespace]:
    """A network namespace of the test's own."""
    subprocess.run(["ip", "netns", "add", "qdiscs"], check=True)
    yield Namespace("qdiscs", tmp_path)
    subprocess.run(["ip", "netns", "delete", "qdiscs"], check=True)


def test_lines(space: Namespace) -> None:
    """What the lines of all these kinds make, and how pytc shows it."""
    chosen = [case for case in cases("qdiscs") if case.kinds[0] in KINDS]
    space.prepare(len(chosen))
    assert not missing(space, KINDS)
    compare_state(space, chosen)
    compare_text(space, chosen)


def test_statistics(space: Namespace) -> None:
    chosen = [case for case in cases("qdiscs-traffic") if case.kinds[0] in KINDS]
    space.prepare(len(chosen))
    compare_traffic(space, chosen)


def test_kinds_without_a_module(space: Namespace) -> None:
    """They can be added, shown and deleted; their options are not understood."""
    chosen = [case for case in cases("qdiscs") if "codel" in case.kinds]
    space.prepare(len(chosen))
    compare_state(space, chosen)
    lines = ["-j qdisc show dev p0", "-s qdisc show dev p0", "qdisc del dev p0 root",
             "qdisc add dev p0 root codel limit 5"]
    shown = space.pytc([line.split() for line in lines])
    assert '"kind":"codel","handle":"1:","root":true' in shown[0].out
    assert '"optlen":' in shown[0].out
    assert "[Unknown qdisc, optlen=" in shown[1].out
    assert "Sent 0 bytes" in shown[1].out
    assert shown[2].status == 0
    assert shown[3].status == 1
    assert shown[3].err.startswith('Unknown qdisc "codel", hence option "limit" is unparsable\nHint: ')
