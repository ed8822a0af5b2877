"""Sockets in namespaces of a test's own, and packets over a veth pair."""

from __future__ import annotations

import ctypes
import os
import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pytc.bpf.insn.classic import ClassicInstruction
from tests.conftest import PATIENCE
from tests.kernel_filter import attach
from tests.network import Network

ALL_PROTOCOLS, OUTGOING = 3, 4
_NEWNET = 0x40000000
_SOL_PACKET, _PACKET_QDISC_BYPASS, _SO_RCVBUFFORCE = 263, 20, 33
#: Frames that are sent before the first is looked for: in a guest, each may have to wait for the tick of its clock.
#: A device's backlog has room for 1,000, half of which are marks.
_AT_ONCE = 200
#: An EtherType for experiments on a local network.
_MARK_TYPE = 0x88B5
_MARK = b"\xff" * 6 + b"\x02" + bytes(5) + _MARK_TYPE.to_bytes(2, "big") + bytes(46)


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
    """The veth pair of a network, with a socket for all frames at each end.

    A frame has not always arrived when send(2) returns: ksoftirqd may have to deliver it. The frames of a processor
    arrive in the order in which they were sent, so a mark behind a frame tells when it has arrived or been dropped.
    """

    def __init__(self, network: Network) -> None:
        quiet(network)
        self._network = network
        self._processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(self._processors)})
        self.em1, self.em2 = self._open(ALL_PROTOCOLS), self._open(ALL_PROTOCOLS, peer=True)
        self._marks = self._open(ALL_PROTOCOLS), self._open(ALL_PROTOCOLS, peer=True)
        for sock in self._marks:
            sock.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)  # past the filters of egress, too

    def _open(self, protocol: int, *, peer: bool = False) -> socket.socket:
        with inside(self._network.peer if peer else self._network.name):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            sock.bind(("em2" if peer else "em1", protocol))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 22)
        return sock

    def close(self) -> None:
        for sock in (self.em1, self.em2, *self._marks):
            sock.close()
        os.sched_setaffinity(0, self._processors)

    def attach(self, program: Sequence[ClassicInstruction]) -> None:
        assert attach(self.em1, program)
        self._stream([b""], self.em1, from_em2=True)

    def returned(self, frame: bytes) -> int:
        """Return the filter's result at em1 for a frame, at most the frame's length."""
        found = [data for kind, data in self._stream([frame], self.em1, from_em2=True) if kind != _MARK_TYPE]
        assert len(found) <= 1, "frames of somebody else"
        return len(found[0]) if found else 0

    def passed(self, frames: Sequence[bytes]) -> list[bool]:
        """Return which frames that em1 sends arrive at em2."""
        self._stream([b""], self.em2)
        found, came = [], False
        for at in range(0, len(frames), _AT_ONCE):
            for kind, _ in self._stream(frames[at : at + _AT_ONCE], self.em2):
                if kind == _MARK_TYPE:
                    found.append(came)
                came = kind != _MARK_TYPE
        return found

    def got_behind(self, protocol: int, frames: Sequence[bytes]) -> list[bool]:
        """Return which frames for one EtherType get behind the filters on ingress, when em2 sends them to em1."""
        with self._open(protocol) as behind:  # one for all EtherTypes is in front of them
            return [bool(self._stream([frame], behind, from_em2=True)) for frame in frames]

    def _stream(
        self, frames: Sequence[bytes], receiver: socket.socket, *, from_em2: bool = False
    ) -> list[tuple[int, bytes]]:
        """Send frames, but for empty ones, with a mark behind each.

        Return what a socket at the other end has received by the time that the last mark has arrived, as EtherTypes and
        bytes; a socket that is behind a filter may have no marks.
        """
        sender = self.em2 if from_em2 else self.em1
        here, there = reversed(self._marks) if from_em2 else self._marks
        for frame in frames:
            if frame:
                with suppress(OSError):  # ENOBUFS: dropped
                    sender.send(frame)
            here.send(_MARK)
        missing = len(frames)
        while missing := missing - sum(kind == _MARK_TYPE for kind, _ in _received(there)):
            assert select.select([there], [], [], PATIENCE)[0], "a mark does not arrive"
        return _received(receiver)


def _received(sock: socket.socket) -> list[tuple[int, bytes]]:
    """Return the EtherTypes and the bytes of the frames that a socket has received from the other side."""
    found: list[tuple[int, bytes]] = []
    while True:
        try:
            data, (_, protocol, kind, *_) = sock.recvfrom(1 << 16)
        except BlockingIOError:
            return found
        if kind != OUTGOING:
            found.append((protocol, data))
