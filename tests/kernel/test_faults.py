"""System calls that fail, and signals at each of them: a command does what it says, or nothing."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Map, MapType
from pytc.bpf.sys.info import program_by_id, program_map_ids
from pytc.transaction.owned_pins import pinned_map_id
from tests.conftest import pins
from tests.faults import Call, Fault, Trace, trace
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(1200)]

#: Faults of a command in the first tier.
SOME = 20
PLACE = "dev em1 ingress pref 1 handle 1"
CLSACT = ("qdisc add dev em1 clsact",)
TRAFFIC = "bpf da obj examples/bpf/traffic.o"
TAILCALL = "bpf da obj examples/bpf/tailcall.o"
TCX = "obj examples/bpf/traffic.o"
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
    Case("add", f"filter add {PLACE} {FIREWALL}", CLSACT),
    Case("replace", f"filter replace {PLACE} {FIREWALL}", (*CLSACT, f"filter add {PLACE} {TRAFFIC}")),
    Case("tail calls", f"filter replace {PLACE} {TAILCALL}", (*CLSACT, f"filter add {PLACE} {TAILCALL}")),
    Case("delete", f"filter del {PLACE} bpf", (*CLSACT, f"filter add {PLACE} {TRAFFIC}")),
    Case("clsact", f"--create-clsact filter add {PLACE} {FIREWALL}"),
    Case("qdisc", "qdisc add dev em1 root handle 1: htb default 10"),
    Case(
        "atomic",
        "--atomic -b -",
        input=f"qdisc add dev em1 clsact\nfilter add {PLACE} {FIREWALL}\n"
        f"filter replace {PLACE} bpf bytecode '1,6 0 0 0'\nchain add dev em1 ingress chain 7\n",
    ),
    Case("tcx", "tcx replace dev em1 ingress obj examples/bpf/firewall.o", (f"tcx attach dev em1 ingress {TCX}",)),
    Case(
        "map load",
        "map load pinned m:globals/verdicts docs/verdicts.csv",
        (*CLSACT, f"filter add {PLACE} {FIREWALL}"),
    ),
    Case("map pin", "map pin pinned m:globals/verdicts m:others/x", (*CLSACT, f"filter add {PLACE} {FIREWALL}")),
    Case(
        "graft",
        "exec bpf graft m:globals/map_versions key 2 obj examples/bpf/graft.o",
        (*CLSACT, f"filter add {PLACE} {TAILCALL}"),
    ),
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
        self._network.pytc("tcx", "detach", "dev", "em1", "ingress", "all")
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
        shown.append(self._network.ok("tcx", "show", "dev", "em1"))
        text = "".join(shown).replace("not_in_hw ", "")
        used = {number for program in re.findall(r" id (\d+)", text) for number in _maps_of_program(int(program))}
        lines = [" ".join(word for word in line.split() if not word.isdigit()) for line in text.splitlines()]
        mount = Path(self._network.env["TC_BPF_MNT"])
        pinned = [_pin_state(mount, pin, used) for pin in sorted(pins(mount))]
        return lines + pinned + sorted(os.listdir(self._directory))


def _maps_of_program(number: int) -> list[int]:
    with program_by_id(number) as program:
        return program_map_ids(program.fd)


def _pin_state(mount: Path, pin: str, used: set[int]) -> str:
    """Return the path of a pin, and of a map's, whether a program that is attached uses the map, and its entries."""
    number = pinned_map_id(str(mount / pin))
    if not number:
        return pin
    with Map.from_pin(str(mount / pin)) as map:
        is_listed = map.description.type in (MapType.HASH, MapType.PROG_ARRAY)
        return f"{pin} {'used' if number in used else 'unused'} {len([*map.items()]) if is_listed else ''}"


def _faults(calls: list[Call], *, every: bool) -> Iterator[Fault]:
    """Yield all faults of all calls, or some twenty, of each sort of call."""
    faults = [Fault(call, what) for call in calls for what in (*MORE.get(call.name, ()), *FAULTS)]
    # a step that shares no factor with the number of faults of a call comes to each of them
    yield from faults if every else faults[:: max(len(faults) // SOME, 1) | 1]


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
    assert final != initial or case.name == "tail calls"
    problems = ""
    # where the pin of a program array cannot be moved, the filter is in place already, and the array has another pin
    calls = [call for call in baseline.calls if call.name != "rename" or case.name == "output"]
    for fault in _faults(calls, every=every):
        bench.reset()
        problems += _check(bench, fault, initial, final)
    if problems:
        pytest.fail(problems, pytrace=False)
