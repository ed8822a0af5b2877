"""``prog stats``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from pytc.bpf.run.statistics import enable_statistics
from tests.conftest import EXAMPLES
from tests.kernel.bpf.support import PACKET
from tests.kernel.commands.prog.support import id_of, prog, prog_json
from tests.needs import missing
from tests.processes import PYTC, finish, running

pytestmark = pytest.mark.kernel
EARLIER = 1_000_000


@pytest.mark.alone
class TestStatistics:
    def test_runs_while_they_are_on(self, loaded: Loaded) -> None:
        with enable_statistics():
            loaded.program.test_run(PACKET, repeat=EARLIER)
        (found,), runs = statistics_of_runs(loaded, "id", id_of(loaded), "on", "for", "3")
        assert 100 < found["run_cnt"] <= runs
        assert (0 if missing(("run_times",)) else 1) <= found["ns_per_run"] < 1_000_000
        (shown,) = prog_json("show", "id", id_of(loaded))
        # Runs between switching on and the first look are in the total alone.
        assert found["run_cnt"] <= shown["run_cnt"] - EARLIER <= runs

    def test_off_it_is_said_how_to_switch_them_on(self, loaded: Loaded) -> None:
        if Path("/proc/sys/kernel/bpf_stats_enabled").read_text().strip() != "0":
            pytest.skip("statistics are on in this kernel")
        outcome = prog("stats", "id", id_of(loaded))
        assert outcome.status == 0
        assert "run_cnt 0 " in outcome.out
        assert '"on for TIME"' in outcome.err

    def test_only_programs_that_ran_are_listed(self, loaded: Loaded) -> None:
        spec = read_object(str(EXAMPLES / "traffic.o"))
        with load(spec, select_program(spec, section="drop"), type=ProgramType.SCHED_CLS) as idle:
            found, _ = statistics_of_runs(loaded, "on", "for", "1")
            runs = {one["id"]: one["run_cnt"] for one in found}
            assert runs[loaded.program.description.id] > 0
            assert idle.program.description.id not in runs
        assert all(runs.values())


def statistics_of_runs(loaded: Loaded, *words: str) -> tuple[list[dict[str, Any]], int]:
    """Run a program for as long as ``pytc -j prog stats`` runs; return what that prints, and the number of runs."""
    runs = 0
    with running(*PYTC, "-j", "prog", "stats", *words) as held:
        while held.poll() is None:
            loaded.program.test_run(PACKET, repeat=100)
            runs += 100
            time.sleep(0.01)
        outcome = finish(held)
    assert outcome.status == 0, outcome.err
    return json.loads(outcome.out), runs
