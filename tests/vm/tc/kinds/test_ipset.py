"""Ematches with sets of ipset: the kernel gives each set a number, which tc and pytc look up alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.compat.twins import Side

pytestmark = [pytest.mark.kernel, pytest.mark.needs("module:em_ipset")]

SETS = (
    "from pyroute2.ipset import IPSet; sets = IPSet(); [sets.create(name, stype='hash:ip') for name in ('one', 'bulk')]"
)
EXPRESSIONS = ("ipset(bulk src)", "ipset(one src,dst) and not ipset(bulk dst)")


@pytest.fixture
def side() -> Iterator[Side]:
    for module in ("ip_set_hash_ip", "em_ipset"):
        subprocess.run(["modprobe", "-q", module], check=False)
    made = Side()
    try:
        assert made.request("new") == [0, "", ""]
        made.must(sys.executable, "-c", SETS)
        made.must("ip", "link", "add", "em1", "type", "veth", "peer", "name", "em2")
        made.must("tc", "qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_sets_are_named(side: Side, expression: str) -> None:
    line = ["filter", "add", "dev", "em1", "parent", "1:", "basic", "match", expression, "classid", "1:1"]
    for program in ("tc", "pytc"):
        side.must(program, *line)
    for program in ("tc", "pytc"):
        done = side.do(program, "filter", "show", "dev", "em1", "parent", "1:")
        assert not done.status, done.err
        assert done.out.replace("\n  AND", " and").lower().count(expression) == 2


def test_sets_that_are_not_there_are_refused(side: Side) -> None:
    line = ["filter", "add", "dev", "em1", "parent", "1:", "basic", "match", "ipset(nowhere src)", "classid", "1:1"]
    done = side.do("pytc", *line)
    assert done.status == 1
    assert "unknown set name 'nowhere'" in done.err
    assert "ipset create nowhere" in done.err
