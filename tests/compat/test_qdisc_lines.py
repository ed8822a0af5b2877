"""All lines of tests/compat/lines/qdiscs.txt, for the kinds that this kernel has; tests/vm has the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.differential import Namespace, compare_state, compare_text, compare_traffic, missing, tc_is_here
from tests.compat.lines import Case, cases
from tests.conftest import Network, cannot

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

GROUPS = list(dict.fromkeys(case.kinds for case in cases("qdiscs")))


@pytest.mark.parametrize("kinds", GROUPS, ids="-".join)
def test_lines(network: Network, tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """What the lines make, and how pytc shows it."""
    if not tc_is_here():
        cannot("tc is not installed")
    chosen: list[Case] = [case for case in cases("qdiscs") if case.kinds == kinds]
    space = Namespace(network.name, tmp_path)
    space.prepare(len(chosen))
    if kind := missing(space, kinds):
        pytest.skip(f"this kernel has no {kind}: tests/vm has the test")
    compare_state(space, chosen)
    compare_text(space, chosen)


TRAFFIC = list(dict.fromkeys(case.kinds for case in cases("qdiscs-traffic")))


@pytest.mark.parametrize("kinds", TRAFFIC, ids="-".join)
def test_statistics(network: Network, tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """How pytc shows what packets leave in the counters."""
    if not tc_is_here():
        cannot("tc is not installed")
    chosen = [case for case in cases("qdiscs-traffic") if case.kinds == kinds]
    space = Namespace(network.name, tmp_path)
    space.prepare(len(chosen))
    if kind := missing(space, kinds):
        pytest.skip(f"this kernel has no {kind}: tests/vm has the test")
    compare_traffic(space, chosen)


def test_there_are_enough_lines() -> None:
    assert len(cases("qdiscs")) >= 120
