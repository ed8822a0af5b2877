"""The interpreter, the checks and the translation give what this kernel gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytc.bpf import Program, ProgramType, load, read_bytes, select_program
from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic import MAX_INSTRUCTIONS, ClassicInstruction
from pytc.bpf.insn.classic_check import check
from pytc.bpf.insn.classic_text import parse_bytecode
from pytc.cbpf import Ancillary, Machine, assemble, compile_expression, run, translate
from pytc.cbpf.ancillary import describe
from pytc.cbpf.object_file import object_file
from pytc.cbpf.pcap import start
from pytc.errors import BpfSyscallError, BytecodeError
from pytc.packets import Packet
from pytc.packets.link_types import ETHERNET
from tests.captures import BROADCAST, MIXTURES, MULTICAST, captures, eth, icmp, ip4
from tests.classic_programs import ASSEMBLED, memory_programs, programs, single_instructions, wild_programs
from tests.expressions import ETHERNET as EXPRESSIONS
from tests.kernel.bpf.support import verdict
from tests.kernel.cbpf.support import Wire
from tests.kernel_filter import SocketPair
from tests.network import Network
from tests.tiers import examples

pytestmark = [pytest.mark.kernel, pytest.mark.needs("host"), pytest.mark.usefixtures("libpcap")]

PACKETS = [packet for made, _ in captures().values() for packet in made]
#: The kernel drops a frame that ends within a VLAN tag.
FRAMES = [frame for frames in MIXTURES.values() for frame in frames() if len(frame) >= 20]
DATA = bytes(range(256)) + bytes(60)
#: Those that an skb of a Unix socket has.
ANYWHERE = ("alu_xor_x", "nla", "nlan", "mark")


@pytest.fixture
def pair(root: None) -> Iterator[SocketPair]:
    with SocketPair() as made:
        yield made


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_verdicts_on_all_captures_are_the_kernels(pair: SocketPair, expression: str) -> None:
    program = compile_expression(expression)
    assert pair.attach(program)
    found = [run(program, packet.data) != 0 for packet in PACKETS]
    assert found == [pair.returned(packet.data) != 0 for packet in PACKETS]
    assert any(found), "no packet matches: the test would show nothing"
    assert not all(found)


class _WithoutHeaders(Machine):
    """Data of a Unix socket: it has no link-layer and network headers to load from."""

    def load(self, offset: int, size: int) -> int | None:
        assume(not op.LL_OFF <= offset < 0)
        return super().load(offset, size)


@settings(max_examples=examples(2))
@given(programs(ANYWHERE), st.binary(min_size=1, max_size=70))
def test_what_programs_compute_is_what_the_kernel_computes(
    program: tuple[ClassicInstruction, ...], start: bytes
) -> None:
    data = start + DATA
    with SocketPair() as pair:
        assert pair.attach(program)
        assert pair.returned(data) == min(_WithoutHeaders(program, data).run(), len(data))


def _refused(program: tuple[ClassicInstruction, ...]) -> bool:
    try:
        check(program)
    except BytecodeError:
        return True
    return False


@settings(max_examples=examples(8))
@given(st.one_of(wild_programs, memory_programs))
@example(parse_bytecode("1,6 0 0 0") * MAX_INSTRUCTIONS)
def test_what_is_refused_is_what_the_kernel_refuses(program: tuple[ClassicInstruction, ...]) -> None:
    with SocketPair() as pair:
        assert pair.attach(program) != _refused(program)


def test_each_instruction_is_refused_where_the_kernel_refuses_it(pair: SocketPair) -> None:
    found = [_refused(program) for program in single_instructions()]
    assert found == [not pair.attach(program) for program in single_instructions()]
    assert 500 < sum(found) < len(found) - 500


@cache
def _runnable() -> list[Packet]:
    """Packets that BPF_PROG_TEST_RUN takes: not those that end within the IP header, nor those that are padded."""
    found = []
    with loaded(assemble("ret #1")) as program:
        for packet in PACKETS:
            with suppress(BpfSyscallError):
                if program.test_run(packet.data).packet == packet.data:
                    found.append(packet)
    assert len(found) > 100
    return found


class loaded:
    """A translated program in the kernel, for as long as a block runs."""

    def __init__(self, program: tuple[ClassicInstruction, ...], verdict: int | None = None) -> None:
        spec = read_bytes(object_file(translate(program, verdict=verdict)), "translated.o")
        self._loaded = load(spec, select_program(spec), type=ProgramType.SCHED_CLS)

    def __enter__(self) -> Program:
        return self._loaded.program

    def __exit__(self, *_: object) -> None:
        self._loaded.close()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_translated_expression_returns_the_same(root: None, expression: str) -> None:
    program = compile_expression(expression)
    with loaded(program) as translated, loaded(program, verdict=2) as dropping:
        for packet in _runnable():
            value = run(program, packet.data)
            assert verdict(translated, packet.data) == value
            assert verdict(dropping, packet.data) == (2 if value else 0xFFFFFFFF)


#: Extensions that BPF_PROG_TEST_RUN gives as an ingress packet of the loopback device would have them.
_IN_A_TEST_RUN = ("proto", "mark", "vlan_avail", "vlan_tci", "ifidx", "alu_xor_x")


@settings(max_examples=examples(2))
@given(programs(_IN_A_TEST_RUN, from_headers=True), st.integers(0, 1 << 20))
def test_translated_programs_compute_the_same(program: tuple[ClassicInstruction, ...], which: int) -> None:
    packet = _runnable()[which % len(_runnable())]
    known = describe(packet.data, ETHERNET)
    with loaded(program) as translated:
        assert verdict(translated, packet.data) == run(program, packet.data, ancillary=known)


@pytest.mark.parametrize("text", ASSEMBLED)
def test_translated_corners_compute_the_same(root: None, text: str) -> None:
    program = assemble(text)
    with loaded(program) as translated:
        for packet in _runnable()[::5]:
            known = describe(packet.data, ETHERNET)
            assert verdict(translated, packet.data) == run(program, packet.data, ancillary=known)


@pytest.mark.slow
def test_the_largest_program_is_translated(root: None) -> None:
    """Its jumps are farther than 16 bits reach."""
    lines = ["ld #len", "jeq #0, skip", "jmp far"]
    body = ["skip: ldh [x + 12]"] + ["ldh [x + 12]"] * (MAX_INSTRUCTIONS - 6)
    program = assemble("\n".join([*lines, *body, "ret #3", "far: ret #7"]))
    assert len(program) == MAX_INSTRUCTIONS
    with loaded(program) as translated:
        assert verdict(translated, _runnable()[0].data) == 7


@pytest.mark.parametrize("name", ["hatype", "nla", "nlan", "poff"])
def test_what_cannot_be_translated_is_named(name: str) -> None:
    with pytest.raises(BytecodeError, match=f"instruction 1: #{name} cannot be translated: ") as caught:
        translate(assemble(f"ldi #0\nld #{name}\nret a"))
    assert "attach the program as bytecode" in caught.value.hints[0]


def _byte_of(load: str, shift: int) -> tuple[ClassicInstruction, ...]:
    """Returns one byte of what a load gives, and 1: a frame of 257 bytes and more shows it."""
    return assemble(f"{load}\nrsh #{shift}\nand #0xff\nadd #1\nret a")


def seen(frame: bytes, program: tuple[ClassicInstruction, ...], **values: int) -> int:
    """Return the interpreter's result for a received frame, at most the length of the rest."""
    arrived = start(program, Packet(frame, len(frame), ETHERNET), values=values, untagged=True)
    return min(arrived.run(), len(arrived.data))


def _type(frame: bytes) -> int:
    """The veth has another address than the frames are for."""
    return 1 if frame[:6] == BROADCAST else 2 if frame[0] & 1 else 3


@pytest.mark.parametrize(
    "load",
    [
        "ld #proto",
        "ldh #vlan_tci",
        "ldb #vlan_avail",
        "ld #vlan_tpid",
        "ld #type",
        "ld #ifidx",
        "ld #hatype",
        "ld #mark",
        "ld #queue",
        "ld #len",
        "ld [-1048576]",
        "ldb [-1048567]",
        "ldh [-2097140]",
        "ldh [12]",
        "ldh [16]",
    ],
)
def test_extensions_on_a_device(wire: Wire, network: Network, load: str) -> None:
    """Each byte of them, for all frames, made long enough; the kernel takes a VLAN tag out of the bytes."""
    index = int(network.execute("cat", "/sys/class/net/em1/ifindex").out)
    for shift in (0, 8, 16, 24):
        program = _byte_of(load, shift)
        wire.attach(program)
        for frame in FRAMES:
            long = frame + bytes(max(0, 320 - len(frame)))
            assert wire.returned(long) == seen(long, program, ifidx=index, type=_type(frame)), frame.hex()


def test_the_payload_offset_on_a_device(wire: Wire) -> None:
    """Headers that pytc.cbpf.payload does not follow are left out: MPLS, PPPoE, GRE."""
    program = assemble("ld #poff\nadd #1\nret a")
    wire.attach(program)
    others = (b"\x88\x47", b"\x88\x64")
    checked = 0
    for frame in FRAMES:
        if frame[12:14] in others or frame[23:24] == b"\x2f":
            continue
        found = seen(frame, program)
        assert wire.returned(frame) == found, frame.hex()
        checked += found > 15
    assert checked > 40


def test_a_random_number_and_a_processor(wire: Wire) -> None:
    wire.attach(assemble("ld #cpu\nret a"))
    frame = eth(ip4(icmp(8, payload=bytes(300)), 1), target=MULTICAST)
    assert wire.returned(frame) <= 64
    program = _byte_of("ld #rand", 0)
    wire.attach(program)
    assert len({wire.returned(frame) for _ in range(64)}) > 8
    assert run(program, frame, ancillary=Ancillary(rand=41)) == 42
    assert len({run(program, frame) for _ in range(64)}) > 8
