"""All lines of tests/compat/lines/filters.txt, for the kinds that this kernel has; tests/vm has the others."""

from __future__ import annotations

import pytest

from tests.compat.filter_twins import Twins, compare_json, compare_state, compare_text, lacking
from tests.compat.lines import cases

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

GROUPS = list(dict.fromkeys(case.kinds for case in cases("filters")))


@pytest.mark.parametrize("kinds", GROUPS, ids="-".join)
def test_lines(twins: Twins, kinds: tuple[str, ...]) -> None:
    """What the lines make, and how pytc shows it."""
    chosen = [case for case in cases("filters") if case.kinds == kinds]
    twins.prepare(chosen)
    if kind := lacking(twins.one, kinds):
        pytest.skip(f"this kernel has no {kind}: tests/vm has the test")
    compare_state(twins, chosen)
    compare_text(twins, chosen)
    compare_json(twins, chosen)


def test_there_are_enough_lines() -> None:
    assert len(cases("filters")) >= 150
