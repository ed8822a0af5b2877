"""Classic BPF on Debian's Linux 6.1: the interpreter, the checks and the translation agree with that kernel, too."""

from __future__ import annotations

from contextlib import suppress

import pytest

from pytc.bpf import ProgramType, load, read_bytes, select_program
from pytc.bpf.classic import ClassicInstruction
from pytc.cbpf import assemble, compile_expression, run, translate
from pytc.cbpf.ancillary import describe
from pytc.cbpf.object_file import object_file
from pytc.errors import BpfSyscallError
from pytc.packets.link_types import ETHERNET
from tests.captures import captures
from tests.expressions import ETHERNET as EXPRESSIONS
from tests.kernel_filter import SocketPair

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("libpcap")]

PACKETS = [packet.data for made, _ in captures().values() for packet in made][::7]
#: Loads from headers, extensions, X that wraps, arithmetic: what no expression has.
ASSEMBLED = (
    "ldb [-1048567]\nret a", "ldh [-2097140]\nret a", "ldxi #2\nldh [x - 1048576]\nret a",
    "ldxi #-1\nldb [x + 5]\nret a",
    "ld #proto\nret a", "ld #mark\nadd #7\nret a", "ld #vlan_avail\nret a", "ld [-4056]\nret a",
    "ld #len\ntax\nldi #1000\ndiv x\nret a", "ldi #9\nmod x\nret #3", "ldx 4*([14]&0xf)\ntxa\nmul #3\nneg\nret a",
    "ldb [20]\nst M[3]\nldxi #33\nlsh x\nldx M[3]\nxor x\nret a",
)


def _same(program: tuple[ClassicInstruction, ...]) -> int:
    """Runs a translated program on the packets that BPF_PROG_TEST_RUN takes, which it counts."""
    spec = read_bytes(object_file(translate(program)), "translated.o")
    ran = 0
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded:
        for data in PACKETS:
            with suppress(BpfSyscallError):
                verdict = loaded.program.test_run(data).verdict
                assert verdict == run(program, data, ancillary=describe(data, ETHERNET)), data.hex()
                ran += 1
    return ran


@pytest.mark.parametrize("expression", EXPRESSIONS[::8])
def test_expressions(expression: str) -> None:
    program = compile_expression(expression)
    assert _same(program) > 15
    with SocketPair() as pair:
        assert pair.attach(program)
        assert [pair.returned(data) != 0 for data in PACKETS] == [run(program, data) != 0 for data in PACKETS]


@pytest.mark.parametrize("text", ASSEMBLED)
def test_assembled_programs(text: str) -> None:
    assert _same(assemble(text)) > 15
