"""``LINE hold COMMAND``: a filter that lives as long as a process, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, pins
from tests.network import Network
from tests.processes import ROOT
from tests.waiting import until

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")
FIREWALL = ("bpf", "da", "obj", str(EXAMPLES / "firewall.o"))
FILTER = ("--create-clsact", "filter", "add", "dev", "em1", "egress", *FIREWALL)


def shown(network: Network) -> tuple[str, list[str]]:
    return network.state(), [path for path in pins(Path(network.env["TC_BPF_MNT"])) if "globals/" in path]


def holding(network: Network, *words: str) -> subprocess.Popen[bytes]:
    options, line = [word for word in words if word.startswith("--")], [word for word in words if word[:2] != "--"]
    return subprocess.Popen(
        (sys.executable, "-m", "pytc", *options, "-n", network.name, *line),
        cwd=ROOT,
        env={**os.environ, **network.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_filter_is_there_while_the_command_runs(network: Network) -> None:
    before = shown(network)
    with holding(network, *FILTER, "hold", "cat") as process:
        until(lambda: "firewall.o" in network.state())
        assert network.pytc("map", "dump", "pinned", "m:globals/verdicts").status == 0
        other = network.pytc("filter", "add", "dev", "em1", "egress", *FIREWALL)
        assert other.status == 0, "the lock of pins is free meanwhile"
        network.ok("filter", "del", "dev", "em1", "egress", "pref", "49151")
        out, err = process.communicate(b"bye\n", timeout=30)
    assert (process.returncode, out, err) == (0, b"bye\n", b"")
    assert shown(network) == before


def test_the_status_is_that_of_the_command(network: Network) -> None:
    before = shown(network)
    done = network.pytc("filter", *FILTER[2:], "hold", "sh", "-c", "exit 7", options=("--create-clsact",))
    assert (done.status, done.err) == (7, "")
    assert shown(network) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both(network: Network, number: signal.Signals) -> None:
    before = shown(network)
    with holding(network, *FILTER, "hold", "sleep", "1000") as process:
        until(lambda: "firewall.o" in network.state())
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == -number
    assert shown(network) == before


def test_the_command_may_be_killed(network: Network) -> None:
    before = shown(network)
    done = network.pytc("filter", *FILTER[2:], "hold", "sh", "-c", "kill -9 $$", options=("--create-clsact",))
    assert done.status == 128 + 9
    assert shown(network) == before


def test_a_command_that_is_not_there(network: Network) -> None:
    before = shown(network)
    done = network.pytc("filter", *FILTER[2:], "hold", "pytc-no-such-command", options=("--create-clsact",))
    assert done.status == 1 and 'cannot run "pytc-no-such-command"' in done.err
    assert shown(network) == before


def test_programs_of_tcx_and_cgroups_are_held_too(network: Network, cgroup: Path) -> None:
    traffic = str(EXAMPLES / "traffic.o")
    inside = ("sh", "-c", f"exec {sys.executable} -m pytc -n {network.name} tcx show dev em1 ingress")
    done = network.pytc("tcx", "attach", *IN, "obj", traffic, "hold", *inside)
    assert done.status == 0 and "count_protocols" in done.out
    assert "count_protocols" not in network.ok("tcx", "show", *IN)
    iw = str(EXAMPLES / "sockops/iw.o")
    network.ok("cgroup", "attach", str(cgroup), "link", "m:iw", "obj", iw, "hold", "true")
    assert network.json("cgroup", "show", str(cgroup)) == []
    assert "tc/iw" not in pins(Path(network.env["TC_BPF_MNT"]))


def test_what_was_replaced_comes_back(network: Network) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    place = (*IN, "pref", "1", "handle", "1", "bpf", "bytecode")
    network.ok("filter", "add", *place, "1,6 0 0 1", "flowid", "1:1")
    before = shown(network)
    network.ok("filter", "replace", *place, "1,6 0 0 2", "flowid", "1:2", "hold", "true")
    assert shown(network) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("filter", "add", *IN, "bpf", "bytecode", "1,6 0 0 1", "hold"), "which command?"),
        (
            ("map", "create", "m:x", "type", "hash", "key", "4", "value", "4", "max_entries", "1", "hold", "true"),
            "hold",
        ),
        (("qdisc", "del", "dev", "em1", "clsact", "hold", "true"), "taken back"),
        (("tcx", "detach", *IN, "all", "hold", "true"), '"hold" is for lines'),
        (("filter", "add", *IN, "bpf", "bogus", "hold", "true"), "bogus"),
    ],
)
def test_what_cannot_be_held_is_not_done(network: Network, words: tuple[str, ...], message: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    before = shown(network)
    done = network.pytc(*words)
    assert done.status and message in done.err, done.err
    assert shown(network) == before


def test_the_word_may_be_a_name(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tc's words take it, it is what tc makes of it."""
    (tmp_path / "hold").write_bytes((EXAMPLES / "traffic.o").read_bytes())
    monkeypatch.chdir(tmp_path)
    network.ok("--create-clsact", "-n", network.name, "filter", "add", *IN, "bpf", "da", "obj", "hold")
    assert "hold:[classifier]" in network.tc("filter", "show", *IN).out
