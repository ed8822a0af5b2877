"""``filter show`` and ``filter get`` print what tc prints for the same kernel state, byte for byte."""

from __future__ import annotations

import json

import pytest

from tests.conftest import EXAMPLES, Compiler
from tests.network import Network
from tests.processes import PYTC

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OPTIONS = [(), ("-s",), ("-d",), ("-s", "-d"), ("-j",), ("-j", "-p"), ("-j", "-s", "-d"), ("-p", "-j", "-d"), ("-p",)]
SHOW = [
    "filter show dev em1",
    "filter show dev em1 ingress",
    "filter show dev em1 egress",
    "filter ls dev em1 root",
    "filter list dev em1 parent ffff:fff2",
    "filter show dev em1 parent ffff:",
    "filter show dev em1 parent 1:",
    "filter show dev em1 ingress pref 3",
    "filter show dev em1 ingress protocol ip",
    "filter show dev em1 ingress protocol ip pref 3",
    "filter show dev em1 ingress chain 4",
    "filter show dev em1 ingress chain 0",
    "filter show dev em2",
    "filter show",
    "f s dev em1 ingress",
    "filter get dev em1 ingress protocol ip pref 3 handle 0x7 bpf",
    "filter get dev em1 egress protocol all pref 2 handle 1 bpf",
    "filter get dev em1 parent 1: protocol all pref 9 handle 1 bpf",
    "filter get dev em1 ingress chain 4 protocol all pref 8 handle 1 bpf",
]


@pytest.fixture
def many_filters(network: Network, build: Compiler) -> Network:
    """Each way of attaching, made by the real tc where that can, else by pytc."""
    modern, legacy = str(EXAMPLES / "traffic.o"), str(EXAMPLES / "shaper.o")
    for words in (
        "qdisc add dev em1 clsact",
        "qdisc add dev em1 root handle 1: htb default 1",
        "class add dev em1 parent 1: classid 1:1 htb rate 1mbit",
        f"filter add dev em1 ingress protocol ip pref 3 handle 7 bpf da obj {modern}",
        "filter add dev em1 ingress protocol ip pref 3 bpf bytecode 1,6_0_0_4294967295 flowid 1:1 skip_hw",
        "filter add dev em1 ingress protocol ipv6 pref 4 bpf bytecode 2,40_0_0_12,6_0_0_0 classid :5",
        "filter add dev em1 ingress protocol 0x1234 pref 5 bpf bytecode 1,6_0_0_1 flowid ffff:",
        f"filter add dev em1 ingress chain 4 pref 8 bpf da obj {modern} sec drop",
        f"filter add dev em1 egress pref 2 bpf da obj {modern} sec drop",
    ):
        outcome = network.tc(*[word.replace("_", " ") if "," in word else word for word in words.split(" ")])
        assert outcome.status == 0, outcome.err
    network.ok("filter", "add", "dev", "em1", "parent", "1:", "pref", "9", "bpf", "obj", legacy, "flowid", "1:1")
    return network


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_output_equals_tc(many_filters: Network, options: tuple[str, ...]) -> None:
    for line in SHOW:
        words = line.split()
        expected, found = many_filters.tc(*options, *words), many_filters.pytc(*words, options=options)
        assert (found.status, found.out) == (expected.status, expected.out), line
        if "-j" in options and found.out:
            json.loads(found.out)


def test_filters_made_by_pytc_are_those_that_tc_makes(network: Network, build: Compiler) -> None:
    """Both get each line, on a device of its own."""
    modern = str(EXAMPLES / "traffic.o")
    lines = [
        f"filter add dev DEV ingress bpf da obj {modern}",
        f"filter add dev DEV ingress bpf obj {modern} flowid 1:1 direct-action skip_hw",
        f"filter add dev DEV ingress pref 11 handle 0x22 protocol ip bpf obj {modern} sec drop",
        f"filter replace dev DEV ingress pref 11 handle 0x22 protocol ip bpf obj {modern} sec drop da",
        "filter add dev DEV egress chain 2 prio 010 bpf bytecode 2,40_0_0_12,6_0_0_4294967295, classid 1:20",
        "filter add dev DEV egress protocol arp bpf bytecode 1,6_0_0_1 flowid 5",
        "filter add dev DEV egress protocol 802.1Q bpf bytecode 1,6_0_0_1 flowid root",
        "filter change dev DEV egress chain 2 prio 010 handle 1 protocol all bpf bytecode 1,6_0_0_7 classid 1:21",
        "filter add dev DEV ingress pref 1 bpf bytecode 1,6_0_0_7",
        "filter del dev DEV ingress pref 1",
    ]
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    network.execute("ip", "link", "add", "twin", "type", "veth", "peer", "name", "other")
    network.tc("qdisc", "add", "dev", "twin", "clsact")
    for line in lines:
        words = [word.replace("_", " ") if "," in word else word for word in line.split(" ")]
        by_tc = network.tc(*[word.replace("DEV", "em1") for word in words])
        by_pytc = network.pytc(*[word.replace("DEV", "twin") for word in words])
        assert by_tc.status == by_pytc.status == 0, (line, by_tc.err, by_pytc.err)
    assert masked(network, "em1") == masked(network, "twin")


def masked(network: Network, device: str) -> list[object]:
    """tc's own view without what differs by nature: program ids."""
    found = []
    for hook in ("ingress", "egress"):
        for record in json.loads(network.tc("-j", "filter", "show", "dev", device, hook).out):
            record.get("options", {}).get("prog", {}).pop("id", None)
            found.append(record)
    return found


def test_a_name_that_is_not_utf8(network: Network, tmp_path: object) -> None:
    """A file name is any bytes; both tools print it as the kernel has it, but for JSON, which is UTF-8 with pytc."""
    import os
    import subprocess

    path = os.path.join(os.fsencode(str(tmp_path)), b"caf\xe9.o")
    with open(EXAMPLES / "traffic.o", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", os.fsdecode(path))
    for options in ([], ["-j"]):
        words = [*options, "-n", network.name, "filter", "show", "dev", "em1", "ingress"]
        env = {**os.environ, **network.env}
        by_tc = subprocess.run(["tc", *words], capture_output=True, check=True, timeout=60)
        by_pytc = subprocess.run([*PYTC, *words], capture_output=True, check=True, env=env, timeout=60)
        if options:
            assert json.loads(by_pytc.stdout) == json.loads(by_tc.stdout.decode(errors="surrogateescape"))
        else:
            assert by_pytc.stdout == by_tc.stdout
            assert b"caf\xe9.o:[classifier]" in by_pytc.stdout
