"""All lines of tests/compat/lines/filters-wrong.txt: refused as tc refuses them."""

from __future__ import annotations

import pytest

from tests.compat.filter_twins import Twins, commands, difference, quoted
from tests.compat.lines import cases

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OWN_MESSAGES = ("messages", "of", "pytc's", "own")


def test_wrong_lines(twins: Twins) -> None:
    """The same exit code and the same first line; no traceback, nothing printed and nothing changed."""
    chosen = cases("filters-wrong")
    twins.prepare(chosen)
    for space in twins:
        assert space.tc([quoted(command) for number, case in enumerate(chosen)
                         for command in commands(number, case)[:-1]]).status == 0
    shows = [[what, "show", "dev", f"t{number}", hook] for number in range(len(chosen)) for what in ("filter", "chain")
             for hook in ("root", "ingress")]
    before = twins.other.tc_each(shows)
    found = twins.other.pytc([commands(number, case)[-1] for number, case in enumerate(chosen)])
    wrong = []
    for number, case in enumerate(chosen):
        expected = twins.one.execute("tc", *commands(number, case)[-1])
        if not expected.status:
            wrong.append(f"tc accepts: {case}")
        elif reason := difference(expected, found[number], same_message=case.kinds != OWN_MESSAGES,
                                  named=case.named.replace('"D"', f'"t{number}"')):
            wrong.append(f"{case}: {reason}")
    assert not wrong, "\n".join(wrong)
    assert twins.other.tc_each(shows) == before


def test_there_are_enough_lines() -> None:
    assert len(cases("filters-wrong")) >= 60
