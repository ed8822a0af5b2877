"""``prog run`` does as the hook does: return values, the VLAN tag, metadata of XDP, tail calls."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from pytc.bpf import Runner, load, read_object, select_program
from pytc.bpf.run import vlan_tag
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.errors import BpfSyscallError
from pytc.netlink.namespaces import namespace
from pytc.packets.build import build as make_packet
from tests.conftest import Compiler
from tests.kernel.commands.prog.support import UDP, data_of, rows
from tests.network import Network
from tests.processes import pytc
from tests.waiting import until

pytestmark = pytest.mark.kernel


class TestReturnValues:
    @pytest.mark.parametrize("value", [1, 3, 5, 6, 77, -5])
    def test_a_value_that_the_filter_does_not_know_counts_as_unspec(self, build: Compiler, value: int) -> None:
        words = ("obj", build("run_hook"), "program", "returns", "ctx", f"mark={value & 0xFFFFFFFF}", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "UNSPEC")
        assert outcome.status == 0, outcome.out
        assert outcome.out.startswith(f"packet 1: TC_ACT_UNSPEC ({value}), ")
        assert f"a filter does not know the return value {value}" in outcome.err
        (row,) = rows(*words)
        assert (row["verdict"], row["value"]) == ("TC_ACT_UNSPEC", value & 0xFFFFFFFF)

    def test_a_known_value_needs_no_remark(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "program", "returns", "ctx", "mark=2", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "UNSPEC")
        assert (outcome.status, outcome.err) == (1, "")
        assert "FAILED: TC_ACT_SHOT (2), TC_ACT_UNSPEC was expected" in outcome.out

    def test_a_number_is_expected_as_it_is(self, build: Compiler) -> None:
        words = (
            "prog",
            "run",
            "obj",
            build("run_hook"),
            "program",
            "returns",
            "ctx",
            "mark=77",
            "packet",
            UDP,
            "expect",
        )
        assert pytc(*words, "77").status == 0
        outcome = pytc(*words, "78")
        assert (outcome.status, "FAILED: TC_ACT_UNSPEC (77), 78 was expected" in outcome.out) == (1, True)

    def test_tcx_knows_fewer(self, build: Compiler) -> None:
        words = ("obj", build("tcx"), "section", "tcx/ingress", "set", "verdict=4", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "NEXT")
        assert outcome.status == 0, outcome.out
        assert "tcx does not know the return value 4 (TC_ACT_STOLEN): it counts as TCX_NEXT" in outcome.err


def _value(*words: str) -> int:
    (row,) = rows(*words)
    return int(row["value"])


class TestTags:
    """A VLAN tag is metadata at a hook, and bytes in a bare test run."""

    @pytest.mark.parametrize("program", ["tag", "untag", "act_tag"])
    @pytest.mark.parametrize(
        ("packet", "value"),
        [
            ("eth vlan id 5 ip udp", 5),
            ("eth vlan id 5 prio 3 ip udp", 3 << 13 | 5),
            ("eth vlan id 5 vlan id 7 ip udp", 5),
            ("eth type 0x88a8 vlan id 6 ip udp", 0x10006),
            ("eth ip udp", 0xFFFFFFFF),
        ],
    )
    def test_the_outer_tag_is_metadata(self, build: Compiler, program: str, packet: str, value: int) -> None:
        assert _value("obj", build("run_hook"), "program", program, "packet", packet) == value

    def test_each_packet_has_its_own(self, build: Compiler) -> None:
        packets = ("packet", "eth vlan id 5 ip udp", "packet", "eth ip udp", "packet", "eth vlan id 9 arp")
        found = rows("obj", build("run_hook"), "program", "tag", *packets)
        assert [row["value"] for row in found] == [5, 0xFFFFFFFF, 9]

    def test_it_is_what_the_hook_finds(self, clsact: Network, build: Compiler) -> None:
        """The same packet really arrives at the program's hook."""
        packet = "eth dst ff:ff:ff:ff:ff:ff vlan id 5 prio 3 type 0x88b5 payload 0123456789"
        program = ("bpf", "da", "obj", build("run_hook"), "program", "tag")
        clsact.ok("filter", "add", "dev", "em1", "ingress", *program)
        with namespace(clsact.peer), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind(("em2", 0))
            sender.send(make_packet(packet))
        tag = 3 << 13 | 5
        until(lambda: clsact.json("map", "get", "name", "run_hook.bss")[0]["value"]["last_tag"] == tag)
        (found,) = clsact.json("prog", "run", "dev", "em1", "ingress", "packet", packet)
        assert found["packets"][0]["value"] == tag

    def test_a_program_that_leaves_it_alone_gives_it_back(self, build: Compiler, tmp_path: Path) -> None:
        words = ("obj", build("run_hook"), "program", "tag", "packet", "eth vlan id 5 ip udp")
        outcome = pytc("prog", "run", *words, "write", str(tmp_path / "out.pcap"))
        assert "VLAN" not in outcome.err
        assert data_of(str(tmp_path / "out.pcap")) == [make_packet("eth vlan id 5 ip udp")]
        (row,) = rows(*words, "repeat", "20")
        assert (row["changed"], row["length"]) == (False, 46)
        again = pytc("prog", "run", *words, "expect-pcap", str(tmp_path / "out.pcap"))
        assert again.status == 0, again.out

    def test_one_that_can_change_it_does_not(self, build: Compiler, tmp_path: Path) -> None:
        words = ("obj", build("run_hook"), "program", "untag", "packet", "eth vlan id 5 ip udp")
        outcome = pytc("prog", "run", *words, "write", str(tmp_path / "out.pcap"))
        assert "a test run does not return them: packets that came with one (1) are shown" in outcome.err
        assert data_of(str(tmp_path / "out.pcap")) == [make_packet("eth ip udp")]

    def test_one_that_pushes_a_tag_is_remarked_on(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "program", "push", "packet")
        outcome = pytc("prog", "run", *words, "eth ip udp")
        assert "the program pushes VLAN tags, which become metadata: a test run does not return them" in outcome.err

    def test_where_it_stays_in_the_bytes_that_is_said(self, build: Compiler) -> None:
        words = ("obj", build("run_types"), "program", "on_socket", "packet", "eth vlan id 5 ip udp")
        outcome = pytc("prog", "run", *words)
        assert "(1) had their VLAN tag in their bytes, where a hook has it as metadata" in outcome.err
        xdp = pytc("prog", "run", "obj", build("run_types"), "program", "on_xdp", "packet", "eth vlan id 5 ip udp")
        assert (xdp.status, xdp.err) == (0, "")

    def test_a_refused_tail_call_leaves_it_there(self, build: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(code: bytes, type: int) -> OwnedFd:
            raise BpfSyscallError("PROG_LOAD", errno.EINVAL, "program for VLAN tags")

        monkeypatch.setattr(vlan_tag, "_load", refuse)
        spec = read_object(build("run_hook"))
        with load(spec, select_program(spec, program="tag")) as loaded, Runner(loaded.program.fd) as runner:
            packet = make_packet("eth vlan id 5 ip udp")
            run = runner.run(packet)
            assert (run.verdict, run.packet, runner.unchanged(packet)) == (0xFFFFFFFF, packet, packet)
            assert (runner.tags_in_bytes, "EINVAL" in runner.tag_refusal) == (1, True)


@pytest.mark.needs("xdp_context")
class TestMetadata:
    def test_it_goes_in_and_comes_out_beside_the_packet(self, build: Compiler, tmp_path: Path) -> None:
        words = ("obj", build("run_hook"), "program", "meta", "packet", UDP, "metadata", "01020304")
        outcome = pytc("prog", "run", *words, "expect-metadata", "0a" * 8, "write", str(tmp_path / "out.pcap"))
        assert outcome.status == 0, outcome.out
        assert f"  metadata 01020304 -> {'0a' * 8}\n" in outcome.out
        assert data_of(str(tmp_path / "out.pcap")) == [make_packet(UDP)]
        (row,) = rows(*words)
        assert (row["metadata"], row["changed"]) == ("0a" * 8, False)

    def test_without_any_the_program_can_add_some(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "program", "meta", "packet", UDP)
        (row,) = rows(*words)
        assert (row["metadata"], row["changed"]) == ("00" * 8, False)
        outcome = pytc("prog", "run", *words, "expect-metadata", "01")
        assert (outcome.status, f"FAILED: metadata is {'00' * 8}, 01 was expected" in outcome.out) == (1, True)

    @pytest.mark.parametrize("digits", ["01", "00" * 256])
    def test_its_length_is_checked(self, build: Compiler, digits: str) -> None:
        words = ("obj", build("run_hook"), "program", "meta", "packet", UDP, "metadata", digits)
        outcome = pytc("prog", "run", *words)
        assert (outcome.status, "XDP takes a multiple of 4" in outcome.err) == (1, True)

    def test_it_is_for_xdp(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "program", "returns", "packet", UDP)
        assert "to XDP programs only" in pytc("prog", "run", *words, "metadata", "00000000").err
        assert "of XDP programs only" in pytc("prog", "run", *words, "expect-metadata", "00000000").err


@pytest.mark.needs("!xdp_context")
def test_an_older_kernel_is_named(build: Compiler) -> None:
    words = ("obj", build("run_hook"), "program", "meta", "packet", UDP)
    outcome = pytc("prog", "run", *words, "metadata", "01020304")
    assert (outcome.status, "test runs take metadata since Linux 5.15" in outcome.err) == (1, True)
    assert pytc("prog", "run", *words, "expect", "PASS").status == 0


class TestTailCalls:
    def test_that_work_are_no_reason_for_a_warning(self, build: Compiler) -> None:
        outcome = pytc("prog", "run", "obj", build("modern_prog_array"), "packet", UDP)
        assert (outcome.status, "tail calls" in outcome.err) == (0, False)
