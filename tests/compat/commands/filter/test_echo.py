"""``-echo``: what the kernel says of a change is printed as the real ``tc monitor`` prints it, with the functions that
print tc's ``-echo``, which the tc of Debian 12 does not have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.compat.commands.monitor.test_watch import CHANGES, listening, masked
from tests.network import Network
from tests.processes import PYTC
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

LINES = [
    [word.replace("_", " ") if "," in word else word for word in line.split()]
    for line in CHANGES
    if not line.startswith("chain")
]
#: The kernel tells only listeners of chains, also of the one that a first filter brings.
CHAIN = re.compile(r"^(added|deleted) chain .*\n", re.MULTILINE)


def of_tc(path: Path) -> str:
    return masked(CHAIN.sub("", path.read_text()))


@pytest.mark.parametrize("options", [(), ("-s",), ("-d",), ("-N", "-r")], ids=" ".join)
def test_prints_what_tc_prints(network: Network, tmp_path: Path, options: tuple[str, ...]) -> None:
    by_tc = tmp_path / "tc"
    with listening(network, by_tc, "stdbuf", "-oL", "tc", *options, "monitor"):
        found = "".join(network.ok(*line, options=("-echo", *options)) for line in LINES)
        until(lambda: "deleted qdisc clsact" in by_tc.read_text())
    assert masked(found) == of_tc(by_tc)
    assert found.count("\n") >= len(LINES)


def test_json_is_what_monitor_says_in_an_array(network: Network, tmp_path: Path) -> None:
    output = tmp_path / "pytc"
    with listening(network, output, *PYTC, "-j", "monitor"):
        found = [json.loads(network.ok(*line, options=("-echo", "-j"))) for line in LINES]
        until(lambda: '"deleted":true,"kind":"clsact"' in output.read_text())
    assert [record for records in found for record in records] == [
        record
        for record in map(json.loads, output.read_text().splitlines())
        if "kind" in record or "options" in record or "class" in record or "actions" in record
    ]


def test_in_a_batch(network: Network, tmp_path: Path) -> None:
    batch, by_tc = tmp_path / "batch", tmp_path / "tc"
    batch.write_text("".join(" ".join(f"'{word}'" for word in line) + "\n" for line in LINES))
    with listening(network, by_tc, "stdbuf", "-oL", "tc", "monitor"):
        found = network.ok("-b", str(batch), options=("-echo",))
        until(lambda: "deleted qdisc clsact" in by_tc.read_text())
    assert masked(found) == of_tc(by_tc)


def test_nothing_is_said_of_what_the_kernel_refuses(network: Network) -> None:
    done = network.pytc("class", "add", "dev", "em1", "classid", "1:1", "htb", "rate", "1mbit", options=("-echo",))
    assert (done.status, done.out) == (2, "")
    assert re.search(r"^(Error|RTNETLINK)", done.err)
