"""The main job on the real kernel: attach, with packets that show what the program does."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytc.bpf import Map, ProgramType, load, read_object, select_program
from pytc.errors import BpfError
from tests.conftest import EXAMPLES, Compiler, pins
from tests.network import Network

pytestmark = pytest.mark.kernel


@pytest.fixture
def htb(network: Network) -> Network:
    for words in (
        "qdisc add dev em1 root handle 1: htb default 30",
        "class add dev em1 parent 1: classid 1:10 htb rate 10mbit",
        "class add dev em1 parent 1: classid 1:20 htb rate 20mbit",
        "class add dev em1 parent 1: classid 1:30 htb rate 30mbit",
    ):
        assert network.tc(*words.split()).status == 0
    return network


def class_packets(network: Network) -> dict[str, int]:
    """Packets that each htb class has sent, as the real tc says."""
    lines = network.tc("-s", "class", "show", "dev", "em1").out.splitlines()
    counts, name = {}, ""
    for line in lines:
        words = line.split()
        if words[:2] == ["class", "htb"]:
            name = words[2]
        elif words[:1] == ["Sent"]:
            counts[name] = int(words[3])
    return counts


@pytest.mark.parametrize(
    "words",
    [
        "filter add dev em1 egress bpf da obj {obj} sec classifier",
        "filter add dev em1 egress bpf object-file {obj} section classifier direct-action",
        "filter add dev em1 egress bpf run obj {obj} da",
        "f a dev em1 egress bpf o {obj} s classifier d",
        "filter add dev em1 egress bpf {obj} da",
        "filter replace dev em1 egress pref 1 handle 1 bpf da obj {obj}",
        "filter add dev em1 egress prio 7 protocol all chain 0 bpf da obj {obj} program count_protocols verbose",
    ],
)
def test_a_modern_object_counts_real_packets(clsact: Network, words: str, bpffs: Path) -> None:
    clsact.ok(*words.format(obj=EXAMPLES / "traffic.o").split())
    assert clsact.ping(count=3)
    record = clsact.json("filter", "show", "dev", "em1", "egress")[-1]
    counters = counters_of(record["options"]["prog"]["id"], "protocols")
    packets, size = struct.unpack("=QQ", counters[struct.pack("=I", 1)])
    assert packets == 3
    assert size == 3 * 84  # as traffic.c counts: from the IP header on


def counters_of(program_id: int, map_name: str) -> dict[bytes, bytes]:
    """The elements of a map that an attached program uses."""
    from pytc.bpf.sys.info import program_by_id, program_map_ids

    with program_by_id(program_id) as descriptor:
        ids = program_map_ids(descriptor.fd)
    for number in ids:
        with Map.from_id(number) as found:
            if found.description.name == map_name:
                return dict(found.items())
    raise AssertionError(f"no map {map_name}")


def test_a_legacy_object_with_a_pinned_map_counts_marked_packets(htb: Network, bpffs: Path) -> None:
    htb.ok("filter", "add", "dev", "em1", "parent", "1:", "bpf", "obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls")
    assert htb.ping(count=2, mark=5)
    with Map.from_pin(str(bpffs / "tc/globals/map_stats")) as stats:
        assert struct.unpack("=QQ", stats[struct.pack("=I", 5)])[0] == 2
        assert struct.unpack("=QQ", stats[struct.pack("=I", 6)])[0] == 0


def test_return_codes_choose_the_class(htb: Network) -> None:
    htb.ok("filter", "add", "dev", "em1", "parent", "1:", "bpf", "obj", str(EXAMPLES / "shaper.o"), "flowid", "1:30")
    before = class_packets(htb)
    assert htb.ping(count=4)
    for _ in range(3):
        htb.execute(
            "python3",
            "-c",
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('10.9.0.2', 9))",
        )
    after = class_packets(htb)
    assert after["1:20"] - before["1:20"] == 4  # ICMP
    assert after["1:10"] - before["1:10"] == 3  # UDP


def test_the_default_flowid_is_used_for_minus_one(htb: Network) -> None:
    htb.ok("filter", "add", "dev", "em1", "parent", "1:", "bpf", "bytecode", "1,6 0 0 4294967295,", "flowid", "1:10")
    before = class_packets(htb)
    assert htb.ping(count=5)
    assert class_packets(htb)["1:10"] - before["1:10"] >= 5


def test_a_verdict_drops_the_ping_and_its_removal_lets_it_through(clsact: Network) -> None:
    assert clsact.ping()
    clsact.ok(
        "filter",
        "add",
        "dev",
        "em1",
        "ingress",
        "pref",
        "5",
        "handle",
        "3",
        "protocol",
        "ip",
        "bpf",
        "da",
        "obj",
        str(EXAMPLES / "traffic.o"),
        "sec",
        "drop",
    )
    assert not clsact.ping(peer=True), "echo requests that come in are dropped"
    clsact.ok("filter", "del", "dev", "em1", "ingress", "pref", "5", "handle", "3", "protocol", "ip", "bpf")
    assert clsact.ping(peer=True)


def test_replace_swaps_the_program_in_place(clsact: Network, build: Compiler) -> None:
    words = ("filter", "replace", "dev", "em1", "ingress", "pref", "1", "handle", "1", "bpf", "da", "obj")
    clsact.ok(*words, build("drop"))
    assert not clsact.ping(peer=True)
    clsact.ok(*words, str(EXAMPLES / "traffic.o"))
    assert clsact.ping(peer=True)
    assert clsact.ok("filter", "show", "dev", "em1", "ingress").count("handle") == 1


def test_change_needs_a_filter_that_is_there(clsact: Network, build: Compiler) -> None:
    words = (
        "filter",
        "change",
        "dev",
        "em1",
        "ingress",
        "pref",
        "1",
        "handle",
        "1",
        "protocol",
        "all",
        "bpf",
        "da",
        "obj",
    )
    missing = clsact.pytc(*words, build("drop"))
    assert missing.status == 2
    assert "We have an error talking to the kernel" in missing.err
    clsact.ok("filter", "add", *words[2:], str(EXAMPLES / "traffic.o"))
    clsact.ok(*words, build("drop"))
    assert not clsact.ping(peer=True)


def test_a_pinned_program_is_attached_by_path_and_by_short_name(clsact: Network, bpffs: Path, build: Compiler) -> None:
    from pytc.bpf import PinRoot, ProgramType, load, read_object, select_program

    spec = read_object(build("drop"))
    (bpffs / "tc").mkdir()
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs))) as loaded:
        loaded.program.pin(str(bpffs / "tc" / "dropper"))
    for mode, path in (("object-pinned", str(bpffs / "tc/dropper")), ("pinned", "m:dropper"), ("fd", "m:dropper")):
        clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", mode, path)
        assert not clsact.ping(peer=True)
        assert "dropper:[*fsobj]" in clsact.ok("filter", "show", "dev", "em1", "ingress")
        clsact.ok("filter", "del", "dev", "em1", "ingress")


def test_bytecode_from_a_file(clsact: Network, tmp_path: Path) -> None:
    path = tmp_path / "drop-all"
    path.write_text("1,6 0 0 4294967295,\n")
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode-file", str(path), "flowid", "1:1")
    shown = clsact.ok("filter", "show", "dev", "em1", "ingress")
    assert "flowid 1:1 not_in_hw bytecode '1,6 0 0 4294967295'" in shown


def test_bytecode_that_the_kernel_refuses_is_refused_as_by_tc(clsact: Network) -> None:
    for bytecode in ("4,40 0 0 12,31 0 1 2048,6 0 0 262144,6 0 0 0", "2,40 0 0 12,21 0 9 2048"):
        done = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", bytecode)
        assert done.status == 2
        assert done.err.startswith("RTNETLINK answers: Invalid argument\nWe have an error talking to the kernel\n")


def test_a_filter_in_a_chain(clsact: Network, build: Compiler) -> None:
    clsact.ok("filter", "add", "dev", "em1", "ingress", "chain", "5", "bpf", "da", "obj", build("drop"))
    assert clsact.ping(peer=True), "nothing leads to chain 5"
    assert "chain 5" in clsact.ok("filter", "show", "dev", "em1", "ingress")
    assert "drop.o" in clsact.ok("filter", "show", "dev", "em1", "ingress", "chain", "5")
    assert "drop.o" not in clsact.ok("filter", "show", "dev", "em1", "ingress", "chain", "6")
    clsact.ok("filter", "del", "dev", "em1", "ingress", "chain", "5")
    assert not clsact.ok("filter", "show", "dev", "em1", "ingress")


def test_skip_hw_and_skip_sw(clsact: Network) -> None:
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", "1,6 0 0 0", "skip_hw")
    assert "skip_hw not_in_hw" in clsact.ok("filter", "show", "dev", "em1", "ingress")
    refused = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", "1,6 0 0 0", "skip_sw")
    assert refused.status == 2, "a veth device cannot run it in hardware"


def test_a_global_pin_is_shared_by_two_loads(clsact: Network, bpffs: Path) -> None:
    clsact.ok("filter", "add", "dev", "em1", "egress", "bpf", "obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls")
    with Map.from_pin(str(bpffs / "tc/globals/map_stats")) as stats:
        first = stats.description.id
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls")
    with Map.from_pin(str(bpffs / "tc/globals/map_stats")) as stats:
        assert stats.description.id == first
    assert pins(bpffs) == ["ip", "tc", "tc/globals", "tc/globals/map_stats", "xdp"]


def test_the_only_program_of_an_object_needs_no_section(clsact: Network, build: Compiler) -> None:
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("one_program"))
    assert "one_program.o:[mycls]" in clsact.ok("filter", "show", "dev", "em1", "ingress")


def test_programs_of_other_types_beside_it_are_not_loaded(clsact: Network, build: Compiler) -> None:
    """The kernel refuses one of them, and would refuse the object with it."""
    spec = read_object(build("other_types"))
    with pytest.raises(BpfError):
        load(spec, select_program(spec, program="broken"), type=ProgramType.KPROBE)
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("other_types"))
    assert "name cls_main" in clsact.ok("filter", "show", "dev", "em1", "ingress")


def test_verbose_prints_the_log_of_the_verifier(clsact: Network, build: Compiler) -> None:
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("drop"), "verbose")
    assert outcome.status == 0
    assert "processed" in outcome.err
    assert outcome.out == ""


def test_an_unpinned_program_array_is_remarked_upon(clsact: Network, build: Compiler) -> None:
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("legacy_tail"))
    assert outcome.status == 0
    assert 'program array "jmp" is not pinned' in outcome.err
