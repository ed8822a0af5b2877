"""Commands that are killed at each of their system calls: given again, they do all of what they do."""

from __future__ import annotations

import pytest

from tests.faults import Fault
from tests.kernel.fault_bench import CASES, KILL, REPEATABLE, Bench, Case, bench_of, faults_of, report

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(9000)]

#: What a killed command may leave besides a part of what it does: a file, a socket and a pin that were about to be.
UNFINISHED = (".tmp", "socket", "~")
#: What the kernel says of a command that had been done when it was killed, and is given again.
_DONE = (
    "exists",
    "File exists",
    "Exclusivity flag on",
    "No such",
    "not found",
    "nothing",
    "no program",
    "Cannot find",
    "not a file",
)


def _names(state: list[str]) -> set[str]:
    """Return the lines of a state without what a map's pin says of its map."""
    return {line.removesuffix(" ").partition(" used")[0].partition(" unused")[0] for line in state}


def _check_kill(bench: Bench, fault: Fault, before: list[str], final: list[str], exports: list[str]) -> str | None:
    """Return what is wrong after a command was killed, and given again; empty where all is well.

    None where the call did not come: what looks for links meets those of other tests, and makes fewer calls when they
    have gone.
    """
    ran = bench.run(fault)
    killed = ran.outcome
    if not killed.status and not ran.is_met:
        return None
    state, maps = bench.state(), bench.pinned_maps()
    problems = []
    if not killed.status:
        problems.append("it was not killed")
    known = _names(before) | _names(final)
    if strange := {name for name in _names(state) - known if not name.endswith(UNFINISHED)}:
        problems.append(f"left behind: {sorted(strange)}")
    if lost := (_names(before) & _names(final)) - _names(state):
        problems.append(f"lost: {sorted(lost)}")
    outcome = bench.run().outcome
    again = bench.settled([final])
    is_done = state == final and outcome.status and any(word in outcome.err for word in _DONE)
    if outcome.status and not is_done:
        problems.append(f"does not work again, with {sorted(set(state) ^ set(before))}")
    if again != final and not any(name.endswith(".tmp") for name in again):
        problems.append(f"ends with {sorted(set(again) ^ set(final))}")
    if bench.exports() != exports:
        problems.append("exported nothing")
    after = bench.pinned_maps()
    if others := sorted(pin for pin, number in maps.items() if after.get(pin, number) != number):
        problems.append(f"other maps: {others}")
    return report(fault, problems, outcome)


KILLED = [*REPEATABLE, *(case for case in CASES if case.name not in [other.name for other in REPEATABLE])]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", KILLED, ids=[case.name for case in KILLED])
def test_a_killed_command_can_be_given_again(request: pytest.FixtureRequest, case: Case, every: bool) -> None:
    """It leaves a part of what it does; with that, the same command does all of it, with the maps that it pinned."""
    bench = bench_of(request, case)
    with bench.serving():
        bench.reset()
        before = bench.state()
        baseline = bench.run()
        assert baseline.outcome.status == 0, baseline.outcome
        final, exports = bench.state(), bench.exports()
        problems = ""
        faults, kills = [*faults_of(baseline.calls, KILL, every=every)], 0
        for fault in faults:
            bench.reset()
            problem = _check_kill(bench, fault, before, final, exports)
            kills += problem is not None
            problems += problem or ""
    print(f"{case.name}: {kills} kills")
    assert kills > len(faults) // 2
    if problems:
        pytest.fail(problems, pytrace=False)
