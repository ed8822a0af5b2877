"""``qdisc`` and ``class``: what they make in the kernel, what they print, and what they refuse, is what tc does."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import Network, must

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OPTIONS = [(), ("-s",), ("-d",), ("-s", "-d"), ("-p",), ("-j",), ("-j", "-p"), ("-j", "-s"), ("-j", "-s", "-d", "-p")]
#: One of each thing that can be shown.
STATE = [
    "qdisc add dev em1 root handle 1: htb default 30 r2q 20", "qdisc add dev em1 ingress_block 3 egress_block 4 clsact",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit",
    "class add dev em1 parent 1:1 classid 1:10 htb rate 1mbit ceil 5mbit burst 15k prio 3",
    "class add dev em1 parent 1:1 classid 1:30 htb rate 1mbit quantum 3000 mtu 2000 mpu 64 overhead 14",
    "class add dev em1 root classid 1:40 htb rate 50gbit ceil 100gbit linklayer atm",
    "class add dev em1 estimator 1s 2s parent 1: classid 1:50 htb rate 12345678bit burst 4m cburst 1023k",
    "qdisc add dev em1 parent 1:10 handle 10: htb", "qdisc add dev twin0 ingress", "qdisc add dev twin1 root noqueue",
]
SHOW_QDISCS = [
    "qdisc", "qdisc show", "q", "qdisc list", "qdisc lst", "qdisc ls", "qdisc show dev em1", "qdisc show dev twin0",
    "qdisc show root", "qdisc show ingress", "qdisc show clsact", "qdisc show dev em1 handle 1:",
    "qdisc show handle ffff:", "qdisc show parent 1:10", "qdisc show dev em1 invisible handle 10:",
    "qdisc show dev em1 parent 1:", "qdisc show dev em1 parent ffff:fff1", "qdisc show dev em1 dev twin1",
]
SHOW_CLASSES = [
    "class show dev em1", "class", "class show", "c l dev em1", "class ls dev em1", "class lst dev em1",
    "class show dev em1 root", "class show dev em1 parent 1:", "class show dev em1 parent 1:1",
    "class show dev em1 parent 2:", "class show dev em1 classid 1:10", "class show dev em1 classid 1:77",
    "class show dev em1 qdisc 1:", "class show dev em1 qdisc 2:", "class show dev twin0",
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


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_qdiscs_are_shown_as_tc_shows_them(shaped: Network, options: tuple[str, ...]) -> None:
    for line in SHOW_QDISCS:
        words = line.split()
        expected, found = shaped.tc(*options, *words), shaped.pytc(*words, options=options)
        assert (found.status, found.out, found.err) == (expected.status, expected.out, ""), line


@pytest.mark.parametrize("options", [options for options in OPTIONS if "-j" not in options], ids=" ".join)
def test_classes_are_shown_as_tc_shows_them(shaped: Network, options: tuple[str, ...]) -> None:
    for line in SHOW_CLASSES:
        words = line.split()
        expected, found = shaped.tc(*options, *words), shaped.pytc(*words, options=options)
        assert (found.status, found.out) == (expected.status, expected.out), line


def test_classes_as_json(shaped: Network) -> None:
    """tc 6.1 has no JSON for classes; these are the members of later ones."""
    words = ("class", "show", "dev", "em1", "classid", "1:10")
    brief, = json.loads(shaped.ok(*words, options=("-j",)))
    assert brief == {"class": "htb", "handle": "1:10", "parent": "1:1", "leaf": "0x10", "prio": 3, "rate": 125000,
                     "ceil": 625000, "burst": 15360, "cburst": 1600}
    whole, = json.loads(shaped.ok(*words, options=("-j", "-s", "-d")))
    assert brief.items() <= whole.items()
    assert whole.keys() - brief.keys() == {"quantum", "linklayer", "burst_cell", "mpu_rate", "cburst_cell", "mpu_ceil",
                                           "level", "stats"}
    assert whole["stats"].keys() == {"bytes", "packets", "drops", "overlimits", "requeues", "backlog", "qlen", "lended",
                                     "borrowed", "giants", "tokens", "ctokens"}
    assert json.loads(shaped.ok("class", "show", "dev", "em1", "classid", "1:77", options=("-j", "-p"))) == []


#: Lists of commands, for twin0 by tc and for twin1 by pytc; "D" stands for the device.
COMMANDS = [
    ["qdisc add dev D clsact"],
    ["qdisc add dev D clsact", "qdisc replace dev D clsact", "qdisc change dev D clsact"],
    ["qdisc add dev D clsact", "qdisc del dev D clsact"],
    ["q a dev D ingress", "q d dev D ingress"],
    ["qdisc add dev D handle ffff: ingress"], ["qdisc add dev D handle 1: clsact"], ["qdisc add dev D ingress"],
    ["qdisc add dev D ingress_block 7 egress_block 8 clsact"], ["qdisc add dev D ingress_block 0x9 ingress"],
    ["qdisc add dev D clsact", "qdisc del dev D parent ffff:fff1"],
    ["qdisc add dev D ingress", "qdisc del dev D handle ffff: ingress"],
    ["qdisc add dev D root pfifo"], ["qdisc add dev D root handle 3: bfifo"], ["qdisc add dev D root noqueue"],
    ["qdisc add dev D root handle 1: htb"], ["qdisc add dev D root handle 1 htb"],
    ["qdisc add dev D root handle 1:1 htb"], ["qdisc add dev D parent root handle 1: htb"],
    ["qdisc add dev D root handle 1: htb default 30"], ["qdisc add dev D root handle 1: htb default 0x1f r2q 5"],
    ["qdisc add dev D root handle 1: htb d 1 r 3 direct 5"], ["qdisc add dev D root handle 1: htb r2q 0"],
    ["qdisc add dev D root handle 1: htb direct_qlen 4294967295"], ["qdisc add dev D root handle 1: htb direct_qlen 0"],
    ["qdisc add dev D root handle 1: htb debug 01230123 default 1 default 2"],
    ["qdisc add dev D root handle 1: htb", "qdisc replace dev D root handle 2: htb default 5"],
    ["qdisc add dev D root handle 1: htb", "qdisc del dev D root"],
    ["qdisc add dev D root handle 1: htb", "qdisc del dev D root handle 1: htb"],
    ["qdisc add dev D root handle 1: htb", "class add dev D parent 1: classid 1:1 htb rate 1mbit",
     "class add dev D parent 1:1 classid 1:2 htb rate 1mbit", "qdisc add dev D parent 1:2 handle 2: pfifo",
     "class change dev D parent 1: classid 1:1 htb rate 2mbit ceil 3mbit prio 4",
     "class change dev D classid 1:2 htb rate 3mbit", "class replace dev D parent 1:1 classid 1:3 htb rate 64kbps",
     "class replace dev D parent 1:1 classid 1:3 htb rate 65kbps"],
    ["qdisc add dev D root handle 1: htb", "class add dev D root classid 1:1 htb rate 1mbit",
     "class add dev D classid 1:2 htb rate 1mbit", "class add dev D parent 1: classid :3 htb rate 1mbit",
     "class add dev D parent none classid 1:4 htb rate 1mbit", "class del dev D classid 1:1",
     "c d dev D parent 1: classid 1:2", "class del dev D classid 1:3 htb rate 1mbit"],
    ["qdisc add dev D root handle 1: htb", "class add dev D parent 1: classid 1:ffff htb rate 1mbit",
     "class add dev D parent 1: classid 1fffe htb rate 1mbit",
     "class add dev D parent 10000 classid 1:5 htb rate 1mbit"],
]
_RATES = ["8bit", "100", "1kbit", "1.5Kibit", "1mbit", "1.5mibit", "3gbit", "40gbit", "1tbit", "1.5bps", "7KiBps",
          "9mbps", "3MiBps", "3gbps", "1tibps", "1e6", ".5mbit", "34359738367bit", "34359738368bit", "12345678"]
_MORE = ["ceil 2mbit", "ceil 0", "ceil 100gbit", "burst 15k", "burst 15kb/8", "burst 1m", "burst 1mbit", "burst 1.5k",
         "burst 0", "burst 1g", "burst 1e5", "buffer 5k", "maxburst 5k", "b 5k", "cburst 5k", "cbuffer 6k/16",
         "cmaxburst 7k", "c 8k", "prio 7", "prio 99", "p 1", "quantum 1", "quantum 1600", "q 200000", "mtu 0",
         "mtu 1500", "mtu 65536", "m 9000", "mpu 64", "mp 65535", "overhead 24", "o 65535", "linklayer atm",
         "linklayer adsl", "l e",
         "ceil 3mbit burst 6k cburst 7k prio 2 quantum 3000 mtu 9000 mpu 64 overhead 4 linklayer atm"]
COMMANDS.append(["qdisc add dev D root handle 1: htb r2q 1000", *(
    f"class add dev D parent 1: classid 1:{number:x} htb {words}" for number, words in
    enumerate([*(f"rate {rate}" for rate in _RATES), *(f"rate 1mbit {more}" for more in _MORE)], start=1))])


def _state(network: Network, device: str) -> str:
    shown = [network.tc(*options, *words.split(), "dev", device).out
             for words in ("qdisc show", "qdisc show invisible", "class show")
             for options in (("-s", "-d"), ("-j", "-s", "-d")) if options[0] == "-s" or "qdisc" in words]
    chosen = re.compile(r"\b8[0-9a-f]{3}:")  # handles that the kernel picks, counting up
    return chosen.sub("auto:", "\n".join(shown).replace(device, "D"))


@pytest.mark.parametrize("commands", COMMANDS, ids="; ".join)
def test_the_same_words_make_the_same_in_the_kernel(twins: Network, commands: list[str]) -> None:
    for line in commands:
        expected = twins.tc(*line.replace("D", "twin0").split())
        found = twins.pytc(*line.replace("D", "twin1").split())
        assert expected.status == 0, f"{line}: {expected.err}"
        assert (found.status, found.out, found.err) == (expected.status, expected.out, expected.err), line
    assert _state(twins, "twin1") == _state(twins, "twin0")


#: (words, what stderr must name); tc refuses all of them, and its exit code is the expected one.
WRONG = [
    ("qdisc bogus", "bogus"), ("qdisc get dev twin1", "get"), ("qdisc add", "No such device"),
    ("qdisc add dev", "not complete"), ("qdisc add dev twin1", "Handle cannot be zero"),
    ("qdisc add dev twin1 dev twin0", "twin0"),
    ("qdisc add dev twin1 root", "Exclusivity"), ("qdisc add dev twin1 root root htb", "root"),
    ("qdisc add dev twin1 root parent 1: htb", "parent"), ("qdisc add dev twin1 parent 1: root htb", "root"),
    ("qdisc add dev twin1 parent x htb", '"x"'), ("qdisc add dev twin1 parent", "not complete"),
    ("qdisc add dev twin1 handle", "not complete"), ("qdisc add dev twin1 handle x", '"x"'),
    ("qdisc add dev twin1 handle 1: handle 2: htb", "handle"), ("qdisc add dev twin1 root handle 10000: htb", "10000:"),
    ("qdisc add dev twin1 root handle 1x: htb", "1x:"), ("qdisc add dev nosuch root htb", '"nosuch"'),
    ("qdisc add dev nosuch clsact", '"nosuch"'), ("qdisc add dev a/b clsact", '"a/b"'),
    ("qdisc add clsact", '"dev NAME" is missing'), ("qdisc add clsact dev twin1", "dev"),
    ("qdisc add dev twin1 clsact", "twin1 has its clsact qdisc already"),
    ("qdisc add dev twin1 clsact foo", "foo"), ("qdisc add dev twin1 ingress foo", "foo"),
    ("qdisc add dev twin1 ingress", '"pytc qdisc del dev twin1 clsact" frees it'),
    ("qdisc replace dev twin1 ingress", "clsact"),
    ("qdisc add dev twin1 root clsact", "clsact"), ("qdisc add dev twin1 parent ffff:fff1 ingress", "ingress"),
    ("qdisc add dev twin1 clsa", "Handle cannot be zero"), ("qdisc del", "No such device"),
    ("qdisc del dev twin1", "say which place"), ("qdisc del dev twin1 ingress", "the qdisc there is clsact"),
    ("qdisc del dev twin0 clsact", "twin0"), ("qdisc del dev twin0 root", "handle of zero"),
    ("qdisc del dev twin1 root pfifo", "the qdisc there is htb"), ("qdisc del dev twin1 parent 2:", "twin1"),
    ("qdisc del dev twin1 handle 7:", "say which place"),
    ("qdisc del dev twin1 handle 1:", "Classid cannot be zero"), ("qdisc add dev twin0 root bogus", "bogus"),
    ("qdisc add dev twin0 root bogus x", '"x"'), ("qdisc add dev twin1 ro htb", '"ro"'),
    ("qdisc add dev twin1 root handle 2: htb", '"pytc qdisc replace"'),
    ("qdisc add dev twin0 root htb default", "not complete"), ("qdisc add dev twin0 root htb default zz", "zz"),
    ("qdisc add dev twin0 root htb default 1:10", "1:10"),
    ("qdisc add dev twin0 root htb default 100000000", "default"),
    ("qdisc add dev twin0 root htb r2q x", "r2q"), ("qdisc add dev twin0 root htb r2q 0x10", "0x10"),
    ("qdisc add dev twin0 root htb direct_qlen -1", "-1"), ("qdisc add dev twin0 root htb foo", "foo"),
    ("qdisc add dev twin0 root htb offload", "hw-tc-offload"),
    ("qdisc change dev twin1 root htb default 2", "delete the qdisc"),
    ("qdisc replace dev twin1 root handle 1: htb default 2", "not supported"),
    ("qdisc change dev twin0 root htb default 3", "not found"), ("qdisc add dev twin1 parent 1:99 pfifo", "class"),
    ("qdisc add dev twin1 parent 9: pfifo", "qdisc"), ("qdisc add dev twin1 handle 9: pfifo", "say which place"),
    ("qdisc add dev twin1 ingress_block x clsact", '"x"'), ("qdisc add dev twin1 ingress_block 0 clsact", '"0"'),
    ("qdisc add dev twin1 egress_block clsact", "clsact"), ("qdisc show twin1", "twin1"),
    ("qdisc show dev nosuch", "nosuch"),
    ("qdisc show dev", "not complete"), ("qdisc show root root", "root"), ("qdisc show root parent 1:", "parent"),
    ("qdisc show ingress clsact", "clsact"), ("qdisc show parent x", '"x"'), ("qdisc show handle x", '"x"'),
    ("qdisc show handle 1: handle 2:", "handle"), ("qdisc show root handle 1:", "handle"),
    ("qdisc show handle 1: parent 1:", "handle"), ("qdisc show inv", "inv"),
    ("class bogus", "bogus"), ("class get dev twin1 classid 1:1", "get"), ("class add", '"dev NAME" is missing'),
    ("class add dev", "not complete"), ("class add classid", "not complete"),
    ("class add dev twin1 dev twin0", "twin0"),
    ("class add dev twin1 parent x classid 1:1 htb", '"x"'), ("class add dev twin1 classid x htb", '"x"'),
    ("class add dev twin1 classid 1:10000 htb", "1:10000"), ("class add dev twin1 root root", "root"),
    ("class add dev twin1 parent 1: root classid 1:5 htb rate 1mbit", "root"),
    ("class add dev twin1 root parent 1: classid 1:5 htb rate 1mbit", "parent"),
    ("class add dev twin1 parent 1: classid 1:1 classid 1:2 htb", "1:2"),
    ("class add dev twin1 handle 1:1 htb", "handle"),
    ("class add dev nosuch parent 1: classid 1:5 htb rate 1mbit", "nosuch"),
    ("class add dev twin1 parent 1: classid 1:5", "Invalid argument"),
    ("class add dev twin1 parent 1: classid 1:5 bogus", "bogus"),
    ("class add dev twin1 parent 1: classid 1:5 clsact", "clsact"),
    ("class add dev twin1 parent 1: htb rate 1mbit", "classid"),
    ("class add dev twin1 parent 1: classid 2:5 htb rate 1mbit", "2:5"),
    ("class add dev twin1 parent 2: classid 2:5 htb rate 1mbit", "no qdisc 2:"),
    ("class add dev twin0 parent 1: classid 1:5 htb rate 1mbit", "twin0"),
    ("class add dev twin1 parent 1: classid 1:1 htb rate 1mbit", "1:1"),
    ("class add classid 1:5 htb rate 1mbit", "dev NAME"),
    ("class add dev twin1 parent 1: classid 1:5 htb", '"rate" is required'),
    ("class add dev twin1 parent 1: classid 1:5 htb rate", "not complete"),
    ("class change dev twin1 parent 1: classid 1:77 htb rate 1mbit", "1:77"),
    ("class del dev twin1 classid 1:1", "in use"), ("class del dev twin1 classid 1:77", "1:77"),
    ("class del dev twin1", "No such file"), ("class del classid 1:1", "No such device"),
    ("class del dev twin1 classid 1:2 htb", "rate"), ("class show dev nosuch", "nosuch"),
    ("class show dev", "not complete"),
    ("class show dev twin1 dev twin0", "twin0"), ("class show dev twin1 bogus", "bogus"),
    ("class show dev twin1 handle 1:1", "handle"),
    ("class show dev twin1 parent x", '"x"'), ("class show dev twin1 classid x", '"x"'),
    ("class show dev twin1 classid 1:1 classid 1:2", "classid"), ("class show dev twin1 qdisc x", '"x"'),
    ("class show dev twin1 qdisc 1: qdisc 2:", "qdisc"), ("class show dev twin1 root root", "root"),
    ("class show dev twin1 root parent 1:", "parent"), ("class show twin1", "twin1"),
]
_WRONG_CLASS_WORDS = [
    ("rate x", '"x"'), ("rate 1m", "1m"), ("rate 0", "rate"), ("rate 1mbit rate 2mbit", "rate"),
    ("rate inf", "rate"), ("ceil 1mbit ceil 2mbit", "ceil"), ("ceil 1mbit", "rate"), ("rate 1mbit ceil x", "ceil"),
    ("rate 1mbit burst x", "burst"), ("rate 1mbit burst 5g", "5g"), ("rate 1mbit burst -1", "-1"),
    ("rate 1mbit burst 15k/3", "15k/3"), ("rate 1mbit cburst 1t", "1t"), ("rate 1mbit prio x", "prio"),
    ("rate 1mbit quantum 1k", "1k"), ("rate 1mbit mtu x", "mtu"), ("rate 1mbit mpu 65536", "65536"),
    ("rate 1mbit overhead 65536", "65536"), ("rate 1mbit linklayer x", '"x"'), ("rate 1mbit bogus 1", "bogus"),
    ("ra 1mbit", "ra"),
]
WRONG += [(f"class add dev twin1 parent 1: classid 1:5 htb {words}", named) for words, named in _WRONG_CLASS_WORDS]


def test_wrong_words(twins: Network) -> None:
    """tc's exit code, the word at fault named, no traceback, nothing printed and nothing changed; and the kernel's own
    sentence as tc prints it."""
    for line in ("qdisc add dev twin1 root handle 1: htb", "qdisc add dev twin1 clsact",
                 "class add dev twin1 parent 1: classid 1:1 htb rate 1mbit",
                 "class add dev twin1 parent 1:1 classid 1:2 htb rate 1mbit"):
        assert twins.tc(*line.split()).status == 0
    before = _state(twins, "twin1") + _state(twins, "twin0")
    for line, named in WRONG:
        expected, found = twins.tc(*line.split()), twins.pytc(*line.split())
        assert expected.status != 0, f"tc accepts: {line}"
        assert (found.status, found.out) == (expected.status, ""), f"{line}: {found.err}"
        assert named in found.err, f"{line}: {found.err}"
        assert "Traceback" not in found.err, line
        if expected.status == 2:
            assert found.err.splitlines()[0] == expected.err.splitlines()[0], line
    assert _state(twins, "twin1") + _state(twins, "twin0") == before


@pytest.mark.parametrize("line", ["qdisc help", "qdisc add help", "qdisc add dev em1 root htb help", "qdisc show help",
                                  "qdisc add dev em1 clsact help", "class help", "class add dev em1 help",
                                  "class add dev em1 classid 1:1 htb help", "class show h"])
def test_help(network: Network, line: str) -> None:
    assert network.ok(*line.split()).startswith("Usage: ")


def test_without_rights(network: Network) -> None:
    """A process without CAP_NET_ADMIN sees everything and changes nothing."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    unprivileged = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534", "--clear-groups")
    pytc = (*unprivileged, sys.executable, "-m", "pytc")
    shown = network.execute(*pytc, "qdisc", "show", "dev", "em1", "clsact")
    assert shown.out == "qdisc clsact ffff: parent ffff:fff1 \n", shown.err
    for line in ("qdisc del dev em1 clsact", "class add dev em1 classid 1:1 htb rate 1mbit"):
        refused = network.execute(*pytc, *line.split())
        assert refused.status == 2
        assert refused.err.splitlines()[0] == "RTNETLINK answers: Operation not permitted"
        assert "CAP_NET_ADMIN" in refused.err
    assert "clsact" in network.state()


def test_traffic_goes_through_a_class(network: Network) -> None:
    for line in ("qdisc add dev em1 root handle 1: htb default 10",
                 "class add dev em1 parent 1: classid 1:10 htb rate 8mbit burst 10k"):
        network.ok(*line.split())
    assert network.ping(count=5)
    shown, = json.loads(network.ok("class", "show", "dev", "em1", options=("-j", "-s")))
    assert shown["stats"]["packets"] >= 5
    assert shown["stats"]["lended"] >= 5
    assert shown["stats"]["tokens"] > 0


@pytest.mark.parametrize("options", [(), ("-s",), ("-d",), ("-s", "-d")], ids=" ".join)
def test_classes_as_a_tree(twins: Network, options: tuple[str, ...]) -> None:
    """As tc draws it. (Where the last class of all has grandchildren by its last child, tc reads freed memory.)"""
    for line in ("qdisc add dev twin0 root handle 1: htb", "class add dev twin0 parent 1: classid 1:1 htb rate 10mbit",
                 "class add dev twin0 parent 1:1 classid 1:10 htb rate 1mbit",
                 "class add dev twin0 parent 1:1 classid 1:11 htb rate 1mbit",
                 "class add dev twin0 parent 1:11 classid 1:111 htb rate 1mbit",
                 "class add dev twin0 parent 1:11 classid 1:112 htb rate 1mbit",
                 "class add dev twin0 parent 1:111 classid 1:1111 htb rate 1mbit",
                 "class add dev twin0 parent 1: classid 1:2 htb rate 2mbit",
                 "class add dev twin0 parent 1:2 classid 1:20 htb rate 2mbit",
                 "class add dev twin0 parent 1: classid 1:3 htb rate 2mbit",
                 "qdisc add dev twin0 parent 1:10 handle 10: tbf rate 1mbit burst 5k limit 9k"):
        twins.ok(*line.split())
    words = ("class", "show", "dev", "twin0")
    assert twins.ok(*words, options=("-g", *options)) == twins.tc("-g", *options, *words).out
    as_json = json.loads(twins.ok(*words, options=("-g", "-j", *options)))
    flat = json.loads(twins.ok(*words, options=("-j", *options)))
    assert sorted(as_json, key=json.dumps) == sorted(flat, key=json.dumps)
    assert len(flat) == 10
    assert twins.ok("class", "show", "dev", "twin1", options=("-g",)) == ""


@pytest.mark.parametrize("options", [("-j",), ("-j", "-p"), ("-j", "-s", "-d"), ("-j", "-g", "-s")], ids=" ".join)
def test_json_of_none_one_and_many(twins: Network, options: tuple[str, ...]) -> None:
    for line in ("qdisc add dev twin0 root handle 1: tbf rate 1mbit burst 5k limit 9k", "qdisc add dev twin0 clsact"):
        twins.ok(*line.split())
    for line, number in (("qdisc show handle 77:", 0), ("qdisc show dev twin0 root", 1), ("qdisc show dev twin0", 2),
                         ("class show dev twin1", 0), ("class show dev twin0", 1)):
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
    for name, text in (("good", "# a comment\n1 2 0x3\n-4\n"), ("words", "1 two"), ("empty", "# nothing\n"),
                       ("wide", "40000"), ("long", "1 " * 16385)):
        (tmp_path / f"{name}.dist").write_text(text)
    for name, named in (("nosuch", "No distribution data for nosuch"), ("words", "not a table"), ("empty", "no data"),
                        ("wide", "16 bits"), ("long", "too much data"), ("../good", "")):
        words = f"qdisc add dev em1 root netem delay 1ms 1ms distribution {name}".split()
        outcome = network.pytc(*words, env={"TC_LIB_DIR": str(tmp_path)})
        assert outcome.status in ((1,) if named else (0, 2))  # this kernel may have netem or not
        assert named in outcome.err
