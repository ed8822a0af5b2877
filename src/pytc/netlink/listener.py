"""Notifications of the kernel about traffic control: a message for each change (rtnetlink(7), RTNLGRP_TC)."""

from __future__ import annotations

import errno

from pytc.closing import Closing
from pytc.cpython import MSG_DONTWAIT, SO_RCVBUF, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET, socket
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import split_messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUP = 1 << 3  # RTMGRP_TC
_BUFFER = 1 << 18
#: Bytes that the kernel may queue for us.
_QUEUE = 1 << 22


class Listener(Closing):
    """A socket that receives the changes in the network namespace in which it is made; raises NetlinkError."""

    def __init__(self) -> None:
        try:
            self._socket = socket(c.AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, c.NETLINK_ROUTE)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "cannot open a netlink socket") from error
        try:
            self._socket.setsockopt(SOL_SOCKET, SO_RCVBUF, _QUEUE)
            self._socket.bind((0, _GROUP))
        except OSError as error:
            self.close()
            raise NetlinkError(error.errno or errno.EIO, "cannot listen to the kernel") from error

    def fileno(self) -> int:
        """Return the socket's descriptor for poll(2)."""
        return self._socket.fileno()

    def messages(self) -> Iterator[bytes | None]:
        """Yield whole messages as they come, and None where they came too fast and the kernel dropped some."""
        return self._messages(0)

    def available(self) -> Iterator[bytes | None]:
        """Yield the messages that have come, as :meth:`messages` does, and do not wait."""
        return self._messages(MSG_DONTWAIT)

    def _messages(self, flags: int) -> Iterator[bytes | None]:
        while True:
            try:
                data = self._socket.recv(_BUFFER, flags)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise NetlinkError(error.errno or errno.EIO, "cannot receive from the kernel") from error
                yield None
                continue
            yield from split_messages(data)

    def close(self) -> None:
        self._socket.close()
