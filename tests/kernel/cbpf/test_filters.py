"""Expressions and bytecode in filters on a veth pair, with the packets that they find."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.cbpf import compile_expression, run_capture
from tests.captures import ARP as ARP_TYPE
from tests.captures import (
    IP,
    IPV6,
    TCP,
    UDP,
    VLAN,
    arp,
    captures,
    eth,
    ip4,
    ip6,
    ipv4_mixture,
    ipv6_mixture,
    other_mixture,
    packets,
    tagged_mixture,
    tcp,
    udp,
    vlan,
)
from tests.kernel.cbpf.support import Wire
from tests.kernel.commands.filter.test_bpf import class_packets
from tests.network import Network
from tests.processes import run

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("libpcap")]

SYN = "tcp[tcpflags] & tcp-syn != 0"
ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"
#: Of all sorts; each is attached to a device.
SAMPLE = (
    "arp",
    "ip6",
    SYN,
    "tcp port 80",
    "udp dst port 53",
    "host 10.9.0.1 and not port 80",
    "icmp or icmp6",
    "net 192.168",
    "ip[6:2] & 0x1fff != 0",
    "ether broadcast",
    "len > 100",
    "portrange 1-1023",
    "not ip",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "ip6 net 2001:db8::/64",
    "ether[0] & 1 = 1",
)
MIXTURES = (ipv4_mixture, ipv6_mixture, other_mixture, tagged_mixture)
FRAMES = [frame for mixture in MIXTURES for frame in mixture() if len(frame) >= 20]


@pytest.fixture
def clsact(clsact: Network, wire: Wire) -> Network:
    """The network with clsact at em1, where nothing but the wire sends packets."""
    return clsact


@pytest.fixture
def htb(network: Network, wire: Wire) -> Network:
    for words in (
        "qdisc add dev em1 root handle 1: htb default 30",
        "class add dev em1 parent 1: classid 1:10 htb rate 1gbit",
        "class add dev em1 parent 1: classid 1:30 htb rate 1gbit",
    ):
        assert network.tc(*words.split()).status == 0
    return network


def expected(expression: str, frames: list[bytes]) -> list[bool]:
    """Return the interpreter's verdicts; tests/kernel/cbpf/test_kernel_agrees.py and tests/compat hold it to others."""
    return [verdict.value != 0 for verdict in run_capture(compile_expression(expression), packets(frames))]


@pytest.mark.parametrize("expression", SAMPLE)
def test_direct_action_drops_what_matches_and_nothing_else(clsact: Network, wire: Wire, expression: str) -> None:
    frames = [frame for frame in FRAMES if frame[12:14] not in (b"\x81\x00", b"\x88\xa8")]
    assert all(wire.passed(frames))
    clsact.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "expression", expression, "verdict", "drop")
    found = expected(expression, frames)
    assert any(found)
    assert wire.passed(frames) == [not match for match in found]


@pytest.mark.parametrize("expression", SAMPLE)
def test_the_flowid_is_the_class_of_what_matches(htb: Network, wire: Wire, expression: str) -> None:
    outcome = htb.pytc("filter", "add", "dev", "em1", "parent", "1:", "bpf", "expression", expression, "flowid", "1:10")
    assert (outcome.status, outcome.err) == (0, "")
    before = class_packets(htb)
    assert all(wire.passed(FRAMES))
    after = class_packets(htb)
    matches = sum(expected(expression, FRAMES))
    assert after["1:10"] - before["1:10"] == matches > 0
    assert after["1:30"] - before["1:30"] == len(FRAMES) - matches


def test_a_match_ends_and_no_match_goes_on(clsact: Network, wire: Wire) -> None:
    """``ok`` in front of a filter that drops everything; a packet that ends early is no match."""
    clsact.ok("filter", "add", "dev", "em1", "egress", "pref", "1", "bpf", "da", "expression", "tcp port 80")
    clsact.ok("filter", "add", "dev", "em1", "egress", "pref", "2", "bpf", "da", "expression", "", "verdict", "drop")
    frames = [eth(ip4(tcp(1, 80), TCP)), eth(ip4(udp(1, 80), UDP)), eth(ip4(b"", TCP)), eth(b"", IP), eth(b"\x45")]
    assert wire.passed(frames) == [True, False, False, False, False]


def test_what_is_shown_of_it(clsact: Network) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da")
    clsact.ok(*words, "expression", "net 10.0.0.0/8", "verdict", "stolen")
    (found,) = [one["options"] for one in clsact.json("filter", "show", "dev", "em1", "ingress") if "options" in one]
    assert found["bpf_name"] == "net 10.0.0.0/8:[expression]"
    assert found["direct-action"] is True
    assert found["prog"]["name"] == "expression"


def test_tags_are_found_on_ingress_where_the_kernel_has_taken_them_out(clsact: Network, wire: Wire) -> None:
    """Without a device, libpcap looks for tags in the packet alone: there would be none."""
    frames = [
        eth(vlan(5, ip4(tcp(1, 80), TCP)), VLAN),
        eth(vlan(6, ip4(tcp(1, 80), TCP)), VLAN),
        eth(ip4(tcp(1, 80), TCP)),
        eth(vlan(5, ip4(udp(1, 53), UDP)), VLAN),
    ]
    words = ("filter", "replace", "dev", "em1", "ingress", "pref", "1", "handle", "1", "bpf", "da", "expression")
    clsact.ok(*words, "vlan 5 and tcp", "verdict", "drop")
    assert wire.got_behind(IP, frames) == [False, True, True, True]
    clsact.ok(*words, "vlan 5 and tcp", "dlt", "EN10MB", "verdict", "drop")
    assert wire.got_behind(IP, frames) == [True] * 4


def test_tags_on_a_device_that_is_down(network: Network) -> None:
    """libpcap looks at no device that is down; the loopback device stands in for it."""
    expected = network.ok("cbpf", "compile", "dev", "em1", "vlan 5")
    assert expected != network.ok("cbpf", "compile", "vlan 5")
    network.execute("ip", "link", "set", "em1", "down")
    assert network.ok("cbpf", "compile", "dev", "em1", "vlan 5") == expected
    network.execute("ip", "link", "set", "lo", "down")
    refused = network.pytc("cbpf", "compile", "dev", "em1", "vlan 5")
    assert refused.status == 1
    assert 'Hint: set it up first: "ip link set em1 up"' in refused.err
    assert network.ok("cbpf", "compile", "dev", "em1", "tcp") == network.ok("cbpf", "compile", "tcp")


def test_bytecode_in_all_forms_is_the_same_filter(clsact: Network, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text(run("tcpdump", "-y", "EN10MB", "-ddd", "arp").out.replace("262144", "4294967295"))
    line = tmp_path / "line"
    line.write_text(ARP + ",\n")
    for words in (
        ("bytecode", ARP),
        ("bytecode", ARP + ","),
        ("bytecode-file", str(lines)),
        ("bcf", str(line)),
        ("bytecode", lines.read_text()),
        ("expression", "arp"),
    ):
        where = ("dev", "em1", "ingress", "pref", "1", "handle", "1")
        clsact.ok("filter", "replace", *where, "bpf", *words, "flowid", "1:1")
        assert f"bytecode '{ARP}'" in clsact.tc("filter", "show", "dev", "em1", "ingress").out, words


def test_the_largest_bytecode(clsact: Network, wire: Wire, tmp_path: Path) -> None:
    """tc's own messages end at 2,000 instructions; the kernel's answers to "show" at 4,000."""
    path = tmp_path / "large"
    path.write_text("4096\n" + "0 0 0 1\n" * 4095 + "6 0 0 2\n")
    clsact.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "bytecode-file", str(path))
    assert wire.passed(FRAMES[:2]) == [False, False]
    path.write_text("4000\n" + "0 0 0 1\n" * 3999 + "6 0 0 0\n")
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode-file", str(path))
    assert "bytecode '4000,0 0 0 1," in clsact.ok("filter", "show", "dev", "em1", "ingress")
    assert clsact.ok("cbpf", "disasm", "from", "dev", "em1", "ingress").splitlines()[-1] == "l3999:  ret #0x0"
    path.write_text("4097\n" + "0 0 0 1\n" * 4096 + "6 0 0 0\n")
    refused = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode-file", str(path))
    assert (refused.status, "4097 is more than 4096" in refused.err) == (1, True)


def test_what_tcpdump_prints_is_another_class_than_the_flowid(htb: Network, wire: Wire) -> None:
    printed = run("tcpdump", "-y", "EN10MB", "-ddd", "arp").out
    words = ("filter", "replace", "dev", "em1", "parent", "1:", "pref", "1", "handle", "1", "bpf")
    outcome = htb.pytc(*words, "bytecode", printed, "flowid", "1:10")
    assert outcome.status == 0
    assert "the bytecode returns 262144, which is class 4: and not the flowid; for 1:10 it must return" in outcome.err
    frames = [eth(arp(1), ARP_TYPE)] * 3
    before = class_packets(htb)
    wire.passed(frames)
    assert class_packets(htb)["1:10"] == before["1:10"]
    outcome = htb.pytc(*words, "bytecode", printed.replace("262144", "4294967295"), "flowid", "1:10")
    assert outcome.err == ""
    wire.passed(frames)
    assert class_packets(htb)["1:10"] == before["1:10"] + 3


class TestLinkTypes:
    @pytest.fixture
    def tun(self, network: Network) -> Network:
        """A device whose packets have no link-layer header."""
        network.execute("ip", "tuntap", "add", "dev", "tun0", "mode", "tun")
        assert network.tc("qdisc", "add", "dev", "tun0", "clsact").status == 0
        return network

    def test_follow_the_device(self, tun: Network) -> None:
        tun.ok("filter", "add", "dev", "tun0", "ingress", "bpf", "expression", "tcp", "flowid", "1:1")
        text = tun.ok("cbpf", "disasm", "from", "dev", "tun0", "ingress")
        assert text == tun.ok("cbpf", "compile", "as", "asm", "RAW", "tcp")
        assert text == tun.ok("cbpf", "compile", "as", "asm", "dev", "tun0", "tcp")

    def test_that_do_not_fit_the_device_are_remarked_upon(self, clsact: Network) -> None:
        outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "expression", "tcp", "dlt", "RAW")
        assert outcome.status == 0
        assert (
            "packets of em1 begin with an Ethernet header (EN10MB); a program for RAW looks for an IP header there"
        ) in outcome.err

    def test_raw_packets_on_a_raw_device(self, tun: Network) -> None:
        outcome = tun.pytc("filter", "add", "dev", "tun0", "ingress", "bpf", "expression", "tcp", "dlt", "EN10MB")
        assert "packets of tun0 begin with an IP header (RAW)" in outcome.err

    def test_of_lo_are_ethernet(self, network: Network) -> None:
        assert network.ok("cbpf", "compile", "dev", "lo", "ip") == network.ok("cbpf", "compile", "EN10MB", "ip")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("expression", "tcp porp 80"), "libpcap: can't parse filter expression"),
        (("expression", "tcp", "port", "80"), "Hint: an expression of several words is one in quotes"),
        (("expression", "tcp", "verdict", "drop"), '"verdict" needs direct-action'),
        (("expression", "tcp", "verdict", "maybe"), "verdict"),
        (("expression",), "not complete"),
        (("da", "expression", "tcp", "dlt", "BOGUS"), 'libpcap does not know link type "BOGUS"'),
        (("bytecode", "2,40 0 0 12"), "bytecode claims 2 instructions but has 1"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(clsact: Network, words: tuple[str, ...], text: str) -> None:
    before = clsact.state()
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", *words)
    assert outcome.status in (1, 255)
    assert text in outcome.err
    assert "Traceback" not in outcome.err
    assert clsact.state() == before


@pytest.mark.parametrize("word", ["bytecode", "bytecode-file"])
def test_bytecode_that_the_kernel_would_refuse_is_reported_as_tc_reports_it(
    clsact: Network, tmp_path: Path, word: str
) -> None:
    bytecode = "2,40 0 0 12,14 0 0 0"
    path = tmp_path / "bytecode"
    path.write_text(bytecode)
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", word, str(path) if "-" in word else bytecode)
    ours, theirs = clsact.pytc(*words), clsact.tc(*words)
    assert (ours.status, theirs.status) == (2, 2)
    assert ours.err.startswith(theirs.err + "Hint: ")
    assert "instruction 1: unknown opcode 14" in ours.err


def test_an_action_that_cannot_be_loaded_has_the_status_of_tc(network: Network) -> None:
    for words in (("obj", "/nothing.o"), ("bytecode", "1,14 0 0 0")):
        line = ("actions", "add", "action", "bpf", *words)
        assert network.pytc(*line).status == network.tc(*line).status == 255


class TestDisassemblyOfFilters:
    def test_shows_all_that_are_meant(self, clsact: Network) -> None:
        for number, code in enumerate((ARP, "1,6 0 0 7"), 1):
            clsact.ok(
                "filter", "add", "dev", "em1", "ingress", "pref", str(number), "handle", "3", "bpf", "bytecode", code
            )
        clsact.ok("filter", "add", "dev", "em1", "ingress", "pref", "9", "bpf", "da", "expression", "ip")
        text = clsact.ok("cbpf", "disasm", "from", "dev", "em1", "ingress")
        assert text.startswith("; pref 1 handle 0x3\nl0:     ldh [12]\n")
        assert text.endswith("; pref 2 handle 0x3\nl0:     ret #0x7\n")
        only = clsact.ok("cbpf", "disasm", "from", "dev", "em1", "ingress", "pref", "2")
        assert only == "l0:     ret #0x7\n"
        found = clsact.json("cbpf", "disasm", "from", "dev", "em1", "ingress")
        assert [one["filter"] for one in found] == ["pref 1 handle 0x3", "pref 2 handle 0x3"]

    def test_is_a_program_to_run(self, clsact: Network, tmp_path: Path) -> None:
        path = tmp_path / "capture"
        path.write_bytes(captures()["ipv6"][1])
        clsact.ok("filter", "add", "dev", "em1", "ingress", "pref", "1", "bpf", "bytecode", ARP)
        run_words = ("cbpf", "run", str(path), "from", "dev", "em1", "ingress")
        assert clsact.ok(*run_words, "summary") == "19 packets, 1 matched, 18 did not\n"
        clsact.ok("filter", "add", "dev", "em1", "ingress", "pref", "2", "bpf", "bytecode", ARP)
        outcome = clsact.pytc(*run_words)
        assert outcome.status == 1
        assert '2 filters of classic BPF are meant (pref 1 handle 0x1; pref 2 handle 0x1): say "pref"' in outcome.err

    def test_says_when_there_is_none(self, clsact: Network) -> None:
        words = ("cbpf", "disasm", "from", "dev", "em1", "ingress")
        assert clsact.pytc(*words).err == "no filter of classic BPF on em1\n"
        clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "expression", "ip")
        assert clsact.pytc(*words).err == "no filter of classic BPF on em1; 1 of other kinds or of eBPF\n"
        assert 'Cannot find device "em9"' in clsact.pytc("cbpf", "disasm", "from", "dev", "em9").err


def test_an_object_of_to_ebpf_is_one_for_tc(clsact: Network, wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "web.o"
    clsact.ok("cbpf", "to-ebpf", "expression", "tcp port 80", "verdict", "drop", "write", str(path))
    outcome = clsact.tc("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", str(path), "sec", "classifier")
    assert outcome.status == 0, outcome.err
    assert wire.passed([eth(ip4(tcp(1, 80), TCP)), eth(ip6(udp(1, 80), UDP), IPV6)]) == [False, True]


def test_a_mark_is_what_the_kernel_knows_of_a_packet(clsact: Network, wire: Wire, tmp_path: Path) -> None:
    """An assembled program with an extension, attached as bytecode and as eBPF."""
    source = tmp_path / "marked.asm"
    source.write_text("ld #mark\njeq #9, yes\nret #0\nyes: ret #-1\n")
    path = tmp_path / "marked.o"
    clsact.ok("cbpf", "to-ebpf", str(source), "verdict", "drop", "write", str(path))
    clsact.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", str(path))
    assert clsact.ping()
    assert not clsact.ping(mark=9)
