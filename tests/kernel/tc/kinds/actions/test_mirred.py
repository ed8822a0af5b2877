"""The mirred action with real packets, on kernels that have no other action, too."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.network import Network
from tests.processes import must
from tests.waiting import until

pytestmark = pytest.mark.kernel

_ICMP_ONLY = "4,48 0 0 23,21 0 1 1,6 0 0 4294967295,6 0 0 0"


@pytest.fixture
def more(network: Network) -> Iterator[Network]:
    """With the pairs side1 and end1, side2 and end2, for copies; nothing else sends there."""
    must("ip", "netns", "exec", network.name, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    for number in "12":
        must("ip", "-n", network.name, "link", "add", f"side{number}", "type", "veth", "peer", "name", f"end{number}")
        for device in (f"side{number}", f"end{number}"):
            must("ip", "-n", network.name, "link", "set", device, "up")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    yield network


def received(network: Network, device: str) -> int:
    """Packets."""
    [link] = json.loads(must("ip", "-n", network.name, "-j", "-s", "link", "show", "dev", device))
    number = link["stats64"]["rx"]["packets"]
    assert isinstance(number, int)
    return number


def add(network: Network, hook: str, words: str, device: str = "em1") -> None:
    """A filter for pings. The byte that is 1 in them can be 1 in the hardware address that ARP sends, too."""
    program = ("protocol", "ip", "bpf", "bytecode", _ICMP_ONLY)
    network.ok("filter", "add", "dev", device, hook, *program, "action", *words.split())


def test_copies_go_out_of_another_device(more: Network) -> None:
    add(more, "egress", "mirred egress mirror dev side1")
    assert more.ping(count=5)
    assert received(more, "end1") == 5
    [*_, shown] = more.json("filter", "show", "dev", "em1", "egress", options=("-s",))
    [action] = shown["options"]["actions"]
    assert (action["mirred_action"], action["direction"], action["to_dev"]) == ("mirror", "egress", "side1")
    assert action["stats"]["packets"] == 5


def test_copies_come_in_at_another_device(more: Network) -> None:
    """From where its own filter sends them on."""
    more.ok("qdisc", "add", "dev", "side1", "clsact")
    add(more, "ingress", "mirred egress redirect dev side2", device="side1")
    add(more, "ingress", "mirred ingress mirror dev side1")
    assert more.ping(count=5)
    assert (received(more, "end1"), received(more, "end2")) == (0, 5)


def test_what_is_redirected_goes_no_further(more: Network) -> None:
    add(more, "egress", "mirred egress redirect dev side2")
    assert not more.ping(count=3)
    assert received(more, "end2") == 3


def test_a_control_behind_a_copy(more: Network) -> None:
    add(more, "ingress", "mirred egress mirror dev side1 drop")
    assert not more.ping(count=2)
    assert received(more, "end1") == 2


def test_several_filters_share_an_action_by_its_index(more: Network) -> None:
    more.ok("actions", "add", "action", "mirred", "egress", "mirror", "dev", "side1", "index", "7")
    for hook in ("ingress", "egress"):
        add(more, hook, "mirred index 7")
    assert more.ping(count=4)
    assert received(more, "end1") == 8
    assert more.pytc("actions", "del", "action", "mirred", "index", "7").status == 255
    more.ok("filter", "del", "dev", "em1", "ingress")
    more.ok("filter", "del", "dev", "em1", "egress")
    # The kernel gives back the filters' references when no packet can use them any more.
    shown = ("actions", "get", "action", "mirred", "index", "7")
    until(lambda: " ref 1 " in more.ok(*shown), "filters that are gone")
    more.ok("actions", "del", "action", "mirred", "index", "7")
    assert more.json("actions", "ls", "action", "mirred") == []


@pytest.mark.needs("mirred_blocks")
def test_a_block_of_devices(more: Network) -> None:
    for device in ("side1", "side2"):
        more.ok("qdisc", "add", "dev", device, "egress_block", "22", "clsact")
    add(more, "egress", "mirred egress mirror blockid 22")
    assert more.ping(count=3)
    assert (received(more, "end1"), received(more, "end2")) == (3, 3)
    [*_, shown] = more.json("filter", "show", "dev", "em1", "egress")
    assert shown["options"]["actions"][0]["to_blockid"] == 22
    assert "(Egress Mirror to blockid 22) pipe\n" in more.ok("filter", "show", "dev", "em1", "egress")


@pytest.mark.needs("!mirred_blocks")
@pytest.mark.parametrize("place", ["actions add", "filter add dev em1 egress matchall"])
def test_a_block_of_devices_before_linux_6_8(more: Network, place: str) -> None:
    refused = more.pytc(*place.split(), *"action mirred egress mirror blockid 22".split())
    assert refused.status != 0
    assert "Specified device does not exist" in refused.err
    assert 'Hint: "blockid" came with Linux 6.8, and this is ' in refused.err


def test_a_device_that_is_gone(more: Network) -> None:
    add(more, "egress", "mirred egress mirror dev side1")
    must("ip", "-n", more.name, "link", "del", "side1")
    assert more.ok("filter", "show", "dev", "em1", "egress") == more.tc("filter", "show", "dev", "em1", "egress").out
    assert "(Egress Mirror to device *) pipe\n" in more.ok("filter", "show", "dev", "em1", "egress")
