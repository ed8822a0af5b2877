"""Sessions: commands one after another to tc and to pytc, each in a network namespace of its own, and all of what they
do compared after each of them: exit code, what is printed, and what is in the kernel."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.compat.answers import masked, print_alike, refuse_alike
from tests.compat.lines import Session, Step
from tests.conftest import ROOT, Outcome

DEVICES = ("em1", "em2", "em3")
_BLOCKS = ("5", "6")
_LINKS = (
    "link set lo up",
    "link add em1 numtxqueues 4 numrxqueues 4 type veth peer name em2 numtxqueues 4 numrxqueues 4",
    "link add em3 type veth peer name em4",
    *(f"link set em{number} up" for number in range(1, 5)),
)
#: What is shown of the kernel's state; without classes, which tc 6.1 prints as text into JSON. Actions are first: the
#: kernel knows their hardware statistics when they have been listed once. In a batch, tc's "qdisc show" means the
#: device of the line before, so that it comes early.
_STATE = [
    "actions ls action mirred", "qdisc show", "qdisc show invisible",
    *(f"qdisc show dev {device}" for device in DEVICES),
    *(f"{what} show dev {device} {hook}".strip() for device in DEVICES for what in ("filter", "chain")
      for hook in ("", "root", "ingress", "egress", "parent 1:1", "parent ffff:")),
    *(f"{what} show block {block}" for block in _BLOCKS for what in ("filter", "chain")),
]
_CLASSES = [f"class show dev {device}" for device in DEVICES]
TEXT = ("", "-s", "-d", "-r", "-N", "-p", "-iec -s -d")
JSON = ("-j", "-j -s -d", "-j -p")
#: How tc finds out whether the kernel has a filter or an action; any other kind is a qdisc.
_TRIES = {
    "fw": "filter add dev em3 egress handle 1 fw classid 1:1",
    "matchall": "filter add dev em3 egress matchall flowid 1:1",
    "flower": "filter add dev em3 egress flower action mirred egress redirect dev em4",
    **{kind: f"actions add action {kind} {words} index 99999" for kind, words in
       (("gact", "pass"), ("bpf", "bytecode 1,6_0_0_0"), ("vlan", "pop"), ("csum", "tcp"), ("skbedit", "mark 5"),
        ("police", "rate 1mbit burst 10k"))},
}


_DELAYS = (0, 0.05, 0.2, 1, 2)


class Side:
    """A namespace with its devices, and a process in it that runs commands."""

    def __init__(self, name: str, directory: Path, environment: dict[str, str]) -> None:
        self._batch = directory / f"{name}.batch"
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-m", "tests.compat.stepping"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def prepare(self) -> None:
        quiet = self.do("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        assert quiet.status == 0, quiet.err
        self._batch.write_text("\n".join(_LINKS) + "\n")
        made = self.do("ip", "-batch", str(self._batch))
        assert made.status == 0, made.err

    def do(self, *words: str) -> Outcome:
        """One command, which is pytc in that process when its first word says so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return Outcome(*json.loads(self._process.stdout.readline()))

    def batch(self, program: str, options: str, shows: Sequence[str]) -> str:
        """What a program prints for all of these."""
        self._batch.write_text("\n".join(shows) + "\n")
        return masked(self.do(program, *options.split(), "-force", "-batch", str(self._batch)).out)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        if self._process.stdout is not None:
            self._process.stdout.close()


class Sides(NamedTuple):
    """tc's and pytc's."""

    tc: Side
    pytc: Side


@contextmanager
def sides(names: tuple[str, str], directory: Path, environment: dict[str, str]) -> Iterator[Sides]:
    """Both, in these two empty namespaces."""
    made = Sides(*(Side(name, directory, environment) for name in names))
    try:
        for side in made:
            side.prepare()
        yield made
    finally:
        for side in made:
            side.close()


def lacking(side: Side, kinds: Sequence[str]) -> str:
    """The first kind that the kernel lacks, empty for none."""
    for kind in kinds:
        tried = _TRIES.get(kind, f"qdisc add dev em3 root handle 77: {kind}")
        side.do("tc", "qdisc", "add", "dev", "em3", "clsact")
        err = side.do("tc", *words_of(tried)).err
        for undo in ("qdisc del dev em3 clsact", "qdisc del dev em3 root", f"actions flush action {kind}"):
            side.do("tc", *undo.split())
        if "kind is unknown" in err or "not found" in err or "Failed to load" in err:
            return kind
    return ""


def words_of(line: str) -> list[str]:
    """Words at blanks, with ``_`` for the blanks inside bytecode."""
    return [word.replace("_", " ") if word[:1].isdigit() and "," in word else word for word in line.split()]


def play(both: Sides, session: Session, files: dict[str, str], *, each: bool = True) -> None:
    """The commands of a session in both; what differs is told all at once. ``files`` stand for words of the table.
    ``each`` looks at the kernel's state after each command that changes something, and not just at the end."""
    faults = []
    for step in session.steps:
        words = [files.get(word, word) for word in words_of(step.line)]
        expected, found = both.tc.do("tc", *words), both.pytc.do("pytc", *words)
        reason = _difference(step, words, expected, found)
        if not reason and each and not step.shows:
            reason = state_difference(both, "-s -d")
        if reason:
            faults.append(f"{step.line}: {reason}")
            break  # what comes after a difference differs, too
    if not faults:
        faults += [reason for options in TEXT if (reason := state_difference(both, options))]
        faults += list(_json_differences(both))
    assert not faults, "\n".join(faults)


def _difference(step: Step, words: list[str], expected: Outcome, found: Outcome) -> str:
    if bool(expected.status) != step.wrong:
        return f"tc exits with {expected.status}: {expected.err}"
    if "Traceback" in found.err or found.status != expected.status:
        return f"{found}, not {expected.status}"
    if step.wrong:
        return refuse_alike(step, expected, found)
    return print_alike(words, expected.out, found.out)


def state_difference(both: Sides, options: str) -> str:
    """tc shows the same in both namespaces, and pytc shows what tc does.

    Some time is given to the kernel: it releases actions a while after their filters.
    """
    shows = [*_STATE, *_CLASSES]
    for delay in _DELAYS:
        time.sleep(delay)
        theirs, ours = (side.batch("tc", options, shows) for side in both)
        shown = both.pytc.batch("pytc", options, shows)
        if theirs == ours == shown:
            return ""
    if theirs != ours:
        return f"in the kernel, as tc {options} tells:\n{_changes(theirs, ours)}"
    return f"pytc {options} shows:\n{_changes(ours, shown)}"


def _changes(expected: str, found: str) -> str:
    return "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), "tc", "pytc", "", "", 1, ""))


def _json_differences(both: Sides) -> Iterator[str]:
    """pytc's JSON is that of tc, for all that there is to show."""
    shows = [show for show in _STATE if both.pytc.do("pytc", *show.split()).out]
    for options in JSON:
        for show in shows:
            words = [*options.split(), *show.split()]
            expected, found = both.pytc.do("tc", *words), both.pytc.do("pytc", *words)
            if reason := print_alike(words, expected.out, found.out):
                yield f"{options} {show}: {reason}"
