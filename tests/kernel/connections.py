"""TCP connections of processes in a cgroup: what the socket has, what ``ss`` shows, what is in the SYNs."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pytc.netlink.namespaces import namespace
from tests.network import Network

SERVER = "10.9.0.2"
PORT = 5001
ETH_P_IP = 0x0800
SYN, ACK = 2, 16
SO_TIMESTAMPNS = 35  # the kernel stamps each packet: when this process is scheduled does not matter
_TIMESPEC = struct.Struct("=qq")
SERVE = f"""
import socket
listener = socket.create_server(("{SERVER}", {PORT}))
kept = []
print("ready", flush=True)
while True:
    kept.append(listener.accept())
"""
# Connects, tells its port, and stays until its input ends.
CONNECT = f"""
import socket, sys, time
s = socket.socket()
s.setblocking(False)
s.connect_ex((sys.argv[1], {PORT}))
time.sleep(0.02)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
"""


def join(cgroup: Path | None, *words: str) -> list[str]:
    """A command that joins a cgroup before it is anything else: "ip netns exec" has another /sys."""
    if cgroup is None:
        return list(words)
    return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(cgroup), *words]


def python(name: str, script: str, *words: str) -> list[str]:
    """A script in a namespace; without site, which takes most of the time to start."""
    return ["ip", "netns", "exec", name, sys.executable, "-ISc", script, *words]


@contextmanager
def serving(network: Network, cgroup: Path | None = None) -> Iterator[None]:
    """A server at the other side."""
    with subprocess.Popen(join(cgroup, *python(network.peer, SERVE)), text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


class Connection(NamedTuple):
    """``ss`` is what ss -timn tells of it, as one line."""

    port: int
    ss: str

    def number(self, pattern: str) -> int:
        """Return the number that a group of digits matches in the output of ss, -1 where there is none."""
        found = re.search(pattern, self.ss)
        return int(found.group(1)) if found else -1


@contextmanager
def connected(network: Network, cgroup: Path | None, address: str = SERVER) -> Iterator[Connection]:
    """A client in a cgroup, as long as the block lasts."""
    with subprocess.Popen(
        join(cgroup, *python(network.name, CONNECT, address)), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None and process.stdin is not None
            port = int(process.stdout.readline())
            shown = network.execute("ss", "-timnH", "state", "all", f"( dport = :{PORT} )").out
            yield Connection(port, " ".join(shown.split()))
        finally:
            process.kill()


def connection(network: Network, cgroup: Path | None, address: str = SERVER) -> Connection:
    with connected(network, cgroup, address) as found:
        return found


class Segment(NamedTuple):
    """A TCP segment on the wire: when by the kernel's clock (in seconds), its flags, window, and options by kind."""

    time: float
    flags: int
    window: int
    options: dict[int, bytes]


class Wire:
    """The SYNs that em2 has seen since it was made, those of both directions."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def syns(self, *, wait: float = 0, at_least: int = 0) -> list[Segment]:
        """All that came so far; waits for so many, that many seconds at most."""
        found: list[Segment] = []
        end = time.monotonic() + wait
        while True:
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                frame, [(_, _, stamp)], _, _ = self._socket.recvmsg(2048, socket.CMSG_SPACE(_TIMESPEC.size))
            except (TimeoutError, BlockingIOError):
                return found
            seconds, nanoseconds = _TIMESPEC.unpack(stamp)
            segment = parsed(frame, seconds + nanoseconds / 1e9)
            if segment is not None and segment.flags & SYN:
                found.append(segment)
            if at_least and len(found) >= at_least:
                return found


@contextmanager
def watched(network: Network) -> Iterator[Wire]:
    with namespace(network.peer), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        opened.bind(("em2", 3))  # ETH_P_ALL: also what leaves
        yield Wire(opened)


def parsed(frame: bytes, when: float) -> Segment | None:
    """None for anything but TCP in IPv4."""
    if len(frame) < 54 or struct.unpack_from("!H", frame, 12)[0] != ETH_P_IP or frame[23] != socket.IPPROTO_TCP:
        return None
    tcp = frame[14 + 4 * (frame[14] & 15) :]
    (window,) = struct.unpack_from("!H", tcp, 14)
    return Segment(when, tcp[13], window, options(tcp[20 : 4 * (tcp[12] >> 4)]))


def options(data: bytes) -> dict[int, bytes]:
    """Options of a TCP header by their kind, without kind and length."""
    found, at = {}, 0
    while at < len(data) and data[at]:
        if data[at] == 1:
            at += 1
            continue
        length = data[at + 1]
        assert length >= 2
        found[data[at]] = data[at + 2 : at + length]
        at += length
    return found


def numbers(documents: Sequence[dict[str, Any]]) -> list[int]:
    """The ids of the programs."""
    return [one["prog"]["id"] for one in documents]
