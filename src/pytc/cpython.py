"""Parts of the standard library that CPython implements in C; the only module that imports their underscore modules.

Their halves in Python cost more than they add here: ``socket`` and ``signal`` bring ``enum`` along, ``functools``
brings ``collections``, and each takes a tenth to a third of the time in which a bare interpreter starts.
"""

from __future__ import annotations

import sys
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import lru_cache, partial
    from importlib import import_module
    from signal import (
        SIG_BLOCK,
        SIG_DFL,
        SIG_IGN,
        SIG_SETMASK,
        SIGHUP,
        SIGINT,
        SIGTERM,
        getsignal,
        pthread_sigmask,
        raise_signal,
        signal,
    )
else:
    from _collections import _tuplegetter as tuple_getter  # noqa: F401 (pytc.typing imports it)
    from _functools import _lru_cache_wrapper, partial
    from _signal import (
        SIG_BLOCK,
        SIG_DFL,
        SIG_IGN,
        SIG_SETMASK,
        SIGHUP,
        SIGINT,
        SIGTERM,
        getsignal,
        pthread_sigmask,
        raise_signal,
        signal,
    )

    def import_module(name):
        """Return a module by its full name, imported if it is not yet: importlib's brings ``warnings`` along."""
        __import__(name)
        return sys.modules[name]

    def lru_cache(maxsize):
        """Decorate a function so that the results of its last ``maxsize`` calls are remembered, as functools does."""
        return lambda function: _lru_cache_wrapper(function, maxsize, False, tuple)


__all__ = [
    "AF_INET",
    "AF_INET6",
    "MSG_DONTWAIT",
    "MSG_PEEK",
    "MSG_TRUNC",
    "SIGHUP",
    "SIGINT",
    "SIGTERM",
    "SIG_BLOCK",
    "SIG_DFL",
    "SIG_IGN",
    "SIG_SETMASK",
    "SOCK_CLOEXEC",
    "SOCK_DGRAM",
    "SOCK_RAW",
    "SOL_SOCKET",
    "SO_RCVBUF",
    "SO_RCVTIMEO",
    "SO_SNDTIMEO",
    "getsignal",
    "if_indextoname",
    "if_nametoindex",
    "import_module",
    "inet_ntop",
    "inet_pton",
    "lru_cache",
    "partial",
    "pthread_sigmask",
    "raise_signal",
    "signal",
    "socket",
]
