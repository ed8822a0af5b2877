"""``prog run``: programs on packets, in this kernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytc.bpf import ProgramType, load, read_object, select_program
from pytc.packets.build import build
from tests.conftest import EXAMPLES, Compiler, pins
from tests.kernel.commands.prog.support import (
    ARP,
    HOPS,
    ICMP,
    LESS,
    NEXT_HOP,
    PACKETS,
    UDP,
    data_of,
    report,
    rows,
    verdicts,
)
from tests.network import Network
from tests.processes import PYTC, SOURCE, pytc

pytestmark = pytest.mark.kernel


class TestTheExample:
    """The commands of README and docs/testing-programs.md."""

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
        assert verdicts("obj", str(EXAMPLES / "shaper.o"), "packet", UDP) == ["TC_ACT_UNSPEC"]

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
            [*PYTC, "prog", "run", *NEXT_HOP, "pcap", "-", "expect", "OK"],
            input=header,
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, **SOURCE},
        )
        assert (done.returncode, b"FAILED: there were no packets" in done.stdout) == (1, True)

    def test_an_unknown_verdict_says_what_there_is(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", UDP, "expect", "XDP_DROP")
        assert outcome.status == 255
        assert "TC_ACT_OK, TC_ACT_SHOT, TC_ACT_STOLEN, TC_ACT_REDIRECT, TC_ACT_TRAP" in outcome.err

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


@pytest.mark.needs("program:kprobe")
def test_types_that_are_for_events(root: None, build: Compiler) -> None:
    outcome = pytc("prog", "run", "obj", build("one_program"), "type", "kprobe", "packet", UDP)
    assert (outcome.status, outcome.err) == (1, "programs of type kprobe do not run on packets\n")


def test_types_that_are_for_sockets(root: None) -> None:
    outcome = pytc("prog", "run", "obj", str(EXAMPLES / "sockops" / "iw.o"), "packet", UDP)
    assert (outcome.status, outcome.err) == (1, "programs of type sock_ops do not run on packets\n")
