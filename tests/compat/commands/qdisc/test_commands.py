"""``qdisc`` and ``class`` where there is no tc to compare with: JSON of classes, help, rights, traffic, speeds, and
tables of delays. What tc does, too, is in tests/compat/lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import PYTC, must

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: One of each thing that can be shown.
STATE = [
    "qdisc add dev em1 root handle 1: htb default 30 r2q 20",
    "qdisc add dev em1 ingress_block 3 egress_block 4 clsact",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit",
    "class add dev em1 parent 1:1 classid 1:10 htb rate 1mbit ceil 5mbit burst 15k prio 3",
    "class add dev em1 parent 1:1 classid 1:30 htb rate 1mbit quantum 3000 mtu 2000 mpu 64 overhead 14",
    "class add dev em1 root classid 1:40 htb rate 50gbit ceil 100gbit linklayer atm",
    "class add dev em1 estimator 1s 2s parent 1: classid 1:50 htb rate 12345678bit burst 4m cburst 1023k",
    "qdisc add dev em1 parent 1:10 handle 10: htb",
    "qdisc add dev twin0 ingress",
    "qdisc add dev twin1 root noqueue",
]


@pytest.fixture
def twins(network: Network) -> Network:
    """``twin0`` and ``twin1``, alike and quiet."""
    must("ip", "-n", network.name, "link", "add", "twin0", "type", "veth", "peer", "name", "twin1")
    return network


@pytest.fixture
def shaped(twins: Network) -> Network:
    """All of STATE, made by the real tc, with some traffic."""
    for line in STATE:
        outcome = twins.tc(*line.split())
        assert outcome.status == 0, f"{line}: {outcome.err}"
    assert twins.ping(count=3)
    for _ in range(2):  # until no late packet of the devices' own changes the counters
        twins.execute("ip", "link", "set", "em1", "down")
    return twins


def test_classes_as_json(shaped: Network) -> None:
    """tc 6.1 has no JSON for classes; these are the members of later ones."""
    words = ("class", "show", "dev", "em1", "classid", "1:10")
    (brief,) = shaped.json(*words)
    assert brief == {
        "class": "htb",
        "handle": "1:10",
        "parent": "1:1",
        "leaf": "0x10",
        "prio": 3,
        "rate": 125000,
        "ceil": 625000,
        "burst": 15360,
        "cburst": 1600,
    }
    (whole,) = shaped.json(*words, options=("-s", "-d"))
    assert brief.items() <= whole.items()
    assert whole.keys() - brief.keys() == {
        "quantum",
        "linklayer",
        "burst_cell",
        "mpu_rate",
        "cburst_cell",
        "mpu_ceil",
        "level",
        "stats",
    }
    assert whole["stats"].keys() == {
        "bytes",
        "packets",
        "drops",
        "overlimits",
        "requeues",
        "backlog",
        "qlen",
        "lended",
        "borrowed",
        "giants",
        "tokens",
        "ctokens",
    }
    assert shaped.json("class", "show", "dev", "em1", "classid", "1:77", options=("-p",)) == []


@pytest.mark.parametrize(
    "line",
    [
        "qdisc help",
        "qdisc add help",
        "qdisc add dev em1 root htb help",
        "qdisc show help",
        "qdisc add dev em1 clsact help",
        "class help",
        "class add dev em1 help",
        "class add dev em1 classid 1:1 htb help",
        "class show h",
    ],
)
def test_help(network: Network, line: str) -> None:
    assert network.ok(*line.split()).startswith("Usage: ")


def test_without_rights(network: Network) -> None:
    """A process without CAP_NET_ADMIN sees everything and changes nothing."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    unprivileged = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534", "--clear-groups")
    pytc = (*unprivileged, *PYTC)
    shown = network.execute(*pytc, "qdisc", "show", "dev", "em1", "clsact")
    assert shown.out == "qdisc clsact ffff: parent ffff:fff1 \n", shown.err
    for line in ("qdisc del dev em1 clsact", "class add dev em1 classid 1:1 htb rate 1mbit"):
        refused = network.execute(*pytc, *line.split())
        assert refused.status == 2
        assert refused.err.splitlines()[0] == "RTNETLINK answers: Operation not permitted"
        assert "CAP_NET_ADMIN" in refused.err
    assert "clsact" in network.state()


def test_traffic_goes_through_a_class(network: Network) -> None:
    for line in (
        "qdisc add dev em1 root handle 1: htb default 10",
        "class add dev em1 parent 1: classid 1:10 htb rate 8mbit burst 10k",
    ):
        network.ok(*line.split())
    assert network.ping(count=5)
    (shown,) = network.json("class", "show", "dev", "em1", options=("-s",))
    assert shown["stats"]["packets"] >= 5
    assert shown["stats"]["lended"] >= 5
    assert shown["stats"]["tokens"] > 0


def test_a_tree_of_classes_as_json(twins: Network) -> None:
    """A tree has the records of a list, each class below its parent."""
    for line in (
        "qdisc add dev twin0 root handle 1: htb",
        "class add dev twin0 parent 1: classid 1:1 htb rate 10mbit",
        "class add dev twin0 parent 1:1 classid 1:10 htb rate 1mbit",
        "class add dev twin0 parent 1: classid 1:2 htb rate 2mbit",
    ):
        twins.ok(*line.split())
    words = ("class", "show", "dev", "twin0")
    tree, flat = (json.loads(twins.ok(*words, options=options)) for options in (("-g", "-j", "-s"), ("-j", "-s")))
    assert sorted(tree, key=json.dumps) == sorted(flat, key=json.dumps)
    assert len(flat) == 3


@pytest.mark.parametrize("options", [("-j",), ("-j", "-p"), ("-j", "-s", "-d"), ("-j", "-g", "-s")], ids=" ".join)
def test_json_of_none_one_and_many(twins: Network, options: tuple[str, ...]) -> None:
    for line in ("qdisc add dev twin0 root handle 1: tbf rate 1mbit burst 5k limit 9k", "qdisc add dev twin0 clsact"):
        twins.ok(*line.split())
    for line, number in (
        ("qdisc show handle 77:", 0),
        ("qdisc show dev twin0 root", 1),
        ("qdisc show dev twin0", 2),
        ("class show dev twin1", 0),
        ("class show dev twin0", 1),
    ):
        shown = json.loads(twins.ok(*line.split(), options=options))
        assert [isinstance(one, dict) for one in shown] == [True] * number, line
    assert len(json.loads(twins.ok("qdisc", options=options))) > 2


def test_a_percentage_needs_a_speed(twins: Network) -> None:
    """The speed is that of the device in the namespace, whatever /sys shows."""
    twins.ok("qdisc", "add", "dev", "em1", "root", "tbf", "rate", "10%", "burst", "1m", "limit", "2m")
    assert "rate 1Gbit" in twins.tc("qdisc", "show", "dev", "em1").out
    for device, named in (("twin0", "speed"), ("nosuch", 'Cannot find device "nosuch"'), ("lo", "speed")):
        refused = twins.pytc("qdisc", "add", "dev", device, "root", "tbf", "rate", "5%", "burst", "1m", "limit", "2m")
        assert refused.status == 1
        assert named in refused.err.splitlines()[0]


def test_tables_of_delays(network: Network, tmp_path: Path) -> None:
    """TC_LIB_DIR names their directory; what is no table is refused before the kernel is asked."""
    for name, text in (
        ("good", "# a comment\n1 2 0x3\n-4\n"),
        ("words", "1 two"),
        ("empty", "# nothing\n"),
        ("wide", "40000"),
        ("long", "1 " * 16385),
    ):
        (tmp_path / f"{name}.dist").write_text(text)
    for name, named in (
        ("nosuch", "No distribution data for nosuch"),
        ("words", "not a table"),
        ("empty", "no data"),
        ("wide", "16 bits"),
        ("long", "too much data"),
        ("../good", ""),
    ):
        words = f"qdisc add dev em1 root netem delay 1ms 1ms distribution {name}".split()
        outcome = network.pytc(*words, env={"TC_LIB_DIR": str(tmp_path)})
        assert outcome.status in ((1,) if named else (0, 2))  # this kernel may have netem or not
        assert named in outcome.err
