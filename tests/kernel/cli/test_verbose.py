"""--verbose: each step, with its time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import PYTC, ROOT, run

pytestmark = pytest.mark.kernel

STEP = re.compile(r"\[ *\d+\.\d{3} ms\] (.+?)(?: x \d+)? \(\d+\.\d{3} ms\)(?:: (.*))?")


def steps(error: str) -> list[str]:
    lines = error.splitlines()
    assert re.fullmatch(r"\[ *\d+\.\d{3} ms\] done", lines[-1])
    found = [STEP.fullmatch(line) for line in lines[:-1]]
    return [match[1] for match in found if match is not None]


def test_steps_of_a_filter_are_told_in_order(network: Network) -> None:
    object = str(ROOT / "examples" / "bpf" / "traffic.o")
    words = ("--create-clsact", "filter", "add", "dev", network.device, "ingress", "bpf", "da", "obj", object)
    outcome = run(*PYTC, "-n", network.near, *words, "--verbose")
    assert (outcome.status, outcome.out) == (0, ""), outcome
    told = steps(outcome.err)
    expected = [
        "netlink RTM_NEWQDISC",
        f"read {object}",
        "bpf(2) BTF_LOAD",
        "bpf(2) MAP_CREATE protocols",
        "bpf(2) PROG_LOAD count_protocols",
        "netlink RTM_NEWTFILTER",
    ]
    assert [step for step in told if step in expected] == expected


def test_each_line_of_a_batch_has_its_steps(clsact: Network, tmp_path: Path) -> None:
    """Also those that would otherwise be prepared and sent together."""
    lines = (f"filter add dev em1 ingress pref {pref} bpf bytecode '1,6 0 0 0'\n" for pref in range(1, 6))
    (tmp_path / "batch").write_text("".join(lines))
    outcome = clsact.pytc("-v", "-batch", str(tmp_path / "batch"))
    assert (outcome.status, outcome.out) == (0, "")
    requests = re.findall(r"RTM_NEWTFILTER(?: x (\d+))? \(", outcome.err)
    assert sum(int(count or 1) for count in requests) == 5


def test_output_and_status_are_as_without(network: Network) -> None:
    plain = run(*PYTC, "-n", network.near, "-j", "qdisc")
    told = run(*PYTC, "-n", network.near, "-j", "-v", "qdisc")
    assert told.out == plain.out
    assert all('{"note": "[' in line for line in told.err.splitlines())
    failed = run(*PYTC, "-v", "filter", "show", "dev", "none")
    assert failed.status == 1
    assert 'Cannot find device "none"' in failed.err
