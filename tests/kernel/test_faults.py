"""System calls that fail, and signals at each of them: a command does what it says, or nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import pins
from tests.faults import Call, Fault, Trace, trace
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(1200)]

FIREWALL = "bpf da obj examples/bpf/firewall.o"
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


class Case(NamedTuple):
    """A command, and the commands before it; OUT stands for a directory of the test."""

    name: str
    words: str
    before: tuple[str, ...] = ()
    input: str = ""


CASES = (
    Case("output", "cbpf to-ebpf '1,6 0 0 0' write OUT/program.o"),
    Case("add", f"filter add dev em1 ingress pref 1 handle 1 {FIREWALL}", ("qdisc add dev em1 clsact",)),
)


class Bench:
    """Where commands run, and what they leave there."""

    def __init__(self, network: Network, directory: Path, case: Case) -> None:
        self._network, self._directory, self._case = network, directory, case

    def run(self, fault: Fault | None = None) -> Trace:
        words = [word.replace("OUT", str(self._directory)) for word in shlex.split(self._case.words)]
        return trace(["-n", self._network.name, *words], self._network.env, fault, input=self._case.input)

    def reset(self) -> None:
        for place in ("qdisc del dev em1 clsact", "qdisc del dev em1 root"):
            self._network.tc(*place.split())
        mount = Path(self._network.env["TC_BPF_MNT"])
        for pin in sorted(pins(mount), reverse=True):
            path = mount / pin
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        for path in self._directory.iterdir():
            path.unlink()
        for line in self._case.before:
            self._network.ok(*line.split())

    def state(self) -> list[str]:
        shown = [
            self._network.tc(*f"{question} show dev em1{hook}".split()).out
            for question, hook in (("qdisc", ""), ("class", ""), ("filter", " ingress"), ("filter", " egress"))
        ]
        shown.append(self._network.tc(*"chain show dev em1 ingress".split()).out)
        text = "".join(shown).replace("not_in_hw ", "")
        lines = [" ".join(word for word in line.split() if not word.isdigit()) for line in text.splitlines()]
        return lines + sorted(pins(Path(self._network.env["TC_BPF_MNT"]))) + sorted(os.listdir(self._directory))


def _faults(calls: list[Call], *, every: bool) -> Iterator[Fault]:
    """Yield all faults of all calls, or one of each call in turns."""
    for number, call in enumerate(calls):
        whats = (*MORE.get(call.name, ()), *FAULTS)
        yield from (Fault(call, what) for what in (whats if every else [whats[number % len(whats)]]))


def _check(bench: Bench, fault: Fault, initial: list[str], final: list[str]) -> str:
    """Return what is wrong after a fault, empty where all is well."""
    outcome = bench.run(fault).outcome
    state = bench.state()
    problems = []
    if "Traceback" in outcome.err or "Exception ignored" in outcome.err:
        problems.append("a traceback")
    if outcome.status == 0 and state != final:
        problems.append("it says that all was done")
    is_signal = fault.what.startswith("signal")
    if outcome.status != 0 and state != initial and not (is_signal and state == final):
        problems.append(f"left behind: {sorted(set(state) ^ set(initial))}")
    if outcome.status != 0 and not is_signal and not outcome.err:
        problems.append("no message")
    end = "\n    ".join(outcome.err.splitlines()[-4:])
    return f"{fault}: {'; '.join(problems)}: status {outcome.status}\n    {end}\n" if problems else ""


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_command_does_all_or_nothing(network: Network, tmp_path: Path, case: Case, every: bool) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    bench = Bench(network, directory, case)
    bench.reset()
    initial = bench.state()
    baseline = bench.run()
    assert baseline.outcome.status == 0, baseline.outcome
    final = bench.state()
    assert final != initial
    problems = ""
    for fault in _faults(baseline.calls, every=every):
        bench.reset()
        problems += _check(bench, fault, initial, final)
    if problems:
        pytest.fail(problems, pytrace=False)
