"""Sockets in namespaces of a test's own, and packets over a veth pair."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pytc.bpf.insn.classic import ClassicInstruction
from tests.kernel_filter import attach
from tests.network import Network

ALL_PROTOCOLS, OUTGOING = 3, 4
_NEWNET = 0x40000000


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread in a network namespace, for as long as the block runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{namespace}"))
    try:
        assert libc.setns(there, _NEWNET) == 0
        try:
            yield
        finally:
            assert libc.setns(home, _NEWNET) == 0
    finally:
        os.close(home)
        os.close(there)


def quiet(network: Network) -> None:
    """Without IPv6, the kernel sends nothing of its own over the pair."""
    for peer, device in ((False, "em1"), (True, "em2")):
        assert network.execute("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1", peer=peer).status == 0


class Wire:
    """The veth pair of a network: frames go in at em2, and come out at em1."""

    def __init__(self, network: Network) -> None:
        quiet(network)
        self._network = network
        with inside(network.name):
            self.em1 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
            self.em1.bind(("em1", ALL_PROTOCOLS))
        with inside(network.peer):
            self.em2 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
            self.em2.bind(("em2", ALL_PROTOCOLS))
        for sock in (self.em1, self.em2):
            sock.setblocking(False)

    def close(self) -> None:
        self.em1.close()
        self.em2.close()

    def attach(self, program: Sequence[ClassicInstruction]) -> None:
        assert attach(self.em1, program)
        self.received(self.em1)

    def returned(self, frame: bytes) -> int:
        """Return the filter's result at em1 for a frame, at most the frame's length."""
        self.em2.send(frame)
        found = self.received(self.em1)
        assert len(found) <= 1, "frames of somebody else"
        return len(found[0]) if found else 0

    def received(self, sock: socket.socket) -> list[bytes]:
        """Return the frames that a socket has received from the other side."""
        found: list[bytes] = []
        while True:
            try:
                data, sender = sock.recvfrom(1 << 16)
            except BlockingIOError:
                return found
            if sender[2] != OUTGOING:
                found.append(data)

    @contextmanager
    def behind_filters(self, protocol: int) -> Iterator[socket.socket]:
        """A socket at em1 for one EtherType: those are behind the filters on ingress, those for all before them."""
        with inside(self._network.name):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        with sock:
            sock.bind(("em1", protocol))
            sock.setblocking(False)
            yield sock
