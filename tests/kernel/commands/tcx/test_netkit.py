"""``pytc tcx`` at netkit devices, which Linux has since 6.7 where it is built with CONFIG_NETKIT."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import pytc
from pytc.errors import AttachError
from tests.conftest import EXAMPLES, pins
from tests.network import Network

pytestmark = pytest.mark.kernel

TRAFFIC = ("obj", str(EXAMPLES / "traffic.o"))
#: Makes a pair, "kit" and the peer "nk0": iproute2 can only since 6.8. RTM_NEWLINK with IFLA_IFNAME and IFLA_LINKINFO.
MAKE = """
import socket, struct, sys
def attribute(type, data):
    return struct.pack("=HH", 4 + len(data), type) + data + bytes(-len(data) % 4)
body = bytes(16) + attribute(3, b"kit\\0") + attribute(18, attribute(1, b"netkit\\0"))
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as door:
    door.send(struct.pack("=IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
    sys.exit(-struct.unpack_from("=i", door.recv(4096), 16)[0])
"""


@pytest.fixture
def pair(network: Network) -> Network:
    """With a pair that packets can leave by."""
    made = network.execute(sys.executable, "-c", MAKE)
    if made.status:
        pytest.skip(f"this kernel makes no netkit device (errno {made.status})")
    for words in ("addr add 10.7.0.1/24 dev kit", "link set kit up", "link set nk0 up"):
        assert network.execute("ip", *words.split()).status == 0
    return network


def received(network: Network) -> int:
    """ICMP packets that the only program has counted."""
    counted = network.json("map", "dump", "name", "protocols")
    return sum(one["value"]["packets"] for one in counted if one["key"] == 1)


def netkit_programs(network: Network, *words: str) -> list[tuple[str, int, str]]:
    """(hook, order, name of the program) of each."""
    found = network.json("tcx", "show", "dev", "kit", *words)
    assert all(one["kind"] == "netkit" for one in found)
    return [(one["hook"], one["order"], one["prog"]["name"]) for one in found]


def test_programs_in_their_order(pair: Network, bpffs: Path) -> None:
    pair.ok("tcx", "attach", "dev", "kit", "primary", *TRAFFIC)
    pair.execute("ping", "-c", "3", "-i", "0.01", "-W", "1", "10.7.0.2")
    assert received(pair) == 3
    pair.ok("tcx", "attach", "dev", "kit", "primary", "first", *TRAFFIC, "sec", "drop")
    pair.ok("tcx", "attach", "dev", "kit", "peer", "link", "m:peer", *TRAFFIC)
    primary = [("primary", 1, "drop_icmp"), ("primary", 2, "count_protocols")]
    assert netkit_programs(pair) == [*primary, ("peer", 1, "count_protocols")]
    assert netkit_programs(pair, "primary") == primary
    assert pair.json("link", "show", "m:peer")[0]["type"] == "netkit"
    order = [line.split()[:5] for line in pair.ok("hooks", "dev", "kit").splitlines()]
    assert [words[0] for words in order] == ["netkit"] * 3

    [old] = [one["prog"]["id"] for one in pair.json("tcx", "show", "dev", "kit", "primary") if one["order"] == 1]
    pair.ok("tcx", "replace", "dev", "kit", "primary", "old", "id", str(old), *TRAFFIC)
    assert [name for _, _, name in netkit_programs(pair, "primary")] == ["count_protocols"] * 2
    pair.ok("tcx", "detach", "dev", "kit", "primary", "all")
    pair.ok("tcx", "detach", "dev", "kit", "peer", "link", "m:peer")
    assert netkit_programs(pair) == []
    assert "tc/peer" not in pins(bpffs)


def test_what_takes_no_programs(pair: Network) -> None:
    done = pair.pytc("tcx", "attach", "dev", "nk0", "peer", *TRAFFIC)
    assert (done.status, done.err) == (
        2,
        "nk0 is the peer of a netkit device; programs are attached by way of the primary one\n",
    )
    done = pair.pytc("tcx", "attach", "dev", "em1", "primary", *TRAFFIC)
    assert (done.status, done.err) == (2, "em1 is not a netkit device\n")


def test_from_python(pair: Network) -> None:
    with pytc.netns(pair.name), pytc.load(EXAMPLES / "traffic.o") as traffic:
        count, drop = traffic.programs.count_protocols, traffic.programs.drop_icmp
        with count.attach_netkit("kit") as first, drop.attach_netkit("kit", "peer", link=True) as second:
            assert [(one.kind, one.place) for one in pytc.hooks("kit")] == [
                ("netkit", "kit netkit primary"),
                ("netkit", "kit netkit peer"),
            ]
            assert (first.is_attached(), second.is_attached()) == (True, True)
            first.replace(drop)
            assert netkit_programs(pair, "primary") == [("primary", 1, "drop_icmp")]
        assert pytc.hooks("kit") == []
        with pytest.raises(AttachError, match="not a netkit device"):
            count.attach_netkit("em1")
