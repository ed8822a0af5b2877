"""The same command lines to tc and to pytc, many at once: what they make in the kernel, and what they print.

Each case has two devices: ``tN`` for tc, ``pN`` for pytc, the ends of a veth pair. tc runs in batch mode and pytc in
one process, because processes are slow to start in a VM.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.compat.answers import repeats
from tests.compat.lines import Case
from tests.conftest import ROOT, Outcome

QUEUES = "4"
#: A class of lo, which tc shows between the answers of a batch.
_MARK = ["class", "show", "dev", "lo"]
TEXT = [(), ("-s",), ("-d",), ("-s", "-d", "-r"), ("-iec", "-s")]
JSON = [("-j",), ("-j", "-s", "-d"), ("-j", "-p", "-s", "-r")]


class Namespace(NamedTuple):
    """A network namespace without IPv6, so that its devices are quiet."""

    name: str
    directory: Path

    def execute(self, *words: str, text: str = "") -> Outcome:
        done = subprocess.run(["ip", "netns", "exec", self.name, *words], input=text, text=True, capture_output=True,
                              cwd=ROOT, timeout=300, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def tc(self, commands: list[list[str]], *options: str) -> Outcome:
        """One process for all; it goes on after those that fail."""
        batch = self.directory / "batch"
        batch.write_text("".join(" ".join(command) + "\n" for command in commands))
        return self.execute("tc", *options, "-force", "-batch", str(batch))

    def tc_each(self, commands: list[list[str]], *options: str) -> list[str]:
        """What each of these prints."""
        out = self.tc([part for command in commands for part in (command, _MARK)], *options).out
        mark = self.tc([_MARK], *options).out
        assert "abcd:" in mark
        return out.split(mark)[:-1]

    def pytc(self, commands: list[list[str]]) -> list[Outcome]:
        """One process for all."""
        words = "".join(json.dumps(command) + "\n" for command in commands)
        done = self.execute(sys.executable, "-m", "tests.compat.runner", text=words)
        assert not done.err, done.err
        return [Outcome(*json.loads(line)) for line in done.out.splitlines()]

    def prepare(self, pairs: int) -> None:
        """Devices for so many cases, up and quiet."""
        self.execute("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        lines = ["link set lo up"]
        for number in range(pairs):
            queues = f"numtxqueues {QUEUES} numrxqueues {QUEUES}"
            lines += [f"link add t{number} {queues} type veth peer name p{number} {queues}",
                      f"link set t{number} up", f"link set p{number} up"]
        (self.directory / "links").write_text("\n".join(lines) + "\n")
        done = self.execute("ip", "-batch", str(self.directory / "links"))
        assert done.status == 0, done.err
        bucket = "qdisc add dev lo root handle abcd: tbf rate 1gbit burst 10k limit 10k"
        assert self.tc([bucket.split()]).status == 0


    def send(self, devices: list[str]) -> None:
        """Some packets of two flows through the qdiscs of devices."""
        assert self.execute(sys.executable, "-c", _SENDER, *devices).status == 0


_SENDER = """
import socket, struct, sys
for device in sys.argv[1:]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((device, 0))
        for number in range(12):
            udp = struct.pack("!HHHH", 1000 + number % 2, 9, 108, 0) + bytes(100)
            addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 128, number, 0, 64, 17, 0) + addresses
            ethernet = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
            try:
                sender.send(ethernet + ip + udp)
            except OSError:
                pass  # the queue is full
"""


def missing(space: Namespace, kinds: Sequence[str]) -> str:
    """The first of these qdiscs that the kernel lacks, empty for none; t0 is a device without one."""
    for kind in kinds:
        tried = space.tc([["qdisc", "add", "dev", "t0", "root", kind], ["qdisc", "del", "dev", "t0", "root"]])
        if "kind is unknown" in tried.err and kind != "ingress":
            return kind
    return ""


def compare_state(space: Namespace, chosen: list[Case]) -> None:
    """tc accepts all, so does pytc, without a word; and tc shows the same of both devices."""
    done = space.tc([command for number, case in enumerate(chosen) for command in case.on(f"t{number}")])
    assert done.status == 0, done.err
    commands = [command for number, case in enumerate(chosen) for command in case.on(f"p{number}")]
    outcomes = space.pytc(commands)
    for command, outcome in zip(commands, outcomes, strict=True):
        assert (outcome.status, outcome.out) == (0, ""), f"{' '.join(command)}: {outcome.err}"
    assert "".join(outcome.err for outcome in outcomes) == done.err  # what the kernel remarks
    for words, options in ((["qdisc", "show", "invisible"], ("-s", "-d")), (["qdisc", "show"], ("-j", "-s", "-d"))):
        shown = _by_device(space.tc([words], *options).out)
        for number, case in enumerate(chosen):
            assert shown.get(f"p{number}") == shown.get(f"t{number}"), f"{words} after {case}"
    ours, theirs = (space.tc_each([["class", "show", "dev", f"{which}{number}"] for number in range(len(chosen))],
                                  "-s", "-d") for which in "pt")
    for case, our, their in zip(chosen, ours, theirs, strict=True):
        assert our == their, f"classes after {case}"


def _by_device(shown: str) -> dict[str, list[str]]:
    """What tc shows, by device, without the names of devices, and handles that the kernel picks."""
    records: list[str]
    if shown.startswith("["):
        records = [json.dumps(record) for record in json.loads(shown)]
    else:
        records = re.split(r"^(?=qdisc )", shown, flags=re.MULTILINE)[1:]
    found: dict[str, list[str]] = {}
    for record in records:
        device = re.search(r'\bdev"?:? "?(\w+)', record)
        assert device is not None
        text = record[:device.start()] + record[device.end():]
        found.setdefault(device[1], []).append(re.sub(r"\b8[0-9a-f]{3}:", "auto:", text))
    return found


def compare_text(space: Namespace, chosen: list[Case]) -> None:
    """pytc shows what tc made as tc shows it, byte for byte; JSON has the same members, where tc repeats one."""
    qdiscs = [["qdisc", "show"], ["qdisc", "show", "dev", "t0"]]
    classes = [["class", "show", "dev", f"t{number}"] for number in range(len(chosen))]
    classes = [show for show, text in zip(classes, space.tc_each(classes), strict=True) if text] or classes[:1]
    shows = [(options, show) for options in TEXT for show in qdiscs + classes]
    shows += [(options, show) for options in JSON for show in qdiscs]
    found = space.pytc([[*options, *show] for options, show in shows])
    for (options, show), outcome, text in zip(shows, found, _expected(space, qdiscs, classes), strict=True):
        assert (outcome.status, outcome.err) == (0, ""), f"{options} {show}"
        if "-j" in options:
            assert json.loads(outcome.out) == json.loads(text), f"{options} {show}"
        assert outcome.out == text or ("-j" in options and repeats(text)), f"{options} {show}"


def _expected(space: Namespace, qdiscs: list[list[str]], classes: list[list[str]]) -> Iterator[str]:
    for options in TEXT:
        yield from (space.tc([show], *options).out for show in qdiscs)
        yield from space.tc_each(classes, *options)
    for options in JSON:
        yield from (space.tc([show], *options).out for show in qdiscs)


def compare_traffic(space: Namespace, chosen: list[Case]) -> None:
    """What pytc shows is what tc shows, after some packets; some of them had an effect."""
    done = space.tc([command for number, case in enumerate(chosen) for command in case.on(f"t{number}")])
    assert done.status == 0, done.err
    space.send([f"t{number}" for number in range(len(chosen))])
    shown = _by_device(space.tc([["qdisc", "show"]], "-s").out)
    for number, case in enumerate(chosen):
        assert "Sent 0 bytes 0 pkt (dropped 0," not in shown[f"t{number}"][0], f"no packets in {case}"
    compare_text(space, chosen)


def tc_is_here() -> bool:
    return shutil.which("tc") is not None
