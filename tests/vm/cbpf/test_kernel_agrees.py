"""Classic BPF: the interpreter, the checks and the translation agree with the kernel."""

from __future__ import annotations

from contextlib import suppress

import pytest

from pytc.bpf import ProgramType, load, read_bytes, select_program
from pytc.bpf.insn.classic import ClassicInstruction
from pytc.cbpf import assemble, compile_expression, run, translate
from pytc.cbpf.ancillary import describe
from pytc.cbpf.object_file import object_file
from pytc.errors import BpfSyscallError
from pytc.packets.link_types import ETHERNET
from tests.captures import captures
from tests.classic_programs import ASSEMBLED
from tests.expressions import ETHERNET as EXPRESSIONS
from tests.kernel.bpf.support import verdict
from tests.kernel_filter import SocketPair

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("libpcap")]

PACKETS = [packet.data for made, _ in captures().values() for packet in made][::7]


def _same(program: tuple[ClassicInstruction, ...]) -> int:
    """Runs a translated program on the packets that BPF_PROG_TEST_RUN takes, which it counts."""
    spec = read_bytes(object_file(translate(program)), "translated.o")
    ran = 0
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded:
        for data in PACKETS:
            with suppress(BpfSyscallError):
                if loaded.program.test_run(data).packet == data:  # not padded
                    value = run(program, data, ancillary=describe(data, ETHERNET))
                    assert verdict(loaded.program, data) == value, data.hex()
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
