"""All expressions of tests/expressions.py in filters on a device, on all packets of the captures that it sends."""

from __future__ import annotations

import pytest

from pytc.bpf.insn.classic import format_bytecode
from pytc.cbpf import compile_expression, run
from pytc.cli.main import main
from tests.captures import captures
from tests.expressions import ETHERNET as EXPRESSIONS
from tests.kernel.cbpf.support import Wire, inside
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("libpcap")]

DROP = 2  # TC_ACT_SHOT
FILTER = ("filter", "replace", "dev", "em1", "egress", "pref", "1", "handle", "1", "bpf", "da")
#: A device sends nothing shorter than an Ethernet header.
FRAMES = [packet.data for made, _ in captures().values() for packet in made if len(packet.data) >= 14]


@pytest.mark.parametrize("form", ["bytecode", "expression"])
def test_verdicts_on_a_device_are_those_of_the_interpreter(network: Network, wire: Wire, form: str) -> None:
    """Matches are dropped by classic bytecode, which the kernel translates, and by pytc's translation alike."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    frames = [frame for frame, came in zip(FRAMES, wire.passed(FRAMES), strict=True) if came]
    assert len(frames) > 100
    wrong, matched = [], 0
    for expression in EXPRESSIONS:
        program = compile_expression(expression, snaplen=DROP)
        words = (
            ("bytecode", format_bytecode(program))
            if form == "bytecode"
            else ("expression", expression, "verdict", "drop")
        )
        with inside(network.name):
            assert main([*FILTER, *words]) == 0, expression
        expected = [run(program, frame) == 0 for frame in frames]
        matched += not all(expected)
        if wire.passed(frames) != expected:
            wrong.append(expression)
    assert not wrong
    assert matched > len(EXPRESSIONS) * 0.9, "expressions that no packet matches show nothing"
