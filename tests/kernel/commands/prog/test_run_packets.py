"""``prog run``: packets that come from captures, words and pipes, and those that the kernel does not take."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import load, read_object, select_program
from pytc.bpf.sys import abi
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from pytc.packets import Packet, PcapngWriter, open_capture, write_pcap
from pytc.packets.build import build
from tests.conftest import EXAMPLES
from tests.kernel.commands.prog.support import (
    HOPS,
    ICMP,
    LESS,
    NEXT_HOP,
    PACKETS,
    data_of,
    report,
    rows,
    verdicts,
)
from tests.processes import PYTC, SOURCE, pytc

pytestmark = pytest.mark.kernel


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

    @pytest.mark.needs("!long_test_packets")
    def test_too_long_packets_are_a_clean_error(self, root: None) -> None:
        outcome = pytc("prog", "run", *NEXT_HOP, "packet", "eth length 9000")
        assert outcome.status == 1
        assert "the packet has 9000 bytes" in outcome.err

    @pytest.mark.needs("long_test_packets")
    def test_long_packets(self, root: None) -> None:
        (row,) = rows(*NEXT_HOP, "packet", "eth length 9000")
        assert (row["length"], row["changed"]) == (9000, False)

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
            [*PYTC, "prog", "run", *NEXT_HOP, "pcap", "-", *words],
            input=(tmp_path / "hops.pcapng").read_bytes(),
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, **SOURCE},
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
