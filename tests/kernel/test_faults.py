"""System calls that fail, and signals at each of them: a command does what it says, or nothing."""

from __future__ import annotations

import pytest

from tests.faults import Fault
from tests.kernel.fault_bench import CASES, Bench, Case, bench_of, faults_of, report

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(9000)]

#: What can happen to each call.
FAULTS = ("error=ENOMEM", "signal=SIGTERM", "error=EPERM", "error=EINTR", "signal=SIGINT")
#: What a command says whose answer is lost.
_UNKNOWN = "it is not known whether the kernel has done what was asked"
#: What a command says that cannot remove its socket again.
_SOCKET_STAYS = "cannot remove the socket"
#: What a load notes of a map that the kernel refuses, and that only other programs of the object need.
_LEFT_OUT = "no loaded program uses it"


def _prefixes(bench: Bench, case: Case) -> list[list[str]]:
    """Return what is there before a command, after each line of a batch but the last, and after all of it."""
    states = []
    for lines in range(len(case.input.splitlines()) if case.is_batch else 1):
        bench.reset()
        if lines:
            assert bench.run(lines=lines).outcome.status == 0
        states.append(bench.state())
    return states


def _check(bench: Bench, fault: Fault, before: list[list[str]], final: list[str], exports: list[str]) -> str:
    """Return what is wrong after a fault, empty where all is well."""
    outcome = bench.run(fault).outcome
    is_signal = fault.what.startswith("signal")
    may_be_done = is_signal or _UNKNOWN in outcome.err
    expected = [final] if not outcome.status else [*before, *[final] * may_be_done]
    state = bench.settled(expected)
    problems = []
    if "Traceback" in outcome.err or "Exception ignored" in outcome.err:
        problems.append("a traceback")
    is_as_said = _without_links(state) == _without_links(final) or _LEFT_OUT in outcome.err
    if outcome.status == 0 and not (is_as_said and bench.exports() == exports):
        problems.append("it says that all was done")
    if _SOCKET_STAYS in outcome.err:
        expected = [sorted([*one, "socket"]) for one in expected]
        state = sorted(state)
    if outcome.status != 0 and state not in expected:
        problems.append(f"left behind: {sorted(set(state) ^ set(before[0]))}")
    if outcome.status != 0 and not is_signal and not outcome.err:
        problems.append("no message")
    return report(fault, problems, outcome)


def _without_links(state: list[str]) -> list[str]:
    """Leave out the links to tc's directory, which are for other tools, and no reason to fail."""
    return [line for line in state if line not in ("ip", "xdp")]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_command_does_all_or_nothing(request: pytest.FixtureRequest, case: Case, every: bool) -> None:
    """Of a batch, whole lines."""
    bench = bench_of(request, case)
    with bench.serving():
        before = _prefixes(bench, case)
        bench.reset()
        baseline = bench.run()
        assert baseline.outcome.status == 0, baseline.outcome
        final, exports = bench.state(), bench.exports()
        assert final not in before or case.name in ("tail calls", "cgroup replace") or case.is_import
        problems = ""
        # where the pin of a program array cannot be moved, the filter is in place already; the array has another pin
        calls = [call for call in baseline.calls if call.name != "rename" or case.name == "output"]
        faults = [*faults_of(calls, FAULTS, every=every)]
        for fault in faults:
            bench.reset()
            problems += _check(bench, fault, before, final, exports)
    print(f"{case.name}: {len(faults)} faults")
    if problems:
        pytest.fail(problems, pytrace=False)
