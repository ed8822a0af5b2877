"""Runs commands in a network namespace of its own, in a process that stays: ``python -m tests.compat.stepping``.

It reads lists of words, one JSON value a line, and writes an answer for each:

- ``new``: goes into a new namespace, with a bpffs and a /sys of its own. Nothing but [0, "", ""] is the answer.
- ``ask OPTIONS SHOW...``: what tc prints for each of these, in batch mode, by a process that stays, too.
- ``pytc WORD...``: [status, stdout, stderr] of pytc in this process, because Python is slow to start.
- any other is a command to run, with the same answer.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

_SECONDS = 120
_NEW_MOUNTS, _NEW_NETWORK = 0x20000, 0x40000000
_SLAVE, _RECURSIVE, _DETACH = 1 << 19, 1 << 14, 2
#: What tc shows between the answers of a batch: a class of lo, which needs a qdisc there, and nothing, which makes it
#: forget the parent of the line before.
_MARK = b"class show dev lo\nfilter show dev lo parent 7:\n"
_BUCKET = "tc qdisc add dev lo root handle abcd: tbf rate 1gbit burst 10k limit 10k"

#: The tc that pytc is compared with: the newest, which tests call so, or one that has kinds that it dropped.
TC = os.environ.get("PYTC_TC", "tc")

Answer = tuple[int, str, str]


class Asker:
    """tc in batch mode: it answers at once, where a new process would take its time."""

    def __init__(self, options: str) -> None:
        self._words = ["stdbuf", "-oL", TC, *options.split(), "-force", "-batch", "-"]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._send(_MARK * 3)
        text = b""
        while not text or text != text[: len(text) // 3] * 3:
            text += self._receive()
        self._mark = text[: len(text) // 3]

    def ask(self, shows: Sequence[str]) -> list[str]:
        """What tc prints for each; of the last one, what comes before a crash, which ``-j -p`` can bring about."""
        text = b""
        self._send(b"".join(os.fsencode(show) + b"\n" + _MARK for show in shows))
        while text.count(self._mark) < len(shows):
            try:
                text += self._receive()
            except EOFError:
                self.close()
                self._start()
                return [os.fsdecode(answer) for answer in text.split(self._mark)]
        return [os.fsdecode(answer) for answer in text.split(self._mark)[:-1]]

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(timeout=_SECONDS)

    def _send(self, lines: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(lines)

    def _receive(self) -> bytes:
        assert self._process.stdout is not None
        found = os.read(self._process.stdout.fileno(), 1 << 16)
        if not found:
            raise EOFError("tc has ended")
        return found


class Runner:
    """One namespace after another."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._askers: dict[tuple[str, bool], Asker] = {}
        self._must(self._libc.unshare(_NEW_MOUNTS))
        self._must(self._libc.mount(b"", b"/", b"none", ctypes.c_ulong(_SLAVE | _RECURSIVE), None))

    def answer(self, words: list[str]) -> Answer | list[str]:
        if words == ["new"]:
            self.new()
            return 0, "", ""
        if words[0] == "ask":
            shows = words[2:]
            blocks = [show for show in shows if " block " in show]
            others = [show for show in shows if " block " not in show]
            asked = [
                (show, answer)
                for some in (others, blocks)
                if some
                for show, answer in zip(some, self._asker(words[1], some[0]).ask(some), strict=True)
            ]
            return [dict(asked)[show] for show in shows]
        return run(words[1:]) if words[0] == "pytc" else execute(words)

    def _asker(self, options: str, show: str) -> Asker:
        """tc remembers the block of a line before."""
        key = (options, " block " in show)
        if key not in self._askers:
            self._askers[key] = Asker(options)
        return self._askers[key]

    def new(self) -> None:
        """As ip-netns(8) does it: /sys shows the devices of the namespace in which it was mounted."""
        self.close()
        self._must(self._libc.unshare(_NEW_NETWORK))
        self._libc.umount2(b"/sys", _DETACH)
        self._must(self._libc.mount(b"sysfs", b"/sys", b"sysfs", ctypes.c_ulong(0), None))
        pins = tempfile.mkdtemp()
        self._must(self._libc.mount(b"bpf", os.fsencode(pins), b"bpf", ctypes.c_ulong(0), b"mode=0700"))
        os.environ["TC_BPF_MNT"] = pins
        with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w") as file:
            file.write("1")  # it sends packets by itself
        for command in ("ip link set lo up", _BUCKET):
            status, _, err = execute(command.split())
            assert not status, err

    def close(self) -> None:
        """Ends what answers in this namespace."""
        while self._askers:
            self._askers.popitem()[1].close()
        if pins := os.environ.pop("TC_BPF_MNT", ""):
            self._must(self._libc.umount2(os.fsencode(pins), _DETACH))
            os.rmdir(pins)

    @staticmethod
    def _must(failed: int) -> None:
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run(words: list[str]) -> Answer:
    """pytc in this process; an exception that gets out is a status of its own."""
    from pytc.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except Exception as error:
            status = -1
            sys.stderr.write(f"Traceback: {error!r}")
    return status, out.getvalue(), err.getvalue()


def execute(words: list[str]) -> Answer:
    done = subprocess.run(
        [TC, *words[1:]] if words[0] == "tc" else words,
        text=True,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        errors="surrogateescape",
    )
    return done.returncode, done.stdout, done.stderr


def serve() -> None:
    requests, sys.stdin = sys.stdin, open(os.devnull)  # noqa: SIM115 (until the end)
    runner: Runner | None = None
    for line in requests:
        words = json.loads(line)
        if words == ["new"]:
            runner = runner or Runner()
        answer = runner.answer(words) if runner is not None else run(words[1:])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    if runner is not None:
        runner.close()


if __name__ == "__main__":
    serve()
