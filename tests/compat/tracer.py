"""The netlink messages that commands send, seen with strace(1): also those that the kernel refuses."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from docs.manual.words import supported_lines
from pytc.netlink.schema import split_attributes
from tests.needs import missing
from tests.network import Network
from tests.processes import ROOT, cannot

Parts = tuple[tuple[int, "bytes | Parts"], ...]
_KIND, _OPTIONS, _COOKIE = 1, 2, 6
_DATA = 3  # TCA_DEF_DATA
_STRACE = ("strace", "-qq", "-e", "trace=sendmsg,sendto", "-e", "write=all", "-s", "0", "-o")


class Tracer:
    """Runs commands in the namespace of a network, those of one kind in one process."""

    def __init__(self, network: Network, directory: Path, tc: str = "tc") -> None:
        if shutil.which("strace") is None:
            cannot("strace is not installed")
        self._network, self._directory, self._tc = network, directory, tc

    def of_tc(self, commands: Sequence[Sequence[str]]) -> list[bytes]:
        """Return the messages that the real tc sends."""
        batch = self._directory / "batch"
        batch.write_text("".join(shlex.join(command) + "\n" for command in commands))
        return self._messages([self._tc, "-force", "-batch", str(batch)])

    def of_pytc(self, commands: Sequence[Sequence[str]]) -> list[bytes]:
        """Return the messages that pytc sends."""
        words = "".join(json.dumps(["pytc", *command]) + "\n" for command in commands)
        return self._messages([sys.executable, "-m", "tests.compat.stepping"], words)

    def compare(self, commands: Sequence[Sequence[str]], request: Callable[[bytes], object]) -> None:
        """For each command, both send one request, and the same; ``request`` is None for other messages."""
        expected, found = (
            [one for one in map(request, messages) if one is not None]
            for messages in (self.of_tc(commands), self.of_pytc(commands))
        )
        assert len(expected) == len(commands)
        assert len(found) == len(commands)
        for command, one, other in zip(commands, expected, found, strict=True):
            assert other == one, " ".join(command)

    def _messages(self, command: list[str], words: str = "") -> list[bytes]:
        log = self._directory / "strace"
        done = subprocess.run(
            ["ip", "netns", "exec", self._network.name, *_STRACE, str(log), *command],
            input=words,
            text=True,
            cwd=ROOT,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert log.exists(), done.stderr
        return list(_dumped(log.read_text()))


def changing(*sections: str, beginning: str, dropped: bool = False) -> list[list[str]]:
    """The lines of docs/manual/words that pytc and tc take, and that change something.

    They are those that this version of tc has, or those that tc has ``dropped`` since 6.1.
    """
    lines = supported_lines(*sections, beginning=beginning, is_known=_was_known if dropped else _is_known)
    return [line for line in lines if line[1] not in ("show", "list")]


def _is_known(since: str) -> bool:
    return since != "-" and not (since and missing([f"tc:{since}"]))


def _was_known(since: str) -> bool:
    return since == "-"


def _dumped(log: str) -> Iterator[bytes]:
    for dump in re.split(r"^ \* \d+ bytes in buffer \d+$|^send.*$", log, flags=re.MULTILINE):
        rows = re.findall(r"^ \| [0-9a-f]{5,}  ((?:[0-9a-f]{2} {1,2}){1,16})", dump, flags=re.MULTILINE)
        if rows:
            yield bytes.fromhex(" ".join(rows))


def action_parts(raw: bytes) -> Parts:
    """A list of actions, the options of each in order of their numbers, which is all the same to the kernel. tc 6.1
    gives a cookie to all actions behind it, too: so it does not count here."""
    return tuple((order, _action(tuple(split_attributes(action)))) for order, action in split_attributes(raw))


def _action(parts: tuple[tuple[int, bytes], ...]) -> Parts:
    simple = dict(parts).get(_KIND) == b"simple\0"
    return tuple(
        (key, _in_order(_cut(split_attributes(value)) if simple else split_attributes(value)))
        if key == _OPTIONS
        else (key, value)
        for key, value in parts
        if key != _COOKIE
    )


def _cut(options: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Behind the text of a simple action, tc sends what happens to be in its memory."""
    for key, value in options:
        yield key, value.partition(b"\0")[0] if key == _DATA else value


def _in_order(attributes: Iterable[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    return tuple(sorted(attributes, key=lambda attribute: attribute[0]))
