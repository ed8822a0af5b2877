"""What programs compute. tests/kernel/cbpf compares it with the kernel; here are the corners, each by hand."""

from __future__ import annotations

import struct

import pytest

from pytc.bpf.insn.classic import ClassicInstruction
from pytc.cbpf import Ancillary, assemble, compile_expression, run, run_capture
from pytc.cbpf.ancillary import describe, untag
from pytc.cbpf.payload import payload_offset
from pytc.packets import Packet
from pytc.packets.link_types import ETHERNET, RAW, SLL, SLL2
from tests.captures import (
    ARP,
    BROADCAST,
    IP,
    IPV6,
    MULTICAST,
    QINQ,
    TCP,
    UDP,
    VLAN,
    arp,
    eth,
    ip4,
    ip6,
    tcp,
    udp,
    vlan,
)

U32 = 0xFFFFFFFF


def result(text: str, data: bytes = bytes(range(64)), length: int | None = None, **known: int) -> int:
    return run(assemble(text), data, length, Ancillary(**known))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ret #5", 5),
        ("ret a", 0),
        ("txa\nret a", 0),
        ("ld #len\nret a", 64),
        ("ldx #len\ntxa\nret a", 64),
        ("ld [1]\nret a", 0x01020304),
        ("ldh [1]\nret a", 0x0102),
        ("ldb [63]\nret a", 63),
        ("ldxi #3\nld [x + 1]\nret a", 0x04050607),
        ("ldi #1\nld [61]\nret #7", 0),
        ("ldh [63]\nret #7", 0),
        ("ldb [64]\nret #7", 0),
        ("ldxi #64\nldb [x+0]\nret #7", 0),
        ("ldxi #-1\nldb [x + 5]\nret a", 4),
        ("ldx 4*([31]&0xf)\ntxa\nret a", 60),
        ("ldx 4*([64]&0xf)\nret #7", 0),
        ("ldi #-1\nadd #2\nret a", 1),
        ("ldi #1\nsub #2\nret a", U32),
        ("ldi #0x10000\nmul #0x10001\nret a", 0x10000),
        ("ldi #7\ndiv #2\nret a", 3),
        ("ldi #7\nmod #4\nret a", 3),
        ("ldi #7\ndiv x\nret #9", 0),
        ("ldi #7\nmod x\nret #9", 0),
        ("ldi #6\nand #3\nret a", 2),
        ("ldi #6\nor #3\nret a", 7),
        ("ldi #6\nxor #3\nret a", 5),
        ("ldi #1\nlsh #31\nret a", 1 << 31),
        ("ldi #-1\nrsh #31\nret a", 1),
        ("ldi #1\nldxi #33\nlsh x\nret a", 2),
        ("ldi #4\nldxi #33\nrsh x\nret a", 2),
        ("ldi #1\nneg\nret a", U32),
        ("ldi #3\nst M[15]\nldi #0\nld M[15]\nret a", 3),
        ("ldxi #4\nstx M[0]\nldx M[0]\ntxa\nret a", 4),
        ("ldi #3\ntax\nldi #4\nadd x\nret a", 7),
        ("ldi #5\nldxi #3\nld [-4056]\nret a", 6),
        ("ldb [-1048576]\nret a", 14),
        ("ldb [-2097152]\nret a", 0),
        ("ldb [-2097151]\nret a", 1),
        ("ldxi #2\nldb [x - 1048576]\nret a", 16),
        ("ld [-2097153]\nret #9", 0),
        ("ldx 4*([-1048576]&0xf)\ntxa\nret a", 56),
    ],
)
def test_instructions(text: str, value: int) -> None:
    assert result(text, network_header=14) == value


@pytest.mark.parametrize(
    ("jump", "a", "x", "taken"),
    [
        ("jeq", 5, 5, True),
        ("jeq", 5, 6, False),
        ("jgt", 6, 5, True),
        ("jgt", 5, 5, False),
        ("jge", 5, 5, True),
        ("jge", 4, 5, False),
        ("jgt", U32, 1, True),
        ("jset", 6, 3, True),
        ("jset", 4, 3, False),
        ("jne", 5, 6, False),
        ("jlt", 4, 5, False),
        ("jle", 6, 5, True),
    ],
)
def test_jumps_with_k_and_with_x(jump: str, a: int, x: int, taken: bool) -> None:
    """Of ``jne``, ``jlt`` and ``jle`` the label is for "no": the outcome here is that of the opcode."""
    inverse = jump in ("jne", "jlt", "jle")
    end = "no\nret #1\nno: ret #0" if inverse else "yes, no\nyes: ret #1\nno: ret #0"
    assert result(f"ldi #{a}\n{jump} #{x}, {end}") == taken
    assert result(f"ldi #{a}\nldxi #{x}\n{jump} x, {end}") == taken


def test_a_packet_that_was_cut() -> None:
    """The length is the wire's, loads end where the capture does."""
    assert result("ld #len\nret a", b"abc", 1500) == 1500
    assert result("ldb [3]\nret #1", b"abc", 1500) == 0


@pytest.mark.parametrize(
    "name",
    [
        "proto",
        "type",
        "ifidx",
        "mark",
        "queue",
        "hatype",
        "rxhash",
        "cpu",
        "vlan_tci",
        "vlan_avail",
        "vlan_tpid",
        "rand",
    ],
)
def test_extensions_give_what_is_set(name: str) -> None:
    assert run(assemble(f"ld #{name}\nret a"), b"", ancillary=Ancillary(**{name: 4711})) == 4711


def test_netlink_attributes() -> None:
    inner = struct.pack("=HHI", 8, 3, 77) + struct.pack("=HHB3x", 5, 4 | 0x8000, 1)
    data = struct.pack("=HHI", 8, 1, 5) + struct.pack("=HH", 4 + len(inner), 2) + inner
    find = "ldi #{}\nldxi #{}\nld #{}\nret a"
    assert result(find.format(0, 1, "nla"), data) == 0, "an attribute at 0 looks like none"
    assert result(find.format(0, 2, "nla"), data) == 8
    assert result(find.format(0, 9, "nla"), data) == 0
    assert result(find.format(8, 3, "nlan"), data) == 12
    assert result(find.format(8, 4, "nlan"), data) == 20, "flags of the type do not count"
    assert result(find.format(8, 9, "nlan"), data) == 0
    assert result(find.format(len(data) - 3, 1, "nla"), data) == 0
    assert result(find.format(0xFFFFFFFF, 1, "nlan"), data) == 0
    assert result(find.format(0, 1, "nla"), struct.pack("=HH", 3, 1)) == 0, "a length below the header's"
    assert result(find.format(0, 1, "nlan"), struct.pack("=HH", 400, 1)) == 0, "a length beyond the packet"


@pytest.mark.parametrize(
    ("frame", "proto", "type"),
    [
        (eth(b"x", IP), IP, 0),
        (eth(b"x", ARP, target=BROADCAST), ARP, 1),
        (eth(b"x", IPV6, target=MULTICAST), IPV6, 2),
        (eth(b"\xff\xff", 30), 1, 0),
        (eth(b"\x42\x42", 30), 4, 0),
        (b"", 4, 0),
        (eth(vlan(5, b""), VLAN), VLAN, 0),
    ],
)
def test_what_an_ethernet_packet_says(frame: bytes, proto: int, type: int) -> None:
    known = describe(frame, ETHERNET)
    assert (known.proto, known.type, known.network_header, known.hatype) == (proto, type, 14, 1)


def test_what_other_packets_say() -> None:
    assert describe(ip4(b"", TCP), RAW).proto == IP
    assert describe(ip6(b"", TCP), RAW).proto == IPV6
    assert describe(b"", RAW).proto == 0
    cooked = struct.pack("!HHH8sH", 4, 772, 6, bytes(8), IP)
    assert describe(cooked, SLL)[:2] == (IP, 4)
    assert describe(cooked, SLL).hatype == 772
    cooked2 = struct.pack("!HHIHBB8s", IPV6, 0, 9, 1, 3, 6, bytes(8))
    assert describe(cooked2, SLL2)[:3] == (IPV6, 3, 9)
    assert describe(b"", SLL2).type == 0
    assert describe(b"x", 147) == Ancillary()


def test_the_outer_tag_is_taken_out() -> None:
    frame = eth(vlan(7, vlan(5, b"payload", 0x1234), VLAN, priority=3), QINQ)
    data, known = untag(frame, describe(frame, ETHERNET))
    assert data == eth(vlan(5, b"payload", 0x1234), VLAN)
    assert (known.proto, known.vlan_avail, known.vlan_tci, known.vlan_tpid) == (VLAN, 1, 3 << 13 | 7, QINQ)
    plain = eth(b"x" * 20)
    assert untag(plain, describe(plain, ETHERNET))[0] == plain


@pytest.mark.parametrize(
    ("frame", "protocol", "offset"),
    [
        (eth(ip4(tcp(1, 2, options=bytes(8)), TCP)), IP, 14 + 20 + 28),
        (eth(ip4(udp(1, 2), UDP)), IP, 42),
        (eth(ip6(udp(1, 2), UDP), IPV6), IPV6, 62),
        (eth(arp(1), ARP), ARP, 14),
        (eth(vlan(5, arp(1), ARP), VLAN), VLAN, 18),
        (eth(b"", IP), IP, 0),
        (eth(b"?" * 30, 0x1234), 0x1234, 0),
        (eth(ip4(bytes(30), UDP, fragment=5)), IP, 34),
        (eth(ip4(b"", TCP)), IP, 34),
        (eth(b"\x44" + bytes(30)), IP, 0),
        (eth(ip4(ip4(udp(1, 2), UDP), 4)), IP, 62),
    ],
)
def test_payload_offsets(frame: bytes, protocol: int, offset: int) -> None:
    assert payload_offset(frame, protocol, 14) == offset


def test_tags_without_end() -> None:
    assert payload_offset(eth(vlan(1, b"", VLAN)[:4] * 40, VLAN), VLAN, 14) == 14 + 16 * 4


def test_a_capture_of_two_link_types_has_a_program_for_each() -> None:
    frame = ip4(tcp(1, 80), TCP)
    made = [Packet(eth(frame), 54, ETHERNET), Packet(frame, 40, RAW), Packet(eth(frame), 54, ETHERNET)]
    asked: list[int] = []

    def program(number: int) -> tuple[ClassicInstruction, ...]:
        asked.append(number)
        return assemble(f"ldb [{23 if number == ETHERNET else 9}]\nret a")

    assert [verdict.value for verdict in run_capture(program, made)] == [TCP] * 3
    assert asked == [ETHERNET, RAW]


def test_values_and_tags_in_a_capture() -> None:
    frame = eth(vlan(5, ip4(b"", TCP)), VLAN)
    packet = Packet(frame, len(frame) + 100, ETHERNET)
    tagged = assemble("ld #vlan_avail\njne #1, no\nld #mark\nret a\nno: ret #0")
    assert [v.value for v in run_capture(tagged, [packet], values={"mark": 9}, untagged=True)] == [9]
    assert [v.value for v in run_capture(tagged, [packet], values={"mark": 9})] == [0]
    assert [v.value for v in run_capture(assemble("ld #len\nret a"), [packet], untagged=True)] == [packet.length - 4]


def test_an_expression_of_the_man_page(libpcap: None) -> None:
    program = compile_expression("tcp[tcpflags] & tcp-syn != 0")
    assert run(program, eth(ip4(tcp(1, 2, flags=2), TCP))) == U32
    assert run(program, eth(ip4(tcp(1, 2, flags=16), TCP))) == 0
