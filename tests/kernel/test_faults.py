"""System calls that fail, and signals at each of them: a command does what it says, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import Call, Fault
from tests.kernel.fault_bench import CASES, REPEATABLE, Bench, Case
from tests.network import Network
from tests.processes import Outcome

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(9000)]

#: Faults of a command in the first tier.
SOME = 12
#: What can happen to each call, and to some.
FAULTS = ("error=ENOMEM", "signal=SIGTERM", "error=EPERM", "error=EINTR", "signal=SIGINT")
MORE = {
    "openat": ("error=EMFILE",),
    "socket": ("error=EMFILE",),
    "bpf": ("error=ENOSPC",),
    "mkdir": ("error=ENOSPC",),
    "write": ("error=ENOSPC",),
    "sendto": ("error=ENOBUFS",),
    "recvfrom": ("error=ENOBUFS", "error=EAGAIN"),
    "rename": ("error=EXDEV",),
}
KILL = ("signal=SIGKILL",)
#: What a killed command may leave besides a part of what it does: a file, a socket and a pin that were about to be.
UNFINISHED = (".tmp", "socket", "~")
#: What a command says whose answer is lost.
_UNKNOWN = "it is not known whether the kernel has done what was asked"
#: What a command says that cannot remove its socket again.
_SOCKET_STAYS = "cannot remove the socket"
#: What a load notes of a map that the kernel refuses, and that only other programs of the object need.
_LEFT_OUT = "no loaded program uses it"
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


def _faults(calls: list[Call], faults: tuple[str, ...], *, every: bool) -> Iterator[Fault]:
    """Yield all faults of all calls, or about a dozen, of each sort of call."""
    found = [Fault(call, what) for call in calls for what in (*MORE.get(call.name, ()) * (faults != KILL), *faults)]
    # a step that shares no factor with the number of faults of a call comes to each of them
    yield from found if every else found[:: max(len(found) // SOME, 1) | 1]


def _bench(request: pytest.FixtureRequest, case: Case) -> Bench:
    network: Network = request.getfixturevalue("network")
    directory: Path = request.getfixturevalue("tmp_path")
    return Bench(network, directory, case, request.getfixturevalue("cgroup") if "CGROUP" in case.words else None)


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
    return _report(fault, problems, outcome)


def _without_links(state: list[str]) -> list[str]:
    """Leave out the links to tc's directory, which are for other tools, and no reason to fail."""
    return [line for line in state if line not in ("ip", "xdp")]


def _report(fault: Fault, problems: list[str], outcome: Outcome) -> str:
    end = "\n    ".join(outcome.err.splitlines()[-4:])
    return f"{fault}: {'; '.join(problems)}: status {outcome.status}\n    {end}\n" if problems else ""


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_command_does_all_or_nothing(request: pytest.FixtureRequest, case: Case, every: bool) -> None:
    """Of a batch, whole lines."""
    bench = _bench(request, case)
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
        faults = [*_faults(calls, FAULTS, every=every)]
        for fault in faults:
            bench.reset()
            problems += _check(bench, fault, before, final, exports)
    print(f"{case.name}: {len(faults)} faults")
    if problems:
        pytest.fail(problems, pytrace=False)


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
    return _report(fault, problems, outcome)


KILLED = [*REPEATABLE, *(case for case in CASES if case.name not in [other.name for other in REPEATABLE])]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", KILLED, ids=[case.name for case in KILLED])
def test_a_killed_command_can_be_given_again(request: pytest.FixtureRequest, case: Case, every: bool) -> None:
    """It leaves a part of what it does; with that, the same command does all of it, with the maps that it pinned."""
    bench = _bench(request, case)
    with bench.serving():
        bench.reset()
        before = bench.state()
        baseline = bench.run()
        assert baseline.outcome.status == 0, baseline.outcome
        final, exports = bench.state(), bench.exports()
        problems = ""
        faults, kills = [*_faults(baseline.calls, KILL, every=every)], 0
        for fault in faults:
            bench.reset()
            problem = _check_kill(bench, fault, before, final, exports)
            kills += problem is not None
            problems += problem or ""
    print(f"{case.name}: {kills} kills")
    assert kills > len(faults) // 2
    if problems:
        pytest.fail(problems, pytrace=False)
