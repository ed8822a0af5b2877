"""``pytc hooks``: the order that it shows is the one in which packets meet programs and filters."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Parameters, load, parameterise, read_object, select_program
from pytc.bpf.sys.attach_points import AttachPoint
from pytc.bpf.sys.constants import attach_type_number
from pytc.bpf.sys.links import Link
from pytc.netlink.namespaces import namespace
from tests.conftest import Compiler
from tests.kernel.ways import attach, ways
from tests.needs import missing
from tests.network import Network
from tests.processes import run

pytestmark = pytest.mark.kernel

XDP = attach_type_number("xdp")
SKB_MODE, DRV_MODE = 1 << 1, 1 << 2


def hooks(network: Network, device: str = "em1") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = network.json("hooks", "dev", device)
    return found


def place(one: dict[str, Any]) -> tuple[str, str]:
    point = next((name for name in ("ingress", "egress") if name in one), one.get("parent", ""))
    return one["kind"], one.get("hook") or point


def program_of(one: dict[str, Any]) -> int:
    number: int = (one.get("prog") or one["options"]["prog"])["id"]
    return number


@contextmanager
def xdp(network: Network, path: str, mode: int, verdict: int = 2) -> Iterator[Link]:
    """An XDP program at em1, held by a link."""
    spec = parameterise(read_object(path), Parameters({"verdict": verdict}))
    with (
        load(spec, select_program(spec, section="xdp")) as loaded,
        namespace(network.name),
        Link.create(AttachPoint(socket.if_nametoindex("em1"), XDP), loaded.program.fd, flags=mode) as link,
    ):
        yield link


def test_they_are_shown_in_the_order_in_which_packets_meet_them(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb", "default", "7")
    for parent in (("parent", "1:"), ("egress",), ("ingress",)):
        network.ok("filter", "add", "dev", "em1", *parent, "bpf", "obj", tcx, "sec", "tcx/ingress")
    for hook in ("egress", "ingress"):
        attach(network, tcx, 1, hook=("dev", "em1", hook))
    assert list(map(place, hooks(network))) == [
        ("tcx", "ingress"),
        ("bpf", "ingress"),
        ("tcx", "egress"),
        ("bpf", "egress"),
        ("bpf", "1:"),
    ]
    lines = network.ok("hooks", "dev", "em1").splitlines()
    assert len(lines) == 5 and all(re.search(r"\bid \d+ name in tag ", line) for line in lines)


@pytest.mark.parametrize(("mode", "called"), [(SKB_MODE, "generic"), (DRV_MODE, "native")])
def test_xdp_comes_first(network: Network, tcx: str, build: Compiler, mode: int, called: str) -> None:
    attach(network, tcx, 1)
    program = program_of(hooks(network)[0])
    path = build("xdp_verdict")
    with xdp(network, path, mode) as link:
        first, second = hooks(network)
        assert (first["kind"], first["mode"], first["hook"], first["dev"]) == ("xdp", called, "ingress", "em1")
        assert (first["link"], first["prog"]["id"]) == (link.description.id, link.description.program)
        assert (second["kind"], second["hook"]) == ("tcx", "ingress")
        assert network.ping(peer=True) and ways(program) == {0: 1}
    with xdp(network, path, mode, verdict=1):
        assert not network.ping(peer=True)
        assert ways(program) == {0: 1}, "what XDP drops comes to no tcx"
        assert re.match(
            rf"xdp dev em1 ingress {called} link \d+ id \d+ name all tag \w+ ", network.ok("hooks", "dev", "em1")
        )
    assert [one["kind"] for one in hooks(network)] == ["tcx"]


def test_xdp_without_a_link_is_what_ip_shows(network: Network, build: Compiler, bpffs: Path) -> None:
    spec = read_object(build("xdp_verdict"))
    with load(spec, select_program(spec, section="xdp")) as loaded:
        loaded.program.pin(str(bpffs / "all"))
    assert network.execute("ip", "link", "set", "em1", "xdpgeneric", "pinned", str(bpffs / "all")).status == 0
    theirs = json.loads(run("ip", "-n", network.name, "-j", "link", "show", "em1").out)[0]["xdp"]
    (only,) = hooks(network)
    assert (only["mode"], only["prog"]["id"]) == ("generic", theirs["prog"]["id"]) and "link" not in only


def test_shared_blocks_stand_where_the_qdisc_uses_them(network: Network, tcx: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "ingress_block", "7", "egress_block", "8", "clsact")
    for block, digit in (("7", 1), ("8", 2)):
        network.ok(
            "filter", "add", "block", block, "bpf", "da", "obj", tcx, "sec", "tcx/ingress", "set", f"digit={digit}"
        )
    attach(network, tcx, 3, hook=("dev", "em1", "egress"))
    found = hooks(network)
    assert [(*place(one), one.get("block"), one["dev"]) for one in found] == [
        ("bpf", "ingress", 7, "em1"),
        ("tcx", "egress", None, "em1"),
        ("bpf", "egress", 8, "em1"),
    ]
    assert "filter dev em1 ingress block 7 " in network.ok("hooks", "dev", "em1")
    assert network.ping()
    assert [ways(program_of(one)) for one in found] == [{0: 1}, {0: 1}, {3: 1}]


def test_filters_of_classes_follow_those_of_their_qdisc(network: Network, tcx: str) -> None:
    """A packet goes from the root's filter to the class that this names, on by that class's filter, and ends at a
    leaf, whose filters nobody asks. Behind the leaf is the qdisc in it."""
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb", "default", "9")
    for classid, parent in (("1:1", "1:"), ("1:2", "1:1"), ("1:7", "1:2"), ("1:9", "1:")):
        network.ok("class", "add", "dev", "em1", "parent", parent, "classid", classid, "htb", "rate", "1gbit")
    network.ok("qdisc", "add", "dev", "em1", "parent", "1:7", "handle", "7:", "htb")
    for digit, (parent, flowid) in enumerate(
        (("7:", "7:1"), ("1:7", "1:7"), ("1:2", "1:7"), ("1:1", "1:2"), ("1:", "1:1")), 1
    ):
        network.ok(
            "filter",
            "add",
            "dev",
            "em1",
            "parent",
            parent,
            "bpf",
            "flowid",
            flowid,
            "obj",
            tcx,
            "sec",
            "tcx/ingress",
            "set",
            f"digit={digit}",
        )
    assert network.ping()
    found = hooks(network)
    assert [one["parent"] for one in found] == ["1:", "1:1", "1:2", "7:"]
    assert [ways(program_of(one)) for one in found] == [{0: 1}, {5: 1}, {54: 1}, {543: 1}]


@pytest.mark.alone
def test_runs_are_shown_when_the_kernel_counts_them(network: Network, tcx: str, build: Compiler) -> None:
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", tcx, "sec", "tcx/ingress")
    attach(network, tcx, 1)
    with xdp(network, build("xdp_verdict"), SKB_MODE):
        try:
            switch.write_text("1")
            assert network.ping(count=3, peer=True)
        finally:
            switch.write_text(before)
        found = hooks(network)
    counted = [one if "run_cnt" in one else one["options"] for one in found]
    assert [one["kind"] for one in found] == ["xdp", "tcx", "bpf"]
    shortest = 0 if missing(("run_times",)) else 1
    assert all(one["run_cnt"] >= 3 and one["run_time_ns"] >= shortest for one in counted)


def test_the_answer_of_an_old_kernel_has_one_program_and_its_mode() -> None:
    from pytc.netlink.schema import join_attributes
    from pytc.netlink.xdp import XdpProgram, parse_link

    def link(*attributes: tuple[int, bytes]) -> bytes:
        return bytes(32) + join_attributes([(43, join_attributes(attributes))])

    assert parse_link(link((2, b"\2"), (4, struct.pack("=I", 77)))) == [XdpProgram("generic", 77)]
    assert parse_link(
        link((2, b"\4"), (4, struct.pack("=I", 0)), (6, struct.pack("=I", 5)), (7, struct.pack("=I", 6)))
    ) == [XdpProgram("offload", 6), XdpProgram("generic", 5)]
    assert parse_link(link((2, b"\0"))) == [] == parse_link(bytes(32))
