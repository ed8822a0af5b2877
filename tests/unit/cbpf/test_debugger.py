"""The debugger: a line in, text out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cbpf import Debugger, assemble
from pytc.packets import Packet
from pytc.packets.link_types import ETHERNET, RAW

PROGRAM = assemble("ldh [12]\njne #0x800, drop\nst M[3]\nldxi #7\nret #-1\ndrop: ret #0")
IP, ARP = (bytes(12) + kind + bytes(20) for kind in (b"\x08\x00", b"\x08\x06"))
PACKETS = [Packet(IP, 34, ETHERNET), Packet(ARP, 60, ETHERNET), Packet(b"", 0, ETHERNET)]


def debugger(packets: list[Packet] | None = None) -> Debugger:
    return Debugger(PROGRAM, iter(PACKETS if packets is None else packets))


def test_a_step_at_a_time() -> None:
    d = debugger()
    assert d.greeting == 'packet 1, 34 bytes\nl0:     ldh [12]\n"help" lists the commands.\n'
    assert d.execute("step") == ("A 0x00000800 (2048)  X 0x00000000 (0)\nl1:     jne #0x800, l5  -> l2\n")
    assert d.execute("") == "A 0x00000800 (2048)  X 0x00000000 (0)\nl2:     st M[3]\n"
    assert d.execute("s 2") == ("A 0x00000800 (2048)  X 0x00000007 (7)\nM[3] 0x00000800\nl4:     ret #0xffffffff\n")
    assert d.execute("step 99").endswith("returned 0xffffffff (4294967295): match\n")
    assert d.execute("step").endswith("match\n"), "nothing comes after the end"


def test_packets() -> None:
    d = debugger()
    assert d.execute("next") == "packet 2, 34 of 60 bytes\nl0:     ldh [12]\n"
    assert d.execute("run").endswith("returned 0x0 (0): no match\n")
    assert d.execute("restart").startswith("packet 2")
    assert d.execute("packet").splitlines()[0] == "0x0000: 00 00 00 00 00 00 00 00 00 00 00 00 08 06 00 00"
    assert d.execute("n").startswith("packet 3, 0 bytes")
    assert d.execute("run").endswith("no match\n")
    assert not d.done
    assert d.execute("next") == "The capture has 3 packets.\npacket 3, 0 bytes\nl0:     ldh [12]\n"
    assert not d.done, "the last packet may be looked at again"


def test_back() -> None:
    d = debugger()
    d.execute("run")
    assert d.execute("step -1") == "A 0x00000800 (2048)  X 0x00000007 (7)\nM[3] 0x00000800\nl4:     ret #0xffffffff\n"
    assert d.execute("step -2") == "A 0x00000800 (2048)  X 0x00000000 (0)\nl2:     st M[3]\n"
    assert d.execute("step").startswith("A 0x00000800 (2048)  X 0x00000000 (0)\nM[3] 0x00000800\nl3:")
    assert d.execute("step -99") == "A 0x00000000 (0)  X 0x00000000 (0)\nl0:     ldh [12]\n"
    d.execute("break l3")
    d.execute("run")
    assert "l2: " in d.execute("step -1")


def test_packets_of_two_link_types_have_a_program_for_each() -> None:
    of_ip = assemble("ldb [0]\nrsh #4\nret a")
    packets = [*PACKETS[:1], Packet(IP[14:], 20, RAW)]
    d = Debugger(lambda number: of_ip if number == RAW else PROGRAM, iter(packets))
    assert d.execute("break 5") == "l5:     ret #0x0\n"
    assert d.execute("next").startswith("packet 2, 20 bytes\nl0:     ldb [0]")
    assert d.execute("break") == "no breakpoints\n"
    assert d.execute("step -1 9").endswith("l0:     ldb [0]\n")
    assert d.execute("run").startswith("A 0x00000000")


def test_breakpoints() -> None:
    d = debugger()
    assert d.execute("break") == "no breakpoints\n"
    assert d.execute("break l3") == "l3:     ldxi #7\n"
    assert d.execute("break 5") == "l3:     ldxi #7\nl5:     ret #0x0\n"
    assert d.execute("run").startswith("breakpoint 3\nA 0x00000800")
    assert d.execute("list").splitlines()[3:] == [
        "-> l3:     ldxi #7",
        "   l4:     ret #0xffffffff",
        " * l5:     ret #0x0",
    ]
    assert d.execute("run").endswith("match\n")
    assert d.execute("delete 3") == "l5:     ret #0x0\n"
    assert d.execute("breakpoint clear") == "no breakpoints\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("bogus", 'What is "bogus"? Try "help".\n'),
        ("break l6", '"l6" is not an instruction: l0 to l5 are there.\n'),
        ("delete", '"" is not an instruction'),
        ("step two", '"two" is not a number'),
        ("step -", '"-" is not a number'),
        ("step --1", "is not a number"),
        ("next -1", '"-1" is not a number'),
        ("break " + "9" * 400, "is not an instruction"),
        ("step ٣", "is not a number"),
    ],
)
def test_what_is_not_understood(line: str, answer: str) -> None:
    assert answer in debugger().execute(line)


def test_help_names_all_commands_and_quit_ends() -> None:
    d = debugger()
    text = d.execute("help")
    for name in ("step", "run", "next", "restart", "breakpoint", "delete", "show", "list", "packet", "quit"):
        assert f"\n{name} " in f"\n{text}"
    assert d.execute("show") == "A 0x00000000 (0)  X 0x00000000 (0)\nl0:     ldh [12]\n"
    assert d.execute("q") == ""
    assert d.done


def test_a_capture_without_packets_is_over_at_once() -> None:
    d = debugger([])
    assert d.greeting.startswith("The capture has 0 packets.")
    assert d.done


@given(st.lists(st.text(alphabet="srnbdlpq -0123456789l", max_size=8), max_size=10))
def test_any_lines(lines: list[str]) -> None:
    d = debugger()
    for line in lines:
        if not d.done:
            assert isinstance(d.execute(line), str)
