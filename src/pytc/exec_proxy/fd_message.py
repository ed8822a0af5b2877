"""One message of a Unix socket with its descriptors and its sender's credentials."""

import _socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from pytc.bpf.sys.descriptor import OwnedFd
from pytc.exec_proxy.sockets import Credentials, parse_credentials

_SCM_MAX_FD = 253  # include/net/scm.h: the most that a message can carry
_ANCILLARY = _socket.CMSG_SPACE(4 * _SCM_MAX_FD) + _socket.CMSG_SPACE(12)
_SOL_SOCKET, _RIGHTS, _CREDENTIALS = _socket.SOL_SOCKET, _socket.SCM_RIGHTS, _socket.SCM_CREDENTIALS


class Packet(NamedTuple):
    """``descriptors`` are open and owned by whoever has the packet. ``truncated`` says that bytes or descriptors are
    missing; ``sender`` is None where the socket does not ask for credentials. ``address`` is the sender's, if any."""

    data: bytes
    descriptors: tuple[OwnedFd, ...]
    sender: Credentials | None
    truncated: bool
    address: bytes

    def close(self) -> None:
        for descriptor in self.descriptors:
            descriptor.close()


def receive(socket: _socket.socket, largest: int) -> Packet:
    """The next message, of at most ``largest`` bytes; raises OSError."""
    data, ancillary, flags, address = socket.recvmsg(largest, _ANCILLARY, _socket.MSG_CMSG_CLOEXEC)
    descriptors: list[OwnedFd] = []
    sender = None
    for level, kind, content in ancillary:
        if level == _SOL_SOCKET and kind == _RIGHTS:
            descriptors += [
                OwnedFd(fd) for fd in struct.unpack(f"={len(content) // 4}i", content[: len(content) // 4 * 4])
            ]
        elif level == _SOL_SOCKET and kind == _CREDENTIALS:
            sender = parse_credentials(content)
    truncated = bool(flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC))
    encoded = address if isinstance(address, bytes) else str(address or "").encode("utf-8", "surrogateescape")
    return Packet(data, tuple(descriptors), sender, truncated, encoded)


def send(socket: _socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Sends one message with descriptors; raises OSError."""
    rights = [(_SOL_SOCKET, _RIGHTS, struct.pack(f"={len(fds)}i", *fds))] if fds else []
    socket.sendmsg([data], rights)
