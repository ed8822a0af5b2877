"""JSON of tc's commands that show something parses: of nothing, of one thing, of 1,000, and of 10,000."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.network import Network
from tests.processes import PYTC
from tests.tiers import slow

pytestmark = pytest.mark.kernel

MANY, MORE = 1_000, 10_000
#: Seconds of a processor that a command may take for so many.
LIMIT = 45


def json_in_time(network: Network, line: str, *options: str) -> Any:
    """Return the JSON of a command with a limit of processor time, after which the kernel kills it."""
    limited = ("prlimit", f"--cpu={LIMIT}", *PYTC, "-j")
    outcome = network.execute(*limited, *options, *line.split())
    assert outcome.status == 0, (line, outcome.err)
    return json.loads(outcome.out)


def run_batch(network: Network, directory: Path, lines: list[str]) -> None:
    (directory / "batch").write_text("\n".join(lines) + "\n")
    done = network.tc("-batch", str(directory / "batch"))
    assert done.status == 0, done.err


def filters(count: int) -> list[str]:
    return [
        "qdisc add dev em1 clsact",
        *(
            f'filter add dev em1 ingress pref 1 handle {number} bpf bytecode "1,6 0 0 1"'
            for number in range(1, count + 1)
        ),
    ]


def classes(count: int) -> list[str]:
    return [
        "qdisc add dev em1 root handle 1: htb",
        *(f"class add dev em1 parent 1: classid 1:{number:x} htb rate 1mbit" for number in range(1, count + 1)),
    ]


def qdiscs(count: int) -> list[str]:
    return [
        *classes(count),
        *(
            f"qdisc add dev em1 parent 1:{number:x} handle {number + 1:x}: pfifo limit 5"
            for number in range(1, count + 1)
        ),
    ]


def chains(count: int) -> list[str]:
    return [
        "qdisc add dev em1 clsact",
        *(f"chain add dev em1 ingress chain {number}" for number in range(1, count + 1)),
    ]


def actions(count: int) -> list[str]:
    return [f"actions add action mirred egress redirect dev em1 index {number}" for number in range(1, count + 1)]


def _all(found: Any) -> int:
    return len(found)


def _with_options(found: Any) -> int:
    return sum("options" in one for one in found)


def _acts(found: Any) -> int:
    return sum(len(one.get("actions", ())) for one in found)


#: What makes them, the command that shows them, how to count them, and how many there are besides.
OF_TC: list[tuple[Callable[[int], list[str]], str, Callable[[Any], int], int]] = [
    (qdiscs, "qdisc show dev em1", _all, 1),
    (classes, "class show dev em1", _all, 0),
    (filters, "filter show dev em1 ingress", _with_options, 0),
    (chains, "chain show dev em1 ingress", _all, 0),
    (actions, "actions ls action mirred", _acts, 0),
    (filters, "hooks dev em1", _all, 0),
]


@pytest.mark.parametrize(("make", "line", "count", "besides"), OF_TC, ids=[line for _, line, _, _ in OF_TC])
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", [0, 1, MANY, slow(MORE)])
def test_of_tc(
    network: Network,
    tmp_path: Path,
    make: Callable[[int], list[str]],
    line: str,
    count: Callable[[Any], int],
    besides: int,
    number: int,
) -> None:
    run_batch(network, tmp_path, make(number))
    for options in ((), ("-s", "-d"), ("-p",)) if number < MORE else ((), ("-s", "-d", "-p")):
        found = json_in_time(network, line, *options)
        assert count(found) == number + besides, line
