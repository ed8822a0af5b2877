"""Sockets as CPython implements them in C; the only module that imports ``_socket``.

The standard library's ``socket`` brings ``selectors`` and ``enum`` along, and takes a third of the time in which a bare
interpreter starts. What its class adds to the one in C (timeouts, files, ``sendfile``) is not used here.
"""

from _socket import (
    AF_INET,
    AF_INET6,
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_TRUNC,
    SO_RCVBUF,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_SOCKET,
    if_indextoname,
    if_nametoindex,
    inet_ntop,
    inet_pton,
    socket,
)

__all__ = [
    "AF_INET",
    "AF_INET6",
    "MSG_DONTWAIT",
    "MSG_PEEK",
    "MSG_TRUNC",
    "SOCK_CLOEXEC",
    "SOCK_DGRAM",
    "SOCK_RAW",
    "SOL_SOCKET",
    "SO_RCVBUF",
    "SO_RCVTIMEO",
    "SO_SNDTIMEO",
    "if_indextoname",
    "if_nametoindex",
    "inet_ntop",
    "inet_pton",
    "socket",
]
