"""``prog top``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from tests.conftest import EXAMPLES
from tests.kernel.bpf.support import PACKET
from tests.kernel.commands.prog.support import id_of
from tests.processes import PYTC, finish, running

pytestmark = [pytest.mark.kernel, pytest.mark.alone]


@pytest.fixture
def slow(root: None) -> Iterator[Loaded]:
    """A program that takes longer than ``loaded``: it counts packets by their protocol."""
    spec = read_object(str(EXAMPLES / "traffic.o"))
    with load(spec, select_program(spec, section="classifier"), type=ProgramType.SCHED_CLS) as program:
        yield program


def while_running(*words: str, programs: list[Loaded]) -> str:
    """Return what a command prints while programs run."""
    with running(*PYTC, *words) as held:
        while held.poll() is None:
            for program in programs:
                program.program.test_run(PACKET, repeat=2000)
        outcome = finish(held)
    assert (outcome.status, outcome.err) == (0, "")
    return outcome.out


@pytest.mark.needs("run_times")
def test_programs_are_ranked_by_their_time(loaded: Loaded, slow: Loaded) -> None:
    out = while_running("-j", "prog", "top", "interval", "500ms", "count", "2", programs=[loaded, slow])
    looks = [json.loads(line)["programs"] for line in out.splitlines()]
    assert len(looks) == 2
    for look in looks:
        ours = {row["id"]: row for row in look if str(row["id"]) in (id_of(loaded), id_of(slow))}
        assert len(ours) == 2
        for row in ours.values():
            assert row["runs_per_second"] > 100
            assert 0 < row["ns_per_run"] < 1_000_000
            time = row["runs_per_second"] * row["ns_per_run"] / 1e7
            assert abs(row["cpu_percent"] - time) <= 0.1 * time + 0.1
        times = [row["runs_per_second"] * row["ns_per_run"] for row in look]
        assert all(earlier >= later * 0.9 for earlier, later in pairwise(times))


@pytest.mark.needs("run_times")
def test_text_is_a_table(loaded: Loaded) -> None:
    out = while_running("prog", "top", "id", id_of(loaded), "interval", "300ms", "count", "1", programs=[loaded])
    head, row, end = out.split("\n", 2)
    assert head.split() == ["prog", "type", "name", "runs/s", "ns/run", "cpu%"]
    assert row.split()[:3] == [id_of(loaded), "sched_cls", "drop_icmp"]
    assert end == "\n"
