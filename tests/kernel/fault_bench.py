"""Commands that change something, for tests that let their system calls fail, or kill them; and what they leave."""

from __future__ import annotations

import os
import re
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Map, MapType
from pytc.bpf.sys.info import program_by_id, program_map_ids
from pytc.errors import TransferError
from pytc.exec_proxy.agent_client import drop, list_objects
from pytc.exec_proxy.map_transfer import send_maps
from pytc.exec_proxy.wire import ObjectIdentity
from pytc.transaction.owned_pins import pinned_map_id
from tests.conftest import pins
from tests.faults import Call, Fault, Trace, trace
from tests.kernel.exec_proxy.support import Serving, array_maps
from tests.network import Network
from tests.processes import Outcome
from tests.waiting import until

PLACE = "dev em1 ingress pref 1 handle 1"
CLSACT = ("qdisc add dev em1 clsact",)
TRAFFIC = "bpf da obj examples/bpf/traffic.o"
TAILCALL = "bpf da obj examples/bpf/tailcall.o"
FIREWALL = "bpf da obj examples/bpf/firewall.o"
TCX = "obj examples/bpf/traffic.o"
IW = "obj examples/bpf/sockops/iw.o"
WITH_PINS = (*CLSACT, f"filter add {PLACE} {FIREWALL}")

#: Faults of a command in the first tier.
_SOME = 8
#: What can happen to some calls besides.
_MORE = {
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


class Case(NamedTuple):
    """A command, and the commands before it; OUT stands for a directory of the test, CGROUP for a cgroup, AGENT for the
    socket of an agent."""

    name: str
    words: str
    before: tuple[str, ...] = ()
    input: str = ""

    @property
    def is_batch(self) -> bool:
        """Whether lines stay done when a later one fails."""
        return self.words == "-b -"

    @property
    def is_import(self) -> bool:
        """Whether the command waits for maps."""
        return self.words.startswith("exec bpf import")

    @property
    def has_agent(self) -> bool:
        return "AGENT" in self.words


CASES = (
    Case("output", "cbpf to-ebpf '1,6 0 0 0' write OUT/program.o"),
    Case("add", f"filter add {PLACE} {FIREWALL}", CLSACT),
    Case("replace", f"filter replace {PLACE} {FIREWALL}", (*CLSACT, f"filter add {PLACE} {TRAFFIC}")),
    Case("tail calls", f"filter replace {PLACE} {TAILCALL}", (*CLSACT, f"filter add {PLACE} {TAILCALL}")),
    Case("delete", f"filter del {PLACE} bpf", (*CLSACT, f"filter add {PLACE} {TRAFFIC}")),
    Case("clsact", f"--create-clsact filter add {PLACE} {FIREWALL}"),
    Case("qdisc", "qdisc add dev em1 root handle 1: htb default 10"),
    Case("export", f"filter add {PLACE} {FIREWALL} export AGENT", CLSACT),
    Case("action", "actions add action mirred egress redirect dev em1 index 77"),
    Case(
        "actions",
        "actions add action mirred egress mirror dev em1 index 78 action mirred egress mirror dev em1 index 79",
    ),
    Case(
        "action delete",
        "actions del action mirred index 77",
        ("actions add action mirred egress redirect dev em1 index 77",),
    ),
    Case(
        "batch",
        "-b -",
        input=f"qdisc add dev em1 clsact\nfilter add {PLACE} {FIREWALL}\n"
        f"filter replace {PLACE} bpf bytecode '1,6 0 0 0'\nfilter add dev em1 egress {TRAFFIC}\n"
        "filter del dev em1 egress\nactions add action mirred egress redirect dev em1 index 77\n"
        "chain add dev em1 ingress chain 7\n",
    ),
    Case(
        "atomic",
        "--atomic -b -",
        input=f"qdisc add dev em1 clsact\nfilter add {PLACE} {FIREWALL}\n"
        f"filter replace {PLACE} bpf bytecode '1,6 0 0 0'\nchain add dev em1 ingress chain 7\n"
        "actions add action mirred egress redirect dev em1 index 77\n",
    ),
    Case("tcx", "tcx replace dev em1 ingress obj examples/bpf/firewall.o", (f"tcx attach dev em1 ingress {TCX}",)),
    Case("tcx link", "tcx attach dev em1 ingress link m:links/x obj examples/bpf/firewall.o"),
    Case("tcx detach", "tcx detach dev em1 ingress all", (f"tcx attach dev em1 ingress {TCX}",)),
    Case("cgroup", f"cgroup attach CGROUP {IW}"),
    Case("cgroup link", f"cgroup attach CGROUP link m:links/iw {IW}"),
    Case("cgroup replace", f"cgroup attach CGROUP replace name iw {IW}", (f"cgroup attach CGROUP {IW}",)),
    Case("cgroup detach", "cgroup detach CGROUP all", (f"cgroup attach CGROUP {IW}",)),
    Case("map load", "map load pinned m:globals/verdicts docs/verdicts.csv", WITH_PINS),
    Case("map set", "map set pinned m:globals/verdicts key 192.0.2.77 value { action DROP }", WITH_PINS),
    Case("map pin", "map pin pinned m:globals/verdicts m:others/x", WITH_PINS),
    Case("map unpin", "map unpin m:globals/verdicts", WITH_PINS),
    Case("prog pin", "prog pin dev em1 ingress pref 1 m:others/x", (*CLSACT, f"filter add {PLACE} {TRAFFIC}")),
    Case(
        "graft",
        "exec bpf graft m:globals/map_versions key 2 obj examples/bpf/graft.o",
        (*CLSACT, f"filter add {PLACE} {TAILCALL}"),
    ),
    Case("import", "exec bpf import OUT/socket timeout 20 run sh -c 'test $BPF_NUM_MAPS = 2'"),
)
#: Which can be given again when a part of them is done already, as "add" cannot.
REPEATABLE = (
    Case("export", f"filter replace {PLACE} {FIREWALL} export AGENT", CLSACT),
    Case(
        "batch",
        "-b -",
        input=f"qdisc replace dev em1 clsact\nfilter replace {PLACE} {FIREWALL}\n"
        f"filter replace dev em1 egress pref 2 handle 1 {TRAFFIC}\n"
        "actions replace action mirred egress redirect dev em1 index 77\n",
    ),
    Case(
        "atomic",
        "--atomic -b -",
        CLSACT,
        input=f"filter replace {PLACE} {FIREWALL}\nfilter replace dev em1 egress pref 2 handle 1 {TRAFFIC}\n",
    ),
)


class Bench:
    """Where commands run, and what they leave there."""

    def __init__(self, network: Network, directory: Path, case: Case, cgroup: Path | None = None) -> None:
        self._network, self._directory, self._case, self._cgroup = network, directory, case, cgroup
        self._out = directory / "out"
        self._out.mkdir()
        self._agent = directory / "agent"

    def _words(self, line: str) -> list[str]:
        places = {"OUT": self._out, "CGROUP": self._cgroup, "AGENT": self._agent}
        return [re.sub("OUT|CGROUP|AGENT", lambda match: str(places[match[0]]), word) for word in shlex.split(line)]

    def run(self, fault: Fault | None = None, *, lines: int | None = None) -> Trace:
        """Run the command with a fault; of a batch, the first ``lines`` alone."""
        input = "".join(self._case.input.splitlines(keepends=True)[:lines])
        words = ["-n", self._network.name, *self._words(self._case.words)]
        with self._exporting():
            return trace(words, self._network.env, fault, input=input)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the agent that a case wants."""
        with ExitStack() as owned:
            if self._case.has_agent:
                owned.enter_context(Serving(self._agent))
            yield

    @contextmanager
    def _exporting(self) -> Iterator[None]:
        """Export two maps to a command that imports, as soon as it listens."""
        if not self._case.is_import:
            yield
            return
        is_over = threading.Event()

        def work() -> None:
            while not is_over.wait(0.02):
                with suppress(TransferError):
                    send_maps(str(self._out / "socket"), ObjectIdentity("x.o"), maps)
                    return

        with array_maps(2) as maps:
            thread = threading.Thread(target=work)
            thread.start()
            try:
                yield
            finally:
                is_over.set()
                thread.join()

    def reset(self) -> None:
        for place in ("qdisc del dev em1 clsact", "qdisc del dev em1 root"):
            self._network.tc(*place.split())
        self._network.tc("actions", "flush", "action", "mirred")
        self._network.pytc("tcx", "detach", "dev", "em1", "ingress", "all")
        mount = Path(self._network.env["TC_BPF_MNT"])
        for pin in sorted(pins(mount), reverse=True):
            path = mount / pin
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        if self._cgroup is not None:
            self._network.pytc("cgroup", "detach", str(self._cgroup), "all")
            until(lambda: not self._network.json("cgroup", "show", str(self._cgroup)), "the end of links without pins")
        for file in self._out.iterdir():
            file.unlink()
        if self._case.has_agent:
            drop(str(self._agent), "")
        for line in self._case.before:
            self._network.ok(*self._words(line))

    def state(self) -> list[str]:
        """Return lines that say what is there, without numbers that differ each time."""
        shown = [
            self._network.tc(*question.split()).out
            for question in (
                *("qdisc show dev em1", "class show dev em1", "filter show dev em1 ingress"),
                *("filter show dev em1 egress", "chain show dev em1 ingress"),
                "actions list action mirred",
            )
        ]
        shown.append(self._network.ok("tcx", "show", "dev", "em1"))
        if self._cgroup is not None:
            shown.append(self._network.ok("cgroup", "show", str(self._cgroup)))
        text = "".join(shown).replace("not_in_hw ", "")
        used = {number for program in re.findall(r" id (\d+)", text) for number in _maps_of_program(int(program))}
        lines = [" ".join(word for word in line.split() if not word.isdigit()) for line in text.splitlines()]
        mount = Path(self._network.env["TC_BPF_MNT"])
        return lines + [_pin_state(mount, pin, used) for pin in sorted(pins(mount))] + sorted(os.listdir(self._out))

    def settled(self, expected: Sequence[list[str]]) -> list[str]:
        """Return what is there, as soon as it is expected, or after a second: links without pins take a while to go."""
        end = time.monotonic() + 1
        while (state := self.state()) not in expected and time.monotonic() < end:
            time.sleep(0.02)
        return state

    def exports(self) -> list[str]:
        """Return the names of the objects that an agent has, if the case wants one."""
        return [listed.name for listed in list_objects(str(self._agent))] if self._case.has_agent else []

    def pinned_maps(self) -> dict[str, int]:
        """Return the ids of the maps that are pinned, but for program arrays, of which each load makes a new one."""
        mount = Path(self._network.env["TC_BPF_MNT"])
        found = {}
        for pin in pins(mount):
            path = str(mount / pin)
            if number := pinned_map_id(path):
                with Map.from_pin(path) as map:
                    if map.description.type != MapType.PROG_ARRAY:
                        found[pin] = number
        return found


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


def faults_of(calls: list[Call], faults: tuple[str, ...], *, every: bool) -> Iterator[Fault]:
    """Yield all faults of all calls, or about a dozen, of each sort of call."""
    found = [Fault(call, what) for call in calls for what in (*_MORE.get(call.name, ()) * (faults != KILL), *faults)]
    # a step that shares no factor with the number of faults of a call comes to each of them
    yield from found if every else found[:: max(len(found) // _SOME, 1) | 1]


def bench_of(request: pytest.FixtureRequest, case: Case) -> Bench:
    network: Network = request.getfixturevalue("network")
    directory: Path = request.getfixturevalue("tmp_path")
    return Bench(network, directory, case, request.getfixturevalue("cgroup") if "CGROUP" in case.words else None)


def report(fault: Fault, problems: list[str], outcome: Outcome) -> str:
    end = "\n    ".join(outcome.err.splitlines()[-4:])
    return f"{fault}: {'; '.join(problems)}: status {outcome.status}\n    {end}\n" if problems else ""
