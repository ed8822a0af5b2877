"""Classic BPF in this kernel: SO_ATTACH_FILTER on a pair of datagram sockets, and on packet sockets."""

from __future__ import annotations

import ctypes
import errno
import socket
from collections.abc import Sequence

from pytc.bpf.insn.classic import ClassicInstruction, pack

SO_ATTACH_FILTER = 26


def attach(sock: socket.socket, program: Sequence[ClassicInstruction]) -> bool:
    """Whether the kernel takes the program; ``struct sock_fprog``: length u16, address."""
    code = pack(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    fprog = len(program).to_bytes(8, "little") + ctypes.addressof(buffer).to_bytes(8, "little")
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
    except OSError as error:
        assert error.errno == errno.EINVAL, error
        return False
    return True


class SocketPair:
    """Sends data through a filter. What arrives is cut to as many bytes as the program returns."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._far.setblocking(False)

    def __enter__(self) -> SocketPair:
        return self

    def __exit__(self, *_: object) -> None:
        self._near.close()
        self._far.close()

    def attach(self, program: Sequence[ClassicInstruction]) -> bool:
        return attach(self._far, program)

    def returned(self, data: bytes) -> int:
        """Return the program's result for the data, at most its length, which stands for everything beyond."""
        self._near.send(data)
        try:
            return len(self._far.recv(1 << 16))
        except BlockingIOError:
            return 0
