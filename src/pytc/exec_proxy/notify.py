"""Telling the service manager that a service is ready (sd_notify(3))."""

import _socket

from pytc.exec_proxy.sockets import DATAGRAM, open_socket


def notify_ready(address: str) -> bool:
    """Sends ``READY=1`` to what NOTIFY_SOCKET says, a path or ``@`` and an abstract name; returns whether it worked.

    Does nothing for an empty one: nobody wants to know.
    """
    if not address.startswith(("/", "@")):
        return False
    socket = open_socket(DATAGRAM)
    try:
        socket.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        socket.send(b"READY=1", _socket.MSG_NOSIGNAL)
    except OSError:
        return False
    finally:
        socket.close()
    return True
