"""``pytc tcx`` and ``pytc hooks``: the order is proved by packets, which carry the way they came in their mark."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Map, MapSpec, MapType, Program
from pytc.bpf.info import program_map_ids
from pytc.bpf.maps import create_map
from tests.conftest import Compiler, Network, cannot, pins, run
from tests.kernel.bpf.support import word

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")
PACKETS = 100_000
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent = 0
while sent < int(sys.argv[2]):
    try:
        s.sendto(b"x", (sys.argv[1], 9))
        sent += 1
    except OSError:
        pass
"""


@pytest.fixture
def tcx(network: Network, build: Compiler) -> str:
    """The object; em1 has an address of its peer, so that pings are IPv4 and nothing else."""
    for name, device in ((network.name, "em1"), (network.peer, "em2")):
        run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
    assert network.ping()
    return build("tcx")


def attach(network: Network, path: str, digit: int, *words: str, verdict: int = -1, hook: tuple[str, ...] = IN) -> str:
    """What is said on stderr."""
    done = network.pytc("tcx", "attach", *hook, *words, "obj", path, "section", "tcx/ingress",
                        "set", f"digit={digit}", "set", f"verdict={verdict}")
    assert done.status == 0, done.err
    return done.err


def shown(network: Network, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(network.ok("tcx", "show", *(words or IN), options=("-j", "-d")))
    return found


def ways(program: int) -> dict[int, int]:
    """Packets that a program has seen, by the mark that they had by then."""
    with Program.from_id(program) as found:
        for number in program_map_ids(found.fd):
            with Map.from_id(number) as one:
                if one.name == "ways":
                    return {int.from_bytes(key, "little"): int.from_bytes(value, "little")
                            for key, value in one.items()}
    raise AssertionError("no map")


def test_programs_run_in_the_order_that_is_asked_for(network: Network, tcx: str) -> None:
    attach(network, tcx, 1)
    attach(network, tcx, 2, "last")
    first = shown(network)[0]["prog"]["id"]
    attach(network, tcx, 3, "first", "link", "m:three")
    attach(network, tcx, 4, "before", "id", str(first))
    attach(network, tcx, 5, "after", "link", "m:three")
    attach(network, tcx, 6, "before", "pinned", "m:three")
    attach(network, tcx, 7, "after", "id", str(first), "revision", str(shown(network)[0]["revision"]))
    assert network.ping(peer=True)
    ids = [one["prog"]["id"] for one in shown(network)]
    assert [ways(number) for number in ids] == [{0: 1}, {6: 1}, {63: 1}, {635: 1}, {6354: 1}, {63541: 1}, {635417: 1}]
    assert [one["order"] for one in shown(network)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_verdict_hides_a_classic_filter_and_the_command_says_so(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", *IN, "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    classic = shown(network)[0]["options"]["prog"]["id"]
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1}
    warning = attach(network, tcx, 1, verdict=0)
    assert "Warning: em1 has 1 filter of clsact at ingress" in warning
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1}, "TCX_PASS keeps packets from clsact"
    new = shown(network)[0]["prog"]["id"]
    network.ok("tcx", "replace", *IN, "old", "id", str(new), "obj", tcx, "sec", "tcx/ingress", "set", "digit=9")
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1, 9: 1}, "TCX_NEXT does not"


def test_what_only_goes_on_hides_nothing(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    done = network.pytc("tcx", "attach", "dev", "em1", "egress", "obj", tcx)
    assert (done.status, done.err) == (0, "")
    assert [one.get("kind") for one in shown(network, "dev", "em1")] == ["tcx", "bpf"]


@pytest.mark.parametrize("by_link", [False, True])
def test_replacement_loses_and_doubles_no_packet(network: Network, tcx: str, bpffs: Path, by_link: bool) -> None:
    """Each of two kinds of programs counts in its own map; together they count each packet once."""
    hook = ("dev", "em1", "egress")
    with create_map(MapSpec("ways", MapType.HASH, 4, 8, 64), "ways") as old, \
            create_map(MapSpec("ways", MapType.HASH, 4, 8, 64), "ways") as new:
        for one, name in ((old, "old"), (new, "new")):
            one.pin(str(bpffs / name))
        words = ("obj", tcx, "sec", "tcx/ingress", "map", "ways", "pinned")
        network.ok("tcx", "attach", *hook, *(("link", str(bpffs / "link")) if by_link else ()), *words,
                   str(bpffs / "old"))
        sender = subprocess.Popen(["ip", "netns", "exec", network.name, sys.executable, "-c", SEND, "10.9.0.2",
                                   str(PACKETS)])
        replaced = 0
        while sender.poll() is None:
            network.ok("tcx", "replace", *hook, *words, str(bpffs / ("old" if replaced % 2 else "new")))
            replaced += 1
        assert sender.returncode == 0
        counts = [int.from_bytes(one.get(word(0)) or b"", "little") for one in (old, new)]
    assert replaced > 1 and all(counts), counts
    assert sum(counts) == PACKETS
    assert bool(shown(network, *hook)[0].get("link")) is by_link


class TestDetach:
    def test_takes_one_away(self, network: Network, tcx: str, bpffs: Path) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2, "link", "m:two")
        first, second = shown(network)
        assert second["pinned"] == [str(bpffs / "tc/two")]
        network.ok("tcx", "detach", *IN, "id", str(first["prog"]["id"]))
        assert [one["link"] for one in shown(network)] == [second["link"]]
        network.ok("tcx", "detach", *IN, "link", "m:two")
        assert shown(network) == [] and "tc/two" not in pins(bpffs)

    def test_all_leaves_nothing(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2, "link", "m:two")
        before = shown(network)[0]["revision"]
        assert "revision" in network.pytc("tcx", "detach", *IN, "all", "revision", str(before)).err
        network.ok("tcx", "detach", *IN, "all")
        assert shown(network) == []

    def test_a_link_ends_with_its_pin(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1, "link", "m:one")
        network.ok("link", "unpin", "m:one")
        assert shown(network) == []


class TestErrors:
    @pytest.mark.parametrize(("words", "said"), [
        (("attach", *IN, "before", "id", "4294967295"), "no program at em1 ingress with id 4294967295"),
        (("attach", *IN, "after", "name", "in"), "2 programs at em1 ingress with name in"),
        (("attach", *IN, "after", "link", "/nowhere"), '"/nowhere" is not the pin'),
        (("attach", *IN, "revision", "77"), "has changed meanwhile: its revision is 3, not 77"),
        (("attach", *IN, "link", "/tmp/pytc-no-bpffs"), "a pin has to be in a bpffs"),
        (("replace", *IN), "em1 ingress has 2 programs; say which is replaced"),
        (("replace", *IN, "revision", "77", "old", "id", "FIRST"), "its revision is 3, not 77"),
        (("attach", "dev", "em1", "primary"), "netkit"),
        (("attach", "dev", "nothing", "ingress"), 'Cannot find device "nothing"'),
    ])
    def test_leave_everything_as_it_was(self, network: Network, tcx: str, bpffs: Path, words: tuple[str, ...],
                                        said: str) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2)
        before, pinned = shown(network), pins(bpffs)
        words = tuple(str(before[0]["prog"]["id"]) if one == "FIRST" else one for one in words)
        done = network.pytc("tcx", *words, "obj", tcx, "sec", "tcx/ingress")
        assert said in done.err and done.status in (1, 2) and "Traceback" not in done.err
        assert shown(network) == before and pins(bpffs) == pinned

    def test_a_path_that_is_taken(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1, "link", "m:one")
        done = network.pytc("tcx", "attach", *IN, "link", "m:one", "obj", tcx)
        assert (done.status, done.err) == (1, '"m:one" exists already\n')

    def test_the_same_program_twice(self, network: Network, tcx: str, bpffs: Path) -> None:
        attach(network, tcx, 1)
        with Program.from_id(shown(network)[0]["prog"]["id"]) as program:
            program.pin(str(bpffs / "program"))
        done = network.pytc("tcx", "attach", *IN, "pinned", str(bpffs / "program"))
        assert (done.status, done.err) == (2, "em1 ingress: this program is attached there already\n")


def test_maps_are_exported_or_nothing_is_attached(network: Network, tcx: str) -> None:
    done = network.pytc("tcx", "attach", *IN, "obj", tcx, "export", "/nowhere")
    assert done.status == 1 and "nowhere" in done.err
    assert shown(network) == []


def test_hooks_are_shown_in_the_order_in_which_packets_meet_them(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb", "default", "7")
    for parent in (("parent", "1:"), ("egress",), ("ingress",)):
        network.ok("filter", "add", "dev", "em1", *parent, "bpf", "obj", tcx, "sec", "tcx/ingress")
    for hook in ("egress", "ingress"):
        attach(network, tcx, 1, hook=("dev", "em1", hook))
    found = json.loads(network.ok("hooks", "dev", "em1", options=("-j",)))
    assert [(one["kind"], one.get("hook") or ("ingress" if "ingress" in one else "egress" if "egress" in one else
                                              one.get("parent"))) for one in found] == [
        ("tcx", "ingress"), ("bpf", "ingress"), ("tcx", "egress"), ("bpf", "egress"), ("bpf", "1:")]
    lines = network.ok("hooks", "dev", "em1").splitlines()
    assert len(lines) == 5 and all(re.search(r"\bid \d+ name in tag ", line) for line in lines)


def test_runs_are_shown_when_the_kernel_counts_them(network: Network, tcx: str) -> None:
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    attach(network, tcx, 1)
    try:
        switch.write_text("1")
        assert network.ping(count=3, peer=True)
    finally:
        switch.write_text(before)
    one = json.loads(network.ok("hooks", "dev", "em1", options=("-j",)))[0]
    assert one["run_cnt"] >= 3 and one["run_time_ns"] > 0


def test_equals_what_bpftool_tells(network: Network, tcx: str) -> None:
    """bpftool of Debian 12 knows nothing of tcx; it shows the filters, and newer ones all."""
    if shutil.which("bpftool") is None:
        cannot("bpftool is not installed")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", *IN, "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    attach(network, tcx, 1)
    theirs = json.loads(network.execute("bpftool", "-j", "net", "show", "dev", "em1").out)[0]["tc"]
    ours = shown(network)
    names = [one["options"]["bpf_name"] for one in ours if one["kind"] == "bpf"]
    assert [one["name"] for one in theirs if one["kind"].startswith("clsact")] == names
    if any(one["kind"].startswith("tcx") for one in theirs):
        assert [one["prog_id"] for one in theirs if one["kind"].startswith("tcx")] == [
            one["prog"]["id"] for one in ours if one["kind"] == "tcx"]
