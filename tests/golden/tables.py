"""The record of a table of tests/compat/lines: every command, and what is shown where it has changed something."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress

from tests.compat.lines import Session, sessions, words_of
from tests.compat.released import wait_until_released
from tests.golden import machine
from tests.golden.blocks import block
from tests.golden.pytc_process import Outcome, Runner

#: What stands for words of the tables.
_NAMES = {"OBJECT": "traffic.o", "CODE": "code", "NAMES": "names", "ACTIONS": "actions.o"}
#: What is behind a step is shown with these options, with the others where packets were sent.
_OPTIONS, _AFTER_PACKETS = ("", "-d", "-j -d"), ("-s -d", "-j -s -d")
_OBJECTS = ("qdisc", "class", "filter", "chain", "actions")
#: Behind packets through queues that flows may share: the kernel picks the hash function when it boots.
_NOT_SHOWN = ("fq_codel flows 2 ", " mq ; ")
_PACKETS, _FROM, _TO = 12, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def table_record(runner: Runner, table: str, *, elsewhere: bool) -> Iterator[str]:
    """The lines of the record, of the sessions with kinds that many kernels lack or of the others."""
    for session in sessions(table):
        if session.elsewhere != elsewhere:
            continue
        yield f"[{session.title}]"
        yield ""
        machine.renew()
        yield from _Play(runner, session).lines()


class _Play:
    """A session, in a namespace that is as good as new."""

    def __init__(self, runner: Runner, session: Session) -> None:
        self._runner, self._session = runner, session
        self._shown: dict[str, Outcome] = {}

    def lines(self) -> Iterator[str]:
        own = [f"t{number}" for number, step in enumerate(self._session.steps) if step.has_device]
        machine.add_pairs(*((device, f"{device}p") for device in own))
        for device in own:
            for line in self._session.each:
                self._runner.run(words_of(line, {"D": device}))
        for number, step in enumerate(self._session.steps):
            device = f"t{number}" if step.has_device else ""
            index = socket.if_nametoindex(device) if device else 0
            commands = list(zip(step.commands, step.on(device, _NAMES), strict=True))
            for command, words in commands:
                if words[0] == "send":
                    yield f"> {command}"
                    send_packets(words[1:])
                    continue
                if not (step.wrong and words is commands[-1][1]):
                    wait_until_released(words, lambda show: self._runner.run(show).out)
                yield from block(command, self._runner.run(words), device, index)
            if step.changes and not (step.sends and any(words in str(step) for words in _NOT_SHOWN)):
                for command, _ in commands:
                    yield from self._changed(command, device, index, sent=step.sends)
            yield ""

    def _changed(self, command: str, device: str, index: int, *, sent: bool) -> Iterator[str]:
        """Yield what is shown of a command's object, unless it was shown last."""
        show = show_of(command)
        if not show:
            return
        lines: dict[str, Outcome] = {}
        for options in _AFTER_PACKETS if sent else _OPTIONS:
            line = f"{options} {show}".strip()
            outcome = self._runner.run(words_of(line, {"D": device}))._replace(sent=())
            if self._shown.get(line) != outcome and outcome not in lines.values():
                lines[line] = outcome
            self._shown[line] = outcome
        for line, outcome in lines.items():
            yield from block(line, outcome, device, index)


def show_of(command: str) -> str:
    """The command that shows what a command may have changed, empty where it does not say of which device or block."""
    words = [word for word in command.split() if not word.startswith("-")]
    object = next((name for name in _OBJECTS if words and name.startswith(words[0])), "")
    if object == "actions":
        kind, index = re.search(r"\baction (\w+)", command), re.search(r"\bindex (\d+)", command)
        if kind and index:
            return f"actions get action {kind.group(1)} index {index.group(1)}"
        return f"actions ls action {kind.group(1)}" if kind else ""
    place = re.search(r"\b(dev|block) (\S+)", command)
    if not object or not place or words[0] == "send":
        return ""
    hook = re.search(r" (ingress|egress|parent \S+)(?= |$)", command)
    behind = f" {hook.group(1)}" if hook and object in ("filter", "chain") and place.group(1) == "dev" else ""
    return f"{object} show {place.group()}{behind}"


def send_packets(devices: Sequence[str]) -> None:
    """Sends some UDP packets out of each device."""
    ethernet = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
    for device in devices:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((device, 0))
            for number in range(_PACKETS):
                ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 128, number, 0, 64, 17, 0, _FROM, _TO)
                udp = struct.pack("!HHHH", 1000 + number % 2, 9, 108, 0) + bytes(100)
                with suppress(OSError):  # the queue is full, or a filter has dropped it
                    sender.send(ethernet + ip + udp)
