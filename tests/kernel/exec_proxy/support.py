"""Maps, processes of other users, and commands that are waited for."""

from __future__ import annotations

import array
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pytc.bpf import Map, MapSpec
from pytc.bpf.maps.map import create_map
from pytc.closing import Closing
from pytc.exec_proxy.agent import Agent

NOBODY = 65534


def open_descriptors() -> dict[int, str]:
    """All of this process."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


@contextmanager
def array_maps(count: int, *ids: int | None) -> Iterator[list[Map]]:
    """Array maps m0, m1 ... of one u64 each, with these ids and then none."""
    with ExitStack() as owned:
        yield [
            owned.enter_context(
                create_map(
                    MapSpec(f"m{number}", 2, 4, 8, 1, id=ids[number] if number < len(ids) else None), f"m{number}"
                )
            )
            for number in range(count)
        ]


def as_user(uid: int, function: Callable[[], object]) -> str:
    """Runs a function in a process of another user; what it raised, or an empty text."""
    readable, writable = os.pipe()
    pid = os.fork()
    if not pid:
        said = ""
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            function()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writable, said.encode()[:4096])
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def send_raw(path: str, data: bytes, fds: Sequence[int]) -> None:
    """One datagram, whatever it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sender.sendmsg([data], rights, 0, path)


@contextmanager
def nobody_reads(path: str) -> Iterator[str]:
    """A socket that somebody listens on and nobody reads, with a full queue: who sends to it waits, and gives up."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        listener.bind(path)
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.sendto(b"x", path)
        yield path


class Shell:
    """An interactive shell at the other end of pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def say(self, line: str) -> list[str]:
        """The output of one command."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{line}\necho end-of-command\n")
        self._process.stdin.flush()
        answer = []
        while (read := self._process.stdout.readline()) != "end-of-command\n":
            assert read, "the shell has ended"
            answer.append(read.rstrip("\n"))
        return answer


class Serving(Closing):
    """An agent in a thread, whose remarks are kept."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.said: list[str] = []
        self.agent = Agent(self.path, say=self.said.append)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            self.agent.step(0.02)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.agent.close()
