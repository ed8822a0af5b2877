"""A long list of filters is what tc prints, byte for byte, and takes hardly more memory than a short one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

COUNT = 3_000
#: Shows filters, and says on stderr how much memory the process had at most, in KB.
MEASURED = """
import sys
from pytc.cli.main import main
status = main(sys.argv[1:])
peak, = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stderr.write(peak)
sys.exit(status)
"""
#: KB of the messages of so many filters, and as much again.
ROOM = 4 * 1024


def _line(number: int, pin: str) -> str:
    """Much is as in other lines, and each thing differs somewhere: nothing may be taken from a neighbour."""
    place = f"filter add dev em1 ingress pref {number // 3 + 1} protocol {('all', 'ip', '0x1234')[number // 3 % 3]}"
    chain = f"chain {number % 5} " if number % 7 == 0 else ""
    return (
        f"{place} {chain}"
        + (
            f"handle {number} bpf bytecode '2,48 0 0 {number % 11},6 0 0 {number}' flowid 1:{number % 13:x}",
            f"handle {number} bpf da pinned {pin}",
            f"handle {number} bpf bytecode '1,6 0 0 {number % 4}' {('skip_hw', 'classid :5')[number % 2]}",
        )[number % 3]
    )


@pytest.fixture
def long_list(network: Network, bpffs: Path, tmp_path: Path) -> Network:
    """Classic filters and others of one program, on some preferences, protocols and chains."""
    assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
    pin = bpffs / "program"
    done = network.execute("bpftool", "prog", "load", str(EXAMPLES / "traffic.o"), str(pin), "type", "classifier")
    assert done.status == 0, done.err
    (tmp_path / "batch").write_text("".join(f"{_line(number, str(pin))}\n" for number in range(1, COUNT + 1)))
    done = network.tc("-batch", str(tmp_path / "batch"))
    assert done.status == 0, done.err
    return network


def test_output_equals_tc(long_list: Network) -> None:
    for options in ((), ("-d", "-s"), ("-o",), ("-j",), ("-j", "-p"), ("-N",)):
        for line in ("filter show dev em1 ingress", "filter show dev em1 ingress chain 3 protocol ip"):
            words = line.split()
            expected, found = long_list.tc(*options, *words), long_list.pytc(*words, options=options)
            assert expected.out.count("handle") > 20
            assert (found.status, found.out) == (expected.status, expected.out), (options, line)
            if "-j" in options:
                json.loads(found.out)


@pytest.mark.parametrize("options", [(), ("-j",), ("-j", "-p")])
def test_memory_is_that_of_a_short_one(long_list: Network, options: tuple[str, ...]) -> None:
    peaks = []
    for hook in ("egress", "ingress"):
        done = long_list.execute(sys.executable, "-c", MEASURED, *options, "filter", "show", "dev", "em1", hook)
        assert done.status == 0, done.err
        peaks.append(int(done.err))
    assert peaks[1] - peaks[0] < ROOM
