"""Sessions of command lines to tc and to pytc, each in a network namespace of its own, and all of what they do compared
after each line: exit code, what is printed, and what is in the kernel, as tc tells it and as pytc does.

The kernel's state is asked for with many options, of tc and of pytc: that is where their outputs are compared. What is
the same as before is not asked for again.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import NamedTuple

from tests.compat.answers import changes, masked, print_alike, refuse_alike
from tests.compat.lines import Session, Step, words_of
from tests.compat.released import wait_until_released
from tests.needs import missing
from tests.processes import ROOT, Outcome
from tests.toolchains import require_newest_tc


class Options(NamedTuple):
    """With what each new state is shown by both, always and in turns, so many at a time."""

    always: tuple[str, ...] = ("", "-s -d", "-j", "-j -s -d")
    in_turns: tuple[str, ...] = (
        "-s",
        "-j -p",
        "-d",
        "-r -s",
        "-j -N",
        "-N",
        "-p",
        "-j -p -s -r",
        "-iec -s -d",
        "-j -r -d",
    )
    turns: int = 2
    patient: bool = False  # what lines add is looked at before something else is done, and not after each of them


ALL = Options()
#: How the two namespaces are compared.
_STATE = ("-s -d", "-j -s -d")
_ACTIONS = (
    "mirred gact act_bpf vlan csum skbedit police pedit nat simple skbmod ctinfo ife gate "
    "connmark sample mpls tunnel_key ct"
).split()
_QUEUES = "numtxqueues 4 numrxqueues 4"
#: The kernel releases actions a while after their filters.
_DELAYS = (0, 0.05, 0.2, 1, 2, 5, 10)
_MOST_FAULTS = 8
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
                pass  # the queue is full, or a filter has dropped it
"""


class Side:
    """A process that runs commands in a namespace of its own."""

    def __init__(self, tc: str = "tc") -> None:
        self._tc = tc
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.compat.stepping"],
            cwd=ROOT,
            env={**os.environ, "PYTC_TC": tc},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def request(self, *words: str) -> list[object]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        found: list[object] = json.loads(self._process.stdout.readline())
        return found

    def do(self, *words: str) -> Outcome:
        """One command, which is pytc in that process when its first word says so."""
        status, out, err = self.request(*words)
        assert isinstance(status, int)
        return Outcome(status, str(out), str(err))

    def must(self, *words: str) -> None:
        done = self.do(*words)
        assert done.status == 0, f"{' '.join(words)[:200]}: {done.err}"

    def ask(self, options: str, shows: Sequence[str]) -> list[str]:
        """Return the output of tc for each of these."""
        return [masked(str(answer)) for answer in self.request("ask", options, *shows)]

    def shown(self, words: Sequence[str]) -> str:
        """Return what a command of tc prints, whether or not it works."""
        return self.do("tc", *words).out

    def many(self, program: str, lines: Sequence[str]) -> None:
        """Commands of ip or tc that have to succeed, in one process."""
        quoted = "".join("".join(f'"{word}" ' for word in words_of(line)) + "\n" for line in lines)
        self.must("sh", "-c", 'printf %s "$1" | "$0" -batch -', self._tc if program == "tc" else program, quoted)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(timeout=60)


class Sides(NamedTuple):
    """tc's and pytc's."""

    tc: Side
    pytc: Side

    def prepare(self, session: Session) -> None:
        """New namespaces with em1 to em4, and with a device for each step that has its own."""
        own = [f"t{number}" for number, step in enumerate(session.steps) if step.has_device]
        links = [
            f"link add {one} {_QUEUES} type veth peer name {other} {_QUEUES}"
            for one, other in (("em1", "em2"), ("em3", "em4"), *((device, f"{device}p") for device in own))
        ]
        links += [f"link set {device}{end} up" for device in own for end in ("", "p")]
        links += [f"link set em{number} up" for number in range(1, 5)]
        for side in self:
            assert side.request("new") == [0, "", ""]
            side.many("ip", links)
            if session.each:
                side.many(
                    "tc",
                    [
                        " ".join(words)
                        for device in own
                        for line in session.each
                        for words in (words_of(line, {"D": device}),)
                    ],
                )


@contextmanager
def sides(tc: str = "tc") -> Iterator[Sides]:
    """Both, for any number of sessions."""
    require_newest_tc()
    made = Sides(Side(tc), Side(tc))
    try:
        yield made
    finally:
        for side in made:
            side.close()


@contextmanager
def all_sides() -> Iterator[Callable[[str], Sides]]:
    """Return what returns both for a tc; they stay for other sessions."""
    with ExitStack() as stack:
        yield cache(lambda tc: stack.enter_context(sides(tc)))


class Play:
    """A session in both namespaces."""

    def __init__(self, both: Sides, session: Session, files: dict[str, str], options: Options) -> None:
        self._both, self._session, self._files, self._options = both, session, files, options
        self._seen: set[str] = set()
        self._turns = itertools.cycle(options.in_turns)

    def faults(self) -> Iterator[str]:
        """Yield the differences: after the first one all steps differ, but for those with devices of their own."""
        shared = _shows([command for step in self._session.steps for command in step.accepted], self._shared_devices())
        new = False
        for number, step in enumerate(self._session.steps):
            device, shows = f"t{number}", shared
            if step.has_device:
                commands = (*self._session.each, *step.accepted)
                shows = _shows([" ".join(words_of(command, {"D": device})) for command in commands], [device])
            new = new or step.changes
            reason = self._step(step, device)
            if new and not reason and not self._waits(number):
                reason, new = self._state(shows, step, device), False
            if reason:
                yield f"{step}: {reason}"
                if not (step.has_device or step.wrong):
                    return

    def _waits(self, number: int) -> bool:
        """Whether the kernel's state is not looked at behind this step, because the next one leaves it to be seen."""
        step, *behind = self._session.steps[number : number + 2]
        return self._options.patient and not step.has_device and bool(behind) and behind[0].adds

    def _shared_devices(self) -> list[str]:
        text = " ".join(str(step) for step in self._session.steps if not step.has_device).split()
        return [device for device in ("em1", "em2", "em3") if device in text]

    def _step(self, step: Step, device: str) -> str:
        """The commands of a step; only the last one may be wrong."""
        *before, last = step.on(device, self._files)
        wanted = step._replace(named=step.named.replace('"D"', f'"{device}"'))
        for words in (*before, last):
            if words[0] == "send":
                for side in self._both:
                    side.must(sys.executable, "-c", _SENDER, *words[1:])
                continue
            if not (step.wrong and words is last):
                for side in self._both:
                    wait_until_released(words, side.shown)
            expected, found = self._both.tc.do("tc", *words), self._both.pytc.do("pytc", *words)
            if reason := _difference(wanted if words is last else Step(()), words, expected, found):
                return reason
        return ""

    def _state(self, shows: list[str], step: Step, device: str) -> str:
        """tc shows the same in both namespaces, and pytc shows what tc does; what is refused changes nothing."""
        reason = ""
        for delay in _DELAYS:
            time.sleep(delay)
            reason = "" if step.sends else self._namespaces_differ(shows)
            if not reason and not self._session.raw and (self._options.patient or not step.wrong):
                reason = self._programs_differ(shows, device)
            if not reason:
                break
        return reason

    def _namespaces_differ(self, shows: list[str]) -> str:
        for options in _STATE:
            theirs, ours = (side.ask(options, shows) for side in self._both)
            for show, one, other in zip(shows, theirs, ours, strict=True):
                if one != other:
                    return f"in the kernel, as tc {options} {show} tells:\n{changes(one, other)}"
        return ""

    def _programs_differ(self, shows: list[str], device: str) -> str:
        """Of what is new or has changed; devices of steps are all alike."""
        told = [self._both.pytc.ask(options, shows) for options in _STATE]
        for state in zip(shows, *told, strict=True):
            key = re.sub(rf"\b{device}p?\b", "D", "\n".join(state))
            if key not in self._seen and (reason := self._show_differs(state[0])):
                return reason
            self._seen.add(key)
        return ""

    def _show_differs(self, show: str) -> str:
        for options in (*self._options.always, *itertools.islice(self._turns, self._options.turns)):
            [expected] = self._both.pytc.ask(options, [show])
            words = [*options.split(), *show.split()]
            found = self._both.pytc.do("pytc", *words)
            if (found.status or found.err) and (expected or " block " not in show):
                return f"{options} {show}: {found}"
            if reason := print_alike(words, expected, found.out):
                return f"{options} {show}: {reason}"
        return ""


def play(both: Sides, session: Session, files: dict[str, str], options: Options = ALL) -> None:
    """A session in both namespaces; what differs first is told. ``files`` stand for words of the table."""
    steps = tuple(step for step in session.steps if not missing(step.needs))
    faults = list(itertools.islice(Play(both, session._replace(steps=steps), files, options).faults(), _MOST_FAULTS))
    assert not faults, "\n".join(faults)


def _shows(commands: Sequence[str], devices: Sequence[str]) -> list[str]:
    """What shows all that commands make on devices. Actions are first: the kernel knows their hardware statistics when
    they have been listed once."""
    text = " ".join(commands)
    shows = [
        f"actions ls action {kind.removeprefix('act_')}"
        for kind in _ACTIONS
        if re.search(rf"\bactions? .*action {kind.removeprefix('act_')}\b", text) and "em1" in devices
    ]
    kinds = [
        kind for kind, words in (("filter", r"f|fil\w*|chain"), ("chain", "chain")) if re.search(rf"\b({words}) ", text)
    ]
    hooks = [
        "",
        *(hook for hook in ("ingress", "egress") if re.search(rf"\b{hook}\b", text)),
        *dict.fromkeys(re.findall(r"\bparent [0-9a-f]+:[0-9a-f]*(?= )", text)),
    ]
    for device in devices:
        shows += [f"{what} show dev {device}" for what in ("qdisc", "class")]
        shows += [] if kinds else [f"qdisc show dev {device} invisible"]
        shows += [f"{kind} show dev {device} {hook}".strip() for kind in kinds for hook in hooks]
    for block in dict.fromkeys(re.findall(r"_block ([1-9]\d*)\b", text)):
        shows += [f"{what} show block {block}" for what in ("filter", "chain")]
    return shows


def _difference(step: Step, words: list[str], expected: Outcome, found: Outcome) -> str:
    if bool(expected.status) != step.wrong:
        return f"{' '.join(words)}: tc exits with {expected.status}: {expected.err}"
    if "Traceback" in found.err or found.status != expected.status:
        return f"{' '.join(words)}: {found}, not {expected.status} {expected.err!r}"
    if step.wrong:
        return refuse_alike(step, expected, found)
    return print_alike(words, expected.out, found.out)
