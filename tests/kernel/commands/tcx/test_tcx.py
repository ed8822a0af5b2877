"""``pytc tcx``: the order is proved by packets, which carry the way they came in their mark."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pytc.bpf import MapSpec, MapType, Program
from pytc.bpf.maps.map import create_map
from pytc.commands.dispatch import parse_words
from pytc.commands.dispatch import run as run_command
from pytc.commands.shared.context import Context
from pytc.netlink.namespaces import namespace
from tests.conftest import c_program, pins
from tests.faults import Fault, trace
from tests.kernel.bpf.support import word
from tests.kernel.ways import IN, attach, tcx_programs, ways
from tests.network import Network
from tests.processes import cannot

pytestmark = pytest.mark.kernel

PACKETS = 1_000_000


def test_programs_run_in_the_order_that_is_asked_for(network: Network, tcx: str) -> None:
    attach(network, tcx, 1)
    attach(network, tcx, 2, "last")
    first = tcx_programs(network)[0]["prog"]["id"]
    attach(network, tcx, 3, "first", "link", "m:three")
    attach(network, tcx, 4, "before", "id", str(first))
    attach(network, tcx, 5, "after", "link", "m:three")
    attach(network, tcx, 6, "before", "pinned", "m:three")
    attach(network, tcx, 7, "after", "id", str(first), "revision", str(tcx_programs(network)[0]["revision"]))
    assert network.ping(peer=True)
    ids = [one["prog"]["id"] for one in tcx_programs(network)]
    assert [ways(number) for number in ids] == [{0: 1}, {6: 1}, {63: 1}, {635: 1}, {6354: 1}, {63541: 1}, {635417: 1}]
    assert [one["order"] for one in tcx_programs(network)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_verdict_hides_a_classic_filter_and_the_command_says_so(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", *IN, "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    classic = tcx_programs(network)[0]["options"]["prog"]["id"]
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1}
    warning = attach(network, tcx, 1, verdict=0)
    assert "Warning: em1 has 1 filter of clsact at ingress" in warning
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1}, "TCX_PASS keeps packets from clsact"
    new = tcx_programs(network)[0]["prog"]["id"]
    network.ok("tcx", "replace", *IN, "old", "id", str(new), "obj", tcx, "sec", "tcx/ingress", "set", "digit=9")
    assert network.ping(peer=True)
    assert ways(classic) == {0: 1, 9: 1}, "TCX_NEXT does not"


def test_what_only_goes_on_hides_nothing(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    done = network.pytc("tcx", "attach", "dev", "em1", "egress", "obj", tcx)
    assert (done.status, done.err) == (0, "")
    assert [one.get("kind") for one in tcx_programs(network, "dev", "em1")] == ["tcx", "bpf"]


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> str:
    return c_program("sender", tmp_path_factory.mktemp("sender"))


@pytest.mark.parametrize("by_link", [False, True])
def test_replacement_loses_and_doubles_no_packet(
    network: Network, tcx: str, bpffs: Path, sender: str, by_link: bool
) -> None:
    """Each of two kinds of programs counts in its own map; together they count each packet once."""
    hook = ("dev", "lo", "egress")  # lo takes every packet, so that what is sent is what the hook has met
    words = ("obj", tcx, "sec", "tcx/ingress", "map", "ways", "pinned")
    with (
        create_map(MapSpec("ways", MapType.HASH, 4, 8, 64), "ways") as old,
        create_map(MapSpec("ways", MapType.HASH, 4, 8, 64), "ways") as new,
    ):
        for one, name in ((old, "old"), (new, "new")):
            one.pin(str(bpffs / name))
        network.ok(
            "tcx", "attach", *hook, *(("link", str(bpffs / "link")) if by_link else ()), *words, str(bpffs / "old")
        )
        before = tcx_programs(network, *hook)[0]
        with (
            subprocess.Popen(
                ["ip", "netns", "exec", network.name, sender, "lo", str(PACKETS)], text=True, stdout=subprocess.PIPE
            ) as process,
            namespace(network.name),
        ):
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            replaced = 0
            while process.poll() is None:
                replace(*hook, *words, str(bpffs / ("old" if replaced % 2 else "new")))
                replaced += 1
            assert (process.returncode, process.stdout.read()) == (0, f"{PACKETS}\n")
        counts = [int.from_bytes(one.get(word(0)) or b"", "little") for one in (old, new)]
    assert sum(counts) == PACKETS
    assert replaced >= 2 and all(counts), (replaced, counts)  # hundreds, but for a machine that has more to do
    after = tcx_programs(network, *hook)[0]
    assert after.get("link") == before.get("link") and bool(after.get("link")) is by_link
    assert after["prog"]["id"] != before["prog"]["id"]


def replace(*words: str) -> None:
    """``pytc tcx replace`` in this process: as a command of its own, it would come to a few in a million packets."""
    with Context() as context:
        run_command(context, parse_words(["tcx", "replace", *words]))


class TestDetach:
    def test_takes_one_away(self, network: Network, tcx: str, bpffs: Path) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2, "link", "m:two")
        first, second = tcx_programs(network)
        assert second["pinned"] == [str(bpffs / "tc/two")]
        network.ok("tcx", "detach", *IN, "id", str(first["prog"]["id"]))
        assert [one["link"] for one in tcx_programs(network)] == [second["link"]]
        network.ok("tcx", "detach", *IN, "link", "m:two")
        assert tcx_programs(network) == [] and "tc/two" not in pins(bpffs)

    def test_all_leaves_nothing(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2, "link", "m:two")
        before = tcx_programs(network)[0]["revision"]
        assert "revision" in network.pytc("tcx", "detach", *IN, "all", "revision", str(before)).err
        network.ok("tcx", "detach", *IN, "all")
        assert tcx_programs(network) == []

    def test_a_link_ends_with_its_pin(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1, "link", "m:one")
        network.ok("link", "unpin", "m:one")
        assert tcx_programs(network) == []


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("attach", *IN, "before", "id", "4294967295"), "no program at em1 ingress with id 4294967295"),
            (("attach", *IN, "after", "name", "in"), "2 programs at em1 ingress with name in"),
            (("attach", *IN, "after", "link", "/nowhere"), '"/nowhere" is not the pin'),
            (("attach", *IN, "revision", "77"), "has changed meanwhile: its revision is 3, not 77"),
            (("attach", *IN, "link", "/tmp/pytc-no-bpffs"), "a pin must be in a bpffs"),
            (("replace", *IN), "em1 ingress has 2 programs; say which is replaced"),
            (("replace", *IN, "revision", "77", "old", "id", "FIRST"), "its revision is 3, not 77"),
            (("attach", "dev", "em1", "primary"), "netkit"),
            (("attach", "dev", "nothing", "ingress"), 'Cannot find device "nothing"'),
        ],
    )
    def test_leave_everything_as_it_was(
        self, network: Network, tcx: str, bpffs: Path, words: tuple[str, ...], said: str
    ) -> None:
        attach(network, tcx, 1)
        attach(network, tcx, 2)
        before, pinned = tcx_programs(network), pins(bpffs)
        words = tuple(str(before[0]["prog"]["id"]) if one == "FIRST" else one for one in words)
        done = network.pytc("tcx", *words, "obj", tcx, "sec", "tcx/ingress")
        assert said in done.err and done.status in (1, 2) and "Traceback" not in done.err
        assert tcx_programs(network) == before and pins(bpffs) == pinned

    def test_a_path_that_is_taken(self, network: Network, tcx: str) -> None:
        attach(network, tcx, 1, "link", "m:one")
        done = network.pytc("tcx", "attach", *IN, "link", "m:one", "obj", tcx)
        assert (done.status, done.err) == (1, '"m:one" already exists\n')

    def test_the_same_program_twice(self, network: Network, tcx: str, bpffs: Path) -> None:
        attach(network, tcx, 1)
        with Program.from_id(tcx_programs(network)[0]["prog"]["id"]) as program:
            program.pin(str(bpffs / "program"))
        done = network.pytc("tcx", "attach", *IN, "pinned", str(bpffs / "program"))
        assert (done.status, done.err) == (2, "em1 ingress: this program is attached there already\n")


def test_maps_are_exported_or_nothing_is_attached(network: Network, tcx: str) -> None:
    done = network.pytc("tcx", "attach", *IN, "obj", tcx, "export", "/nowhere")
    assert done.status == 1 and "nowhere" in done.err
    assert tcx_programs(network) == []


def test_equals_what_bpftool_tells(network: Network, tcx: str) -> None:
    """bpftool of Debian 12 knows nothing of tcx; it shows the filters, and newer ones all."""
    if shutil.which("bpftool") is None:
        cannot("bpftool is not installed")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", *IN, "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    attach(network, tcx, 1)
    theirs = json.loads(network.execute("bpftool", "-j", "net", "show", "dev", "em1").out)[0]["tc"]
    ours = tcx_programs(network)
    names = [one["options"]["bpf_name"] for one in ours if one["kind"] == "bpf"]
    assert [one["name"] for one in theirs if one["kind"].startswith("clsact")] == names
    if any(one["kind"].startswith("tcx") for one in theirs):
        assert [one["prog_id"] for one in theirs if one["kind"].startswith("tcx")] == [
            one["prog"]["id"] for one in ours if one["kind"] == "tcx"
        ]


def test_what_was_detached_before_an_error_is_said(network: Network, kernel_with_tcx: None) -> None:
    words = ["-n", network.name, *"tcx detach dev em1 ingress all".split()]

    def attach_two() -> None:
        for name in ("traffic", "firewall"):
            network.ok("tcx", "attach", "dev", "em1", "ingress", "obj", f"examples/bpf/{name}.o")

    attach_two()
    detaching = [call for call in trace(words, network.env).calls if call.arguments.startswith("BPF_PROG_DETACH")]
    attach_two()
    refused = trace(words, network.env, Fault(detaching[1], "error=ENOMEM")).outcome
    assert refused.status == 2
    assert refused.err.endswith("Hint: 1 of 2 programs have been detached before\n")
    assert len(tcx_programs(network)) == 1
