"""``prog run``: programs on packets, in this kernel."""

from __future__ import annotations

import ctypes
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pytc.bpf import ProgramType, load, read_object, select_program
from pytc.bpf.run.context import SKB, XDP
from pytc.bpf.sys import abi
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from pytc.packets import Packet, PcapngWriter, open_capture, write_pcap
from pytc.packets.build import build
from tests.conftest import EXAMPLES, ROOT, Compiler, Network, Outcome, pins, run

pytestmark = pytest.mark.kernel
PACKETS = ROOT / "examples" / "packets"
NEXT_HOP = ("obj", str(EXAMPLES / "next_hop.o"))
HOPS, LESS = str(PACKETS / "hops.pcap"), str(PACKETS / "hops-less.pcap")
UDP, ICMP, ARP = "ip ttl 64 udp payload abc", "ip icmp type 8", "arp"


def pytc(*words: str, env: dict[str, str] | None = None) -> Outcome:
    return run(sys.executable, "-m", "pytc", *words, env={"PYTHONPATH": str(ROOT / "src"), **(env or {})})


def report(*words: str, status: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    """What ``-j prog run`` says."""
    outcome = pytc("-j", "prog", "run", *words, env=env)
    assert outcome.status == status, outcome.err
    (found,) = json.loads(outcome.out)
    return dict(found)


def rows(*words: str, status: int = 0) -> list[dict[str, Any]]:
    found = report(*words, status=status)["packets"]
    assert isinstance(found, list)
    return found


def verdicts(*words: str) -> list[object]:
    return [row["verdict"] for row in rows(*words)]


def data_of(path: str) -> list[bytes]:
    with open_capture(path) as packets:
        return [packet.data for packet in packets]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """A UDP packet, a ping, an ARP request."""
    path = tmp_path / "in.pcap"
    with path.open("wb") as file:
        write_pcap(file, [Packet(build(text), len(build(text)), 1) for text in (UDP, ICMP, ARP)])
    return str(path)


class TestTheExample:
    """What README and docs/testing-programs.md show."""

    def test_the_right_program_passes(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "expect", "OK,SHOT,OK", "expect-pcap", LESS)
        assert outcome.status == 0, outcome.err
        assert "3 packets, 0 failed" in outcome.out

    def test_a_forgotten_checksum_is_caught(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "sec", "forgetful", "pcap", HOPS, "expect-pcap", LESS)
        assert outcome.status == 1
        assert outcome.out.count("FAILED") == 1
        assert "packet 1" in outcome.out.partition("FAILED")[0]
        assert "3 packets, 1 failed" in outcome.out

    def test_the_checksum_is_all_that_is_wrong(self, root: None, tmp_path: Path) -> None:
        (row, *_) = rows(*NEXT_HOP, "sec", "forgetful", "pcap", HOPS)
        assert [one["offset"] for one in row["differences"]] == [22]
        (row, *_) = rows(*NEXT_HOP, "pcap", HOPS)
        assert [one["offset"] for one in row["differences"]] == [22, 24]

    def test_the_captures_are_what_their_words_say(self) -> None:
        words = "eth ip src 192.0.2.1 dst 198.51.100.7 ttl {} id 7 tcp sport 40000 dport 80 flags psh,ack payload {}"
        assert [data_of(path)[0] for path in (HOPS, LESS)] == [build(words.format(ttl, "'GET /'")) for ttl in (64, 63)]
        assert data_of(HOPS)[1:] == data_of(LESS)[1:]


class TestWhatIsRun:
    def test_a_program_by_pin_id_name_and_tag(self, bpffs: Path) -> None:
        spec = read_object(str(EXAMPLES / "traffic.o"))
        drop = select_program(spec, section="drop")
        with load(spec, drop, type=ProgramType.SCHED_CLS) as loaded:
            loaded.program.pin(str(bpffs / "drop"))
            about = loaded.program.description
            for words in (("pinned", str(bpffs / "drop")), ("id", str(about.id))):
                assert verdicts(*words, "packet", ICMP, "packet", UDP) == ["TC_ACT_SHOT", "TC_ACT_OK"]
            outcome = pytc("prog", "run", "tag", about.tag, "packet", ICMP, "expect", "SHOT")
            assert outcome.status == 0 or "choose one with id" in outcome.err

    def test_the_program_of_a_filter(self, network: Network) -> None:
        network.ok("qdisc", "add", "dev", "em1", "clsact")
        network.ok(
            "filter",
            "add",
            "dev",
            "em1",
            "ingress",
            "pref",
            "3",
            "bpf",
            "da",
            "obj",
            str(EXAMPLES / "traffic.o"),
            "sec",
            "drop",
        )
        said = network.ok("prog", "run", "dev", "em1", "ingress", "pref", "3", "packet", ICMP, "expect", "SHOT")
        assert "TC_ACT_SHOT (2)" in said
        network.ok(
            "filter", "add", "dev", "em1", "ingress", "pref", "4", "bpf", "da", "obj", str(EXAMPLES / "traffic.o")
        )
        both = network.pytc("prog", "run", "dev", "em1", "ingress", "packet", ICMP)
        assert both.status == 1
        assert "pref 3 handle 0x1; pref 4 handle 0x1" in both.err
        none = network.pytc("prog", "run", "dev", "em1", "egress", "packet", ICMP)
        assert (none.status, none.err) == (1, "no such filter with a BPF program on em1\n")
        network.ok("filter", "add", "dev", "em1", "egress", "bpf", "bytecode", "1,6 0 0 0")
        classic = network.pytc("prog", "run", "dev", "em1", "egress", "packet", ICMP)
        assert (classic.status, '"pytc cbpf run CAPTURE from dev em1 ..."' in classic.err) == (1, True)

    def test_a_filter_without_direct_action_returns_classes(self, network: Network) -> None:
        network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
        network.ok(
            "filter", "add", "dev", "em1", "parent", "1:", "bpf", "obj", str(EXAMPLES / "shaper.o"), "flowid", "1:30"
        )
        said = network.ok(
            "prog",
            "run",
            "dev",
            "em1",
            "parent",
            "1:",
            "packet",
            UDP,
            "packet",
            ICMP,
            "packet",
            ARP,
            "expect",
            "1:10,1:20,flowid",
        )
        assert "packet 1: 1:10, " in said
        assert verdicts("obj", str(EXAMPLES / "shaper.o"), "classid", "packet", UDP) == ["1:10"]
        assert verdicts("obj", str(EXAMPLES / "shaper.o"), "packet", UDP) == [str(0x10010)]

    def test_other_types_of_programs(self, build: Compiler, capture: str) -> None:
        path = build("run_types")
        found = {}
        for program in read_object(path).programs:
            outcome = pytc("-j", "prog", "run", "obj", path, "program", program.name, "pcap", capture)
            assert outcome.status == 0, (program.name, outcome.err)
            found[program.type.name] = json.loads(outcome.out)[0]["packets"][0]
        assert "XDP" in found and "SOCKET_FILTER" in found
        assert str(found["XDP"]["verdict"]).startswith("XDP_")

    def test_with_verbose_comes_the_log_of_the_verifier(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "verbose", "packet", UDP)
        assert outcome.status == 0
        assert re.match(r'Verifier log of program "next_hop":\n(.*\n)*processed \d+ insns .*\n$', outcome.err)
        assert pytc("prog", "run", *NEXT_HOP, "packet", UDP).err == ""

    def test_pins_of_the_object_are_left_alone(self, bpffs: Path) -> None:
        env = {"TC_BPF_MNT": str(bpffs)}
        found = report("obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls", "packet", UDP, "ctx", "mark=3", env=env)
        assert found["summary"]["packets"] == 1
        assert pins(bpffs) == []

    def test_variables_and_sizes_of_the_object(self, root: None) -> None:
        words = ("obj", str(EXAMPLES / "traffic.o"), "packet", UDP, "dump", "protocols")
        assert report(*words)["maps"] == {"protocols": [{"key": 17, "value": {"packets": 1, "bytes": 31}}]}
        assert report(*words, "set", "counting=false")["maps"] == {"protocols": []}


class TestContext:
    @pytest.mark.parametrize("field", SKB.settable)
    def test_the_kernel_takes_each_field(self, root: None, field: str) -> None:
        value = {"ifindex": "lo", "ingress_ifindex": "lo", "wire_len": "100", "gso_size": "10"}.get(field, "7")
        more = {"gso_size": ",gso_segs=2", "gso_segs": ",gso_size=20"}.get(field, "")
        assert verdicts(*NEXT_HOP, "packet", UDP, "ctx", f"{field}={value}{more}") == ["TC_ACT_OK"]

    @pytest.mark.parametrize("field", sorted(SKB.others | {"nothing"}))
    def test_others_are_refused_with_what_there_is(self, root: None, field: str) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", UDP, "ctx", f"{field}=1")
        assert outcome.status == 1
        assert field in outcome.err
        assert "the kernel accepts mark, priority" in outcome.err or "it accepts mark, priority" in outcome.err

    @pytest.mark.parametrize("field", sorted(SKB.others - {"cb"}))
    def test_the_kernel_does_refuse_them(self, root: None, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The table of what may be set is the kernel's: a field beside it is EINVAL."""
        from pytc.bpf.run import context as run_context
        from pytc.bpf.run.test_run import Runner
        from pytc.errors import BpfSyscallError

        offsets = {
            "len": 0,
            "pkt_type": 4,
            "queue_mapping": 12,
            "protocol": 16,
            "vlan_present": 20,
            "vlan_tci": 24,
            "vlan_proto": 28,
            "tc_index": 44,
            "hash": 68,
            "tc_classid": 72,
            "data": 76,
            "data_end": 80,
            "napi_id": 84,
            "family": 88,
            "remote_ip4": 92,
            "local_ip4": 96,
            "remote_ip6": 100,
            "local_ip6": 116,
            "remote_port": 132,
            "local_port": 136,
            "data_meta": 140,
            "flow_keys": 144,
            "sk": 168,
            "tstamp_type": 180,
        }
        monkeypatch.setitem(run_context.SKB.settable, field, run_context.Field(offsets[field]))
        spec = read_object(str(EXAMPLES / "next_hop.o"))
        with load(spec, select_program(spec)) as loaded, pytest.raises(BpfSyscallError, match="EINVAL"):
            Runner(loaded.program.fd, {field: 1}).run(build(UDP))

    def test_fields_that_the_program_changed(self, build: Compiler, root: None) -> None:
        program = ("obj", build("prog_context"), "program", "cls_main", "packet", UDP)
        found = report(*program, "ctx", "mark=7,priority=2,cb3=9", "expect-ctx", "mark=8,priority=2,cb0=42,cb3=9")
        assert found["packets"][0]["context"] == {"mark": 8, "cb0": 42}
        wrong = pytc("prog", "run", *program, "expect-ctx", "mark=5")
        assert (wrong.status, "FAILED: mark is 1, 5 was expected" in wrong.out) == (1, True)
        other = pytc("prog", "run", *program, "expect-ctx", "wire_len=5")
        assert (other.status, "a test run does not return wire_len" in other.err) == (255, True)

    def test_a_device_by_its_name(self, network: Network, build: Compiler) -> None:
        words = ("prog", "run", "obj", build("prog_context"), "program", "device", "packet", UDP, "ctx")
        index = int(network.execute("cat", "/sys/class/net/em1/ifindex").out)
        (found,) = json.loads(network.ok(*words, "ifindex=em1", options=("-j",)))
        assert found["packets"][0]["value"] == index
        missing = network.pytc(*words, "ifindex=em7")
        assert (missing.status, missing.err) == (1, 'Cannot find device "em7"\n')
        numbered = network.pytc(*words, "ifindex=9999")
        assert (numbered.status, "ENODEV" in numbered.err) == (1, True)

    def test_xdp_has_its_own(self, build: Compiler, root: None) -> None:
        words = ("obj", build("run_types"), "type", "xdp", "packet", UDP, "ctx")
        name = next(p.name for p in read_object(build("run_types")).programs if p.type is ProgramType.XDP)
        outcome = pytc("prog", "run", *words, "mark=1", "program", name)
        assert (outcome.status, "ingress_ifindex, rx_queue_index" in outcome.err) == (1, True)
        assert set(XDP.settable) == {"ingress_ifindex", "rx_queue_index"}


class TestPackets:
    def test_short_packets_are_filled_up_and_it_is_said_once(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "hex", "0011", "hex", "ff" * 13, "hex", "00" * 60)
        assert outcome.status == 0, outcome.err
        assert outcome.err.count("padded with zeros") == 1
        assert (
            "some packets (2) were shorter than a test run accepts, and were padded with zeros to 14 bytes"
            in outcome.err
        )

    def test_packets_that_end_within_the_ip_header_are_filled_up_where_the_kernel_wants_it(self, root: None) -> None:
        """Linux 6.18 refuses them, and only those of IP; what it takes is left as it is."""
        lengths = [14, 20, 33, 34, 14, 20, 53, 54, 14]
        whole = [build("ip tcp")] * 4 + [build("ip6 tcp")] * 4 + [build("arp")]
        given = [packet[:length] for packet, length in zip(whole, lengths, strict=True)]
        words = [word for data in given for word in ("hex", data.hex())]
        traffic = str(EXAMPLES / "traffic.o")
        outcome = pytc("-j", "prog", "run", "obj", traffic, *words, "repeat", "3")
        assert outcome.status == 0, outcome.err
        (found,) = json.loads(outcome.out)
        spec = read_object(traffic)
        with load(spec, select_program(spec)) as loaded:
            taken = [_is_taken(loaded.program.fd, data) for data in given]
        wanted = [34] * 4 + [54] * 4 + [14]
        assert [row["length"] for row in found["packets"]] == [
            length if takes else want for length, takes, want in zip(lengths, taken, wanted, strict=True)
        ]
        assert not any(row["changed"] for row in found["packets"])
        padded = taken.count(False)
        assert outcome.err.count("padded with zeros") == bool(padded)
        assert f"some packets ({padded}) were" in outcome.err or not padded

    def test_what_was_filled_up_is_no_change(self, root: None) -> None:
        (row,) = rows(*NEXT_HOP, "hex", "0011")
        assert (row["length"], row["changed"]) == (14, False)

    def test_too_long_packets_are_a_clean_error(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", "eth length 9000")
        assert outcome.status == 1
        assert "the packet has 9000 bytes" in outcome.err

    def test_what_is_written_is_what_came_out(self, root: None, tmp_path: Path) -> None:
        out = str(tmp_path / "out.pcap")
        assert pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "write", out).status == 0
        assert data_of(out) == data_of(LESS)
        again = pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "expect-pcap", out)
        assert again.status == 0, again.out

    def test_bare_ip_gets_an_ethernet_header(self, root: None, tmp_path: Path) -> None:
        path = tmp_path / "raw.pcap"
        with path.open("wb") as file:
            write_pcap(file, [Packet(build(ICMP)[14:], 28, 101)])
        drop = ("obj", str(EXAMPLES / "traffic.o"), "sec", "drop")
        assert verdicts(*drop, "pcap", str(path)) == ["TC_ACT_SHOT"]
        with path.open("wb") as file:
            write_pcap(file, [Packet(bytes(20), 20, 105)])
        outcome = pytc("prog", "run", *drop, "pcap", str(path))
        assert (outcome.status, "begins with IEEE802_11" in outcome.err) == (1, True)

    def test_captures_of_all_devices_get_an_ethernet_header(self, root: None, tmp_path: Path) -> None:
        path = tmp_path / "any.pcap"
        drop = ("obj", str(EXAMPLES / "traffic.o"), "sec", "drop", "pcap", str(path))
        ip = build(ICMP)[14:]
        for link_type, header in ((113, bytes(14) + b"\x08\x00"), (276, b"\x08\x00" + bytes(18))):
            with path.open("wb") as file:
                write_pcap(file, [Packet(header + ip, len(header + ip), link_type)])
            (row,) = rows(*drop)
            assert (row["verdict"], row["length"]) == ("TC_ACT_SHOT", 14 + len(ip))
            for data in (header[:-1], bytes(len(header)) + ip):
                with path.open("wb") as file:
                    write_pcap(file, [Packet(data, len(data), link_type)])
                outcome = pytc("prog", "run", *drop)
                assert (outcome.status, "packet 1 begins with LINUX_SLL" in outcome.err) == (1, True)

    def test_pcapng_and_standard_input(self, root: None, tmp_path: Path) -> None:
        with open_capture(HOPS) as packets, (tmp_path / "hops.pcapng").open("wb") as file:
            writer = PcapngWriter(file)
            for packet in packets:
                writer.write(packet)
        words = ("expect", "OK,SHOT,OK", "expect-pcap", LESS)
        outcome = pytc("prog", "run", *NEXT_HOP, "pcap", str(tmp_path / "hops.pcapng"), *words)
        assert outcome.status == 0, outcome.out
        done = subprocess.run(
            [sys.executable, "-m", "pytc", "prog", "run", *NEXT_HOP, "pcap", "-", *words],
            input=(tmp_path / "hops.pcapng").read_bytes(),
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert done.returncode == 0, done.stdout

    def test_count_and_repeat(self, root: None, capture: str) -> None:
        drop = ("obj", str(EXAMPLES / "traffic.o"), "sec", "drop")
        assert verdicts(*drop, "pcap", capture, "count", "2") == ["TC_ACT_OK", "TC_ACT_SHOT"]
        (first, *_) = rows(*NEXT_HOP, "pcap", HOPS, "repeat", "1000", "expect-pcap", LESS)
        assert first["verdict"] == "TC_ACT_OK"
        found = report(*drop, "packet", ICMP, "repeat", "500", "dump", "drops")
        assert _total(found["maps"]["drops"]) == 500


def _is_taken(fd: int, packet: bytes) -> bool:
    """Whether this kernel runs a program on a packet as it is."""
    source, attr = ctypes.create_string_buffer(packet, len(packet)), abi.TestRunAttr(prog_fd=fd)
    attr.data_in, attr.data_size_in = ctypes.addressof(source), len(packet)
    try:
        bpf(Command.PROG_TEST_RUN, attr)
    except BpfSyscallError:
        return False
    return True


def _total(elements: list[dict[str, Any]]) -> int:
    value = elements[0].get("value", elements[0].get("values"))
    return sum(value) if isinstance(value, list) else int(str(value))


class TestExpectations:
    def test_one_verdict_for_all_or_one_for_each(self, root: None, capture: str) -> None:
        drop = ("obj", str(EXAMPLES / "traffic.o"), "sec", "drop", "pcap", capture)
        assert pytc("prog", "run", *drop, "expect", "OK,drop,TC_ACT_OK").status == 0
        assert pytc("prog", "run", *drop, "expect", "OK").status == 1
        assert pytc("prog", "run", *drop, "expect", "0,2").status == 1
        said = pytc("prog", "run", *drop, "expect", "0,2,0,0")
        assert (said.status, "4 verdicts were expected, there were 3 packets" in said.out) == (1, True)

    def test_captures_of_another_length(self, root: None) -> None:
        more = pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "pcap", HOPS, "expect-pcap", LESS)
        assert (more.status, f"{LESS} has no packet 4" in more.out) == (1, True)
        fewer = pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "count", "1", "expect-pcap", LESS)
        assert (fewer.status, "has 2 more packets than were run" in fewer.out) == (1, True)

    def test_no_packets_are_not_as_expected(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "count", "1", "expect", "OK")
        assert outcome.status == 0
        header = Path(HOPS).read_bytes()[:24]
        done = subprocess.run(
            [sys.executable, "-m", "pytc", "prog", "run", *NEXT_HOP, "pcap", "-", "expect", "OK"],
            input=header,
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert (done.returncode, b"FAILED: there were no packets" in done.stdout) == (1, True)

    def test_an_unknown_verdict_says_what_there_is(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", UDP, "expect", "XDP_DROP")
        assert outcome.status == 255
        assert "TC_ACT_OK, TC_ACT_RECLASSIFY" in outcome.err

    def test_a_report_for_continuous_integration(self, root: None, tmp_path: Path) -> None:
        path = tmp_path / "junit.xml"
        outcome = pytc(
            "prog", "run", *NEXT_HOP, "sec", "forgetful", "pcap", HOPS, "expect-pcap", LESS, "junit", str(path)
        )
        assert outcome.status == 1
        suite = ET.parse(path).getroot()
        assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("no_checksum", "3", "1")
        cases = suite.findall("testcase")
        assert [case.find("failure") is not None for case in cases] == [True, False, False]
        assert all(float(case.get("time", "x")) < 1 for case in cases)

    def test_a_report_takes_names_that_xml_does_not(self, root: None, tmp_path: Path) -> None:
        odd = tmp_path / "a<b>&\x01.pcap"
        odd.write_bytes((PACKETS / "hops.pcap").read_bytes())
        pytc("prog", "run", *NEXT_HOP, "pcap", HOPS, "expect-pcap", str(odd), "junit", str(tmp_path / "junit.xml"))
        suite = ET.parse(tmp_path / "junit.xml").getroot()
        assert "a<b>&?.pcap" in (suite.findtext("testcase/failure") or "")


class TestMaps:
    def test_preset_and_dump(self, root: None) -> None:
        firewall = ("obj", str(EXAMPLES / "firewall.o"), "packet", "ip src 192.0.2.7 udp")
        assert verdicts(*firewall) == ["TC_ACT_OK"]
        found = report(
            *firewall,
            "preset",
            "settings",
            "value",
            "{",
            "enabled",
            "true",
            "}",
            "preset",
            "verdicts",
            "key",
            "192.0.2.7",
            "value",
            "{",
            "action",
            "DROP",
            "}",
            "dump",
            "verdicts",
        )
        assert found["packets"][0]["verdict"] == "TC_ACT_SHOT"
        assert found["maps"]["verdicts"][0]["key"] == "192.0.2.7"

    def test_a_map_that_is_not_there(self, root: None) -> None:
        for words in (("dump", "nothing"), ("preset", "nothing", "key", "1", "value", "2")):
            outcome = pytc("prog", "run", "obj", str(EXAMPLES / "traffic.o"), "packet", UDP, *words)
            assert outcome.status == 1
            assert 'has no map "nothing"; it has ' in outcome.err

    def test_a_value_that_does_not_fit(self, root: None) -> None:
        outcome = pytc(
            "prog",
            "run",
            "obj",
            str(EXAMPLES / "traffic.o"),
            "packet",
            UDP,
            "preset",
            "protocols",
            "key",
            "17",
            "value",
            "{",
            "packets",
            "many",
            "}",
        )
        assert (outcome.status, "Traceback" in outcome.err) == (1, False)


def test_types_that_do_not_run_on_packets(root: None, build: Compiler) -> None:
    outcome = pytc("prog", "run", "obj", build("one_program"), "type", "kprobe", "packet", UDP)
    assert (outcome.status, outcome.err) == (1, "programs of type kprobe do not run on packets\n")


def test_hostile_captures_are_clean_errors(root: None, tmp_path: Path) -> None:
    path = tmp_path / "bad.pcap"
    whole = (PACKETS / "hops.pcap").read_bytes()
    for damaged in (
        b"",
        whole[:10],
        whole[:30],
        whole[:-3],
        b"\xff" * 64,
        whole[:32] + b"\xff" * 8 + whole[40:],
        struct.pack("<I", 0x0A0D0D0A) + b"\xff" * 40,
    ):
        path.write_bytes(damaged)
        for words in (("pcap", str(path)), ("pcap", HOPS, "expect-pcap", str(path))):
            outcome = pytc("prog", "run", *NEXT_HOP, *words)
            assert outcome.status == 1, damaged
            assert "Traceback" not in outcome.err
            assert outcome.err.startswith("capture ")
