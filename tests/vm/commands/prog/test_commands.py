"""``pytc prog``: what packets its test runs take, programs of actions, its instructions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pytc.bpf import ProgramType, load, read_object, select_program
from pytc.bpf.analyse.program_info import CallNames, program_info, read_machine_code, read_translated
from pytc.bpf.insn.disassemble import disassemble
from pytc.bpf.run.statistics import enable_statistics
from pytc.bpf.run.test_run import Runner
from pytc.packets.build import build
from tests.conftest import EXAMPLES
from tests.needs import missing
from tests.processes import ROOT, pytc_here

pytestmark = pytest.mark.kernel
NEXT_HOP = ("obj", str(EXAMPLES / "next_hop.o"))


def report(*words: str) -> dict[str, Any]:
    """Return what ``-j prog run`` prints, with its status and what it writes to standard error."""
    outcome = pytc_here("-j", "prog", "run", *words)
    assert outcome.out, outcome.err
    return {**json.loads(outcome.out)[0], "status": outcome.status, "err": outcome.err}


def test_the_example() -> None:
    hops, less = (str(ROOT / "examples" / "packets" / name) for name in ("hops.pcap", "hops-less.pcap"))
    found = report(*NEXT_HOP, "pcap", hops, "expect", "OK,SHOT,OK", "expect-pcap", less)
    assert (found["status"], found["summary"]["failed"]) == (0, 0)
    wrong = report(*NEXT_HOP, "sec", "forgetful", "pcap", hops, "expect-pcap", less)
    assert (wrong["status"], wrong["summary"]["failed"]) == (1, 1)


def test_short_packets_are_filled_up_as_far_as_this_kernel_wants() -> None:
    found = report(*NEXT_HOP, "hex", "0011", "hex", "00" * 14)
    assert found["summary"]["verdicts"] == {"TC_ACT_OK": 2}
    assert found["packets"][0]["length"] in (14, 15)
    assert found["err"].count("padded with zeros") == 1


def test_fields_of_the_context(objects: Callable[[str], str]) -> None:
    stamp = "" if missing(("test_hwtstamp",)) else ",hwtstamp=3"
    found = report(
        "obj",
        objects("prog_context"),
        "program",
        "cls_main",
        "packet",
        "ip udp",
        "ctx",
        f"mark=7,priority=2,cb3=9,ifindex=lo,tstamp=5,wire_len=100,gso_segs=2,gso_size=20{stamp}",
        "expect-ctx",
        "mark=8,cb0=42,cb3=9,tstamp=5",
    )
    assert found["status"] == 0, found


@pytest.mark.parametrize("name", ["on_tc", "on_act", "on_xdp", "on_socket", "on_cgroup", "on_lwt", "on_dissector"])
def test_types_of_programs(objects: Callable[[str], str], name: str) -> None:
    found = report(
        "obj", objects("run_types"), "program", name, "packet", "ip udp payload abc", "repeat", "10", "dump", "seen"
    )
    assert sum(int(one["value"]) > 0 for one in found["maps"]["seen"]) == 1


def test_instructions_and_counts() -> None:
    spec = read_object(str(EXAMPLES / "traffic.o"))
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded, enable_statistics():
        fd = loaded.program.fd
        Runner(fd).run(build("ip udp"), repeat=50)
        assert program_info(fd).run_count == 50
        found = read_translated(fd)
        text = "\n".join(line for _, line in disassemble(found.instructions, CallNames(found.addresses)))
        assert "BUG" not in text and "unknown" not in text
        assert "_map_lookup_elem#" in text
        # Only compiled functions have names of their own in the kernel.
        has_jit = not missing(("jit",))
        assert ("_ip_protocol" in text) is has_jit
        assert [function.name for function in found.source.functions] == ["count_protocols", "ip_protocol"]
        assert not has_jit or len(read_machine_code(fd).functions) == 2
