"""``prog stats``."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytc.bpf import Loaded
from pytc.bpf.run.statistics import enable_statistics
from tests.kernel.bpf.support import PACKET
from tests.kernel.commands.prog.support import id_of, prog, prog_json
from tests.processes import PYTC, ROOT

pytestmark = pytest.mark.kernel
EARLIER = 1_000_000


@pytest.mark.alone
class TestStatistics:
    def test_runs_while_they_are_on(self, loaded: Loaded, record_property: Callable[[str, object], None]) -> None:
        record_property("kernels", "statistics of programs: works")
        with enable_statistics():
            loaded.program.test_run(PACKET, repeat=EARLIER)
        runs = 0
        held = subprocess.Popen(
            [*PYTC, "-j", "prog", "stats", "id", id_of(loaded), "on", "for", "3"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "src"},
            cwd=ROOT,
        )
        try:
            while held.poll() is None:
                loaded.program.test_run(PACKET, repeat=100)
                runs += 100
                time.sleep(0.01)
            (found,) = json.loads(held.communicate()[0])
        finally:
            held.kill()
            held.wait()
        assert 100 < found["run_cnt"] <= runs
        assert 0 < found["ns_per_run"] < 1_000_000
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
        assert all(int(str(found["run_cnt"])) for found in prog_json("stats", "on", "for", "100ms"))
