"""Run pytc in this process, and record the netlink messages it sends.

:func:`entry_point` is the only line of the golden record that depends on pytc's modules. Import this module before
anything imports ``socket``: it replaces the class below ``socket.socket``, so that messages are recorded whoever sends
them.
"""

from __future__ import annotations

import _socket
import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 60


class Outcome(NamedTuple):
    """``sent`` are netlink datagrams; ``status`` is negative for a process that a signal ended."""

    status: int
    out: str
    err: str
    sent: tuple[bytes, ...]


class _RecordingSocket(_socket.socket):
    """A socket whose netlink messages are recorded on their way to the kernel."""

    __slots__ = ()  # the class in the module socket has slots that may come once only

    def send(self, data: Any, *rest: Any) -> int:
        self._record(data)
        return super().send(data, *rest)

    def sendall(self, data: Any, *rest: Any) -> None:
        self._record(data)
        return super().sendall(data, *rest)

    def sendto(self, data: Any, *rest: Any) -> int:
        self._record(data)
        return super().sendto(data, *rest)

    def sendmsg(self, buffers: Any, *rest: Any) -> int:
        buffers = [bytes(buffer) for buffer in buffers]
        self._record(b"".join(buffers))
        return super().sendmsg(buffers, *rest)

    def _record(self, data: Any) -> None:
        if self.family == _socket.AF_NETLINK and _Streams.sent >= 0:
            os.write(_Streams.sent, len(data).to_bytes(4, "little") + bytes(data))


def record_sockets() -> None:
    """Replaces the class of all sockets that are made from now on."""
    assert "socket" not in sys.modules, "the modules that use sockets have to be imported later"
    _socket.socket = _socket.SocketType = _RecordingSocket  # type: ignore[misc]


def entry_point() -> Callable[[], int]:
    """Returns the function that the installed command calls first; it reads sys.argv and returns the exit status."""
    script = (ROOT / "src/pytc/cli/pytc").read_text()
    imported = re.search(r"^ *from (\S+) import", script, re.MULTILINE)
    called = re.search(r"^ *end_process\((\w+)\(\)\)", script, re.MULTILINE)
    assert imported is not None and called is not None, "the script pytc runs nothing"
    function: Callable[[], int] = getattr(import_module(imported[1]), called[1])
    return function


class _Streams:
    """Files that stand in for standard input, output and error, and one for messages, each behind its length."""

    #: Where the messages of the command that runs in this process go, -1 while none does.
    sent = -1

    def __init__(self, stdin: bytes) -> None:
        self._files = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr", "sent")]
        os.write(self._files[0], stdin)
        os.lseek(self._files[0], 0, os.SEEK_SET)

    def install(self) -> None:
        for number in range(3):
            os.dup2(self._files[number], number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (until the next command)
        sys.stdout = open(1, "w", 1 << 16, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        _Streams.sent = self._files[3]

    def text(self, number: int) -> str:
        """Return the text written so far to standard output (1) or error (2)."""
        return _contents(self._files[number]).decode("utf-8", "backslashreplace")

    def outcome(self, status: int) -> Outcome:
        out, err, sent, messages = self.text(1), self.text(2), _contents(self._files[3]), []
        for file in self._files:
            os.close(file)
        _Streams.sent = -1
        while sent:
            size = int.from_bytes(sent[:4], "little")
            messages.append(sent[4 : 4 + size])
            sent = sent[4 + size :]
        return Outcome(status, out, err, tuple(messages))


def _contents(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


class Process:
    """A command that runs beside others."""

    def __init__(self, pid: int, streams: _Streams) -> None:
        self._pid, self._streams = pid, streams

    def wait_for(self, text: str) -> None:
        """Waits until the command has written something on its standard output or error."""
        end = time.monotonic() + _SECONDS
        while text not in (written := self._streams.text(1) + self._streams.text(2)):
            assert time.monotonic() < end, f"{text!r} is not in {written!r}"
            time.sleep(0.005)

    def interrupt(self) -> None:
        os.kill(self._pid, signal.SIGINT)

    def wait(self) -> Outcome:
        return self._streams.outcome(os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]))


class Runner:
    """Runs commands one after another, most of them in this process: a fork costs more than most commands."""

    def __init__(self) -> None:
        self._entry = entry_point()

    def run(self, words: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Outcome:
        """Runs a command in this process."""
        streams = _Streams(stdin)
        with _process_state():
            os.environ.update(env or {})
            streams.install()
            status = self._call(words)
        return streams.outcome(status)

    def start(self, words: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Process:
        """Starts a command in a process of its own: one that waits, or that becomes another program."""
        streams = _Streams(stdin)
        if pid := os.fork():
            return Process(pid, streams)
        os.environ.update(env or {})
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(_SECONDS)
        streams.install()
        os._exit(self._call(words))

    def _call(self, words: Sequence[str]) -> int:
        sys.argv = ["pytc", *words]
        try:
            status = self._entry()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception as error:  # Python prints a traceback with line numbers, which change all the time
            status = 1
            sys.stderr.write(f"Traceback: {type(error).__name__}: {error}\n")
        sys.stdout.flush()
        sys.stderr.flush()
        return status


@contextmanager
def _process_state() -> Iterator[None]:
    """Takes back what a command changes in its process: streams, environment, directory, namespace, signal handlers."""
    streams, environment, directory = (sys.stdin, sys.stdout, sys.stderr), {**os.environ}, os.getcwd()
    files = [os.dup(number) for number in range(3)]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    network = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(directory)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if not os.path.samestat(os.fstat(network), os.stat("/proc/self/ns/net")):
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(network, 0) == 0, os.strerror(ctypes.get_errno())
        os.close(network)
