"""Cases of the kernel's tests of tc: how their files are read, and how a case is run and judged.

A file is a list of JSON objects (tools/testing/selftests/tc-testing/creating-testcases/AddingTestCases.txt): commands
that set up, one under test with the exit status that it shall have, one that verifies, whose output has to match a
pattern so many times or a piece of JSON, and commands that tear down. ``$TC``, ``$DUMMY`` and so on stand for names.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from tests.compat.stepping import TC
from tests.compat.twins import Side
from tests.processes import PYTC, Outcome

#: Devices of a case, made anew for each.
DEVICES = (
    "link add v0p1 type veth peer name v0p0",
    "link add dummy1 type dummy",
    "link add dummy2 type dummy",
    "link add ifbtdc0 type ifb",
    *(f"link set {name} up" for name in ("v0p0", "v0p1", "dummy1", "dummy2", "ifbtdc0")),
)
NAMES = {
    "IP": "ip",
    "DEV0": "v0p0",
    "DEV1": "v0p1",
    "DEV2": "dummy2",
    "DUMMY": "dummy1",
    "ETH": "eth0",
    "IFB": "ifbtdc0",
    "ETHTOOL": "ethtool",
    "BATCH_FILE": "/dev/shm/tc-testing-batch",
    "BATCH_DIR": "/dev/shm/tc-testing-batches",
    "NS": "tcut",
}
#: Makes a device with so many queues, one unless it says so, of netdevsim, a driver for tests that kernels lack; and
#: what stands for it there.
_NETDEVSIM = re.compile(r'echo "1 1(?: (\d+))?" > (/sys/bus/netdevsim/new_device)')
_WITH_QUEUES = "ip link add eth0 numtxqueues {0} numrxqueues {0} type veth peer name eth1 && ip link set eth1 up"
#: Sends frames out of a device, so many times.
_SENDER = """
import socket, sys
device, count, *frames = sys.argv[1:]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind((device, 0))
    for frame in frames * int(count):
        try:
            sender.send(bytes.fromhex(frame))
        except OSError:
            pass  # the queue is full
"""
_PLUGINS = {"nsPlugin"}
#: Fields by which a case of one kernel differs from that of another.
_MATTERS = ("setup", "cmdUnderTest", "expExitCode", "scapy", "verifyCmd", "matchPattern", "matchCount", "matchJSON")
#: What only a shell understands.
_SHELL = frozenset("|&;<>()$`*?[]{}~!#\n")


class Case(NamedTuple):
    """A case: its id, its fields as the file has them, and the packets that it sends."""

    id: str
    fields: Mapping[str, Any]
    packets: list[list[str]]


def read_cases(directory: Path, path: Path) -> list[Case]:
    """Return the cases of a file that run here: in a namespace, and with packets where packets.json has them."""
    packets = read_packets(directory)
    listed = [_with_fewer_filters(fields) for fields in json.loads(path.read_text())]
    cases = [Case(fields["id"], fields, packets.get(fields["id"], [])) for fields in listed]
    return [case for case in cases if case.fields.get("skip") != "yes" and _plugins(case) <= _PLUGINS]


def _with_fewer_filters(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a case with a thousandth of the filters where it has a million of them in files."""
    text = json.dumps(fields)
    if "$BATCH_" not in text:
        return fields
    fewer: dict[str, Any] = json.loads(
        re.sub(r"\b\d{6,7}\b", lambda found: str(sum(divmod(int(found[0]), 1000))), text)
    )
    return fewer


def read_packets(directory: Path) -> dict[str, list[list[str]]]:
    """Return, by the id of a case, what it sends: lists of a device, a count, and frames in hex."""
    path = directory / "packets.json"
    return json.loads(path.read_text()) if path.exists() else {}


def without(cases: list[Case], others: list[Case]) -> list[Case]:
    """Return the cases that are not among others, or do something else there."""
    same = {case.id: [case.fields.get(name) for name in _MATTERS] for case in others}
    return [case for case in cases if same.get(case.id) != [case.fields.get(name) for name in _MATTERS]]


def _plugins(case: Case) -> set[str]:
    listed = case.fields.get("plugins", {}).get("requires", [])
    needed = {listed} if isinstance(listed, str) else {str(one) for one in listed}
    return needed - ({"scapyPlugin"} if case.packets else set())


class Runner:
    """Runs cases by tc or, with ``is_pytc``, by pytc in a process that stays."""

    def __init__(self, side: Side, directory: Path, *, is_pytc: bool) -> None:
        self._side, self._is_pytc = side, is_pytc
        python = Path(sys.executable).parent  # scripts need pyroute2
        self._before = f"cd {shlex.quote(str(directory))}\nPATH={shlex.quote(str(python))}:$PATH\n"
        self._names = {**NAMES, "TC": _command_of_pytc() if is_pytc else TC, "EBPFDIR": str(directory)}

    def problem(self, case: Case) -> str:
        """Return why a case fails, empty where it passes."""
        fields = case.fields
        shutil.rmtree(NAMES["BATCH_DIR"], ignore_errors=True)
        self._side.request("new")
        if not any("link add dev $DUMMY" in str(command) for command in fields["setup"]):
            self._side.many("ip", DEVICES)
        if "dependsOn" in fields and self._do(fields["dependsOn"]).status:
            return "the kernel lacks what it depends on"
        for command, statuses in _commands(fields["setup"]):
            done = self._do(command)
            if done.status not in statuses:
                return f"set-up {command!r} exits with {done.status}: {done.err}"
        done = self._do(fields["cmdUnderTest"])
        if done.status != int(fields["expExitCode"]):
            return f"{fields['cmdUnderTest']!r} exits with {done.status}, not {fields['expExitCode']}: {done.err}"
        for device, *words in case.packets:
            place = Template(device).safe_substitute(self._names)
            sent = self._side.do(sys.executable, "-c", _SENDER, place, *map(str, words))
            if sent.status:
                return f"no packets: {sent.err}"
        verified = self._do(fields["verifyCmd"])
        output = verified.err if verified.status and verified.err else verified.out
        if "matchJSON" in fields:
            return _json_problem(fields["matchJSON"], output)
        count = len(re.findall(str(fields["matchPattern"]), output, re.DOTALL | re.MULTILINE)) if output else 0
        wanted = int(fields["matchCount"])
        return "" if count == wanted else f"{fields['matchPattern']!r} matches {count} times, not {wanted}: {output}"

    def _do(self, command: str) -> Outcome:
        wanted = _NETDEVSIM.fullmatch(command)
        if wanted and not Path(wanted[2]).exists():
            command = _WITH_QUEUES.format(wanted[1] or 1)
        text = Template(command).safe_substitute(self._names)
        if self._is_pytc and command.startswith("$TC ") and _SHELL.isdisjoint(text):
            return self._side.do("pytc", *shlex.split(text)[1:])
        return self._side.do("sh", "-c", self._before + text)


def _command_of_pytc() -> str:
    """Return a command in one word, as scripts expect it of tc."""
    path = Path("/dev/shm/tc-testing-pytc")
    path.write_text(f'#!/bin/sh\nexec {shlex.join(PYTC)} "$@"\n')
    path.chmod(0o755)
    return str(path)


def _commands(listed: list[Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield commands and the exit statuses that are right for them."""
    for entry in listed:
        command, *statuses = entry if isinstance(entry, list) else (entry,)
        if command.strip():
            yield command, tuple(map(int, statuses)) or (0,)


def _json_problem(wanted: Any, output: str) -> str:
    try:
        found = json.loads(output)
    except ValueError:
        return f"no JSON: {output!r}"
    return "" if _holds(wanted, found) else f"{wanted} is not in {found}"


def _holds(wanted: Any, found: Any) -> bool:
    """Report whether a value has all members and elements that are wanted."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and _holds(wanted[name], found[name]) for name in wanted)
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) >= len(wanted)
            and all(_holds(one, other) for one, other in zip(wanted, found, strict=False))
        )
    return bool(wanted == found)
