"""News from the kernel about traffic control: each change, as a message (rtnetlink(7), RTNLGRP_TC)."""

import _socket
import errno
import struct
from collections.abc import Iterator

from pytc.closing import Closing
from pytc.errors import NetlinkError, NetlinkProtocolError
from pytc.netlink import constants as c

_HEADER = struct.Struct("=IHHII")
_GROUP = 1 << 3  # RTMGRP_TC
_BUFFER = 1 << 18
#: What the kernel may have waiting for us, in bytes.
_WAITING = 1 << 22


class Listener(Closing):
    """Receives what changes in the network namespace in which it is made; raises NetlinkError."""

    def __init__(self) -> None:
        try:
            self._socket = _socket.socket(c.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, c.NETLINK_ROUTE)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "cannot open a netlink socket") from error
        try:
            self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, _WAITING)
            self._socket.bind((0, _GROUP))
        except OSError as error:
            self.close()
            raise NetlinkError(error.errno or errno.EIO, "cannot listen to the kernel") from error

    def messages(self) -> Iterator[bytes | None]:
        """Whole messages as they come; None where the kernel had to drop some, because they came too fast."""
        while True:
            try:
                data = self._socket.recv(_BUFFER)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise NetlinkError(error.errno or errno.EIO, "cannot receive from the kernel") from error
                yield None
                continue
            yield from split_messages(data)

    def close(self) -> None:
        self._socket.close()


def split_messages(data: bytes) -> Iterator[bytes]:
    """The messages in a buffer; raises NetlinkProtocolError for one that is cut off."""
    at = 0
    while at + _HEADER.size <= len(data):
        length = _HEADER.unpack_from(data, at)[0]
        if length < _HEADER.size or at + length > len(data):
            raise NetlinkProtocolError("a truncated netlink message")
        yield data[at : at + length]
        at += -(-length // 4) * 4
