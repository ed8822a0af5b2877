"""``prog run`` does as the hook does: return values, the VLAN tag, metadata of XDP, tail calls."""

from __future__ import annotations

import pytest

from tests.conftest import Compiler
from tests.kernel.commands.prog.support import UDP, rows
from tests.processes import pytc

pytestmark = pytest.mark.kernel


class TestReturnValues:
    @pytest.mark.parametrize("value", [1, 3, 5, 6, 77, -5])
    def test_a_value_that_the_filter_does_not_know_counts_as_unspec(self, build: Compiler, value: int) -> None:
        words = ("obj", build("run_hook"), "section", "tc", "ctx", f"mark={value & 0xFFFFFFFF}", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "UNSPEC")
        assert outcome.status == 0, outcome.out
        assert outcome.out.startswith(f"packet 1: TC_ACT_UNSPEC ({value}), ")
        assert f"a filter does not know the return value {value}" in outcome.err
        (row,) = rows(*words)
        assert (row["verdict"], row["value"]) == ("TC_ACT_UNSPEC", value & 0xFFFFFFFF)

    def test_a_known_value_needs_no_remark(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "section", "tc", "ctx", "mark=2", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "UNSPEC")
        assert (outcome.status, outcome.err) == (1, "")
        assert "FAILED: TC_ACT_SHOT (2), TC_ACT_UNSPEC was expected" in outcome.out

    def test_a_number_is_expected_as_it_is(self, build: Compiler) -> None:
        words = ("prog", "run", "obj", build("run_hook"), "section", "tc", "ctx", "mark=77", "packet", UDP, "expect")
        assert pytc(*words, "77").status == 0
        outcome = pytc(*words, "78")
        assert (outcome.status, "FAILED: TC_ACT_UNSPEC (77), 78 was expected" in outcome.out) == (1, True)

    def test_tcx_knows_fewer(self, build: Compiler) -> None:
        words = ("obj", build("run_hook"), "section", "tcx/ingress", "ctx", "mark=4", "packet", UDP)
        outcome = pytc("prog", "run", *words, "expect", "NEXT")
        assert outcome.status == 0, outcome.out
        assert "tcx does not know the return value 4 (TC_ACT_STOLEN): it counts as TCX_NEXT" in outcome.err
