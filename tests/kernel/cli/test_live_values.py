"""Values that completion asks of the kernel."""

from __future__ import annotations

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys import info
from pytc.bpf.sys.constants import ProgramType
from pytc.cli.live_values import live_values
from tests.kernel.bpf.support import small_program

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]
GONE = (1 << 31) - 1


def test_maps_and_programs_that_are_deleted_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their ids are listed, and they cannot be opened any more: those behind them are completed all the same."""
    listed = info.ids
    monkeypatch.setattr(info, "ids", lambda command: [GONE, *listed(command)])
    spec = MapSpec("completed", MapType.ARRAY, 4, 4, 1)
    with create_map(spec, "completed"), small_program(ProgramType.SCHED_CLS) as program:
        assert "completed" in [*live_values("map-name", [], "")]
        assert program.description.tag in [*live_values("prog-tag", [], "")]
