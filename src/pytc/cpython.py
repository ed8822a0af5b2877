"""Parts of the standard library that CPython implements in C; the only module that imports their underscore modules.

Their halves in Python cost more than they add here: ``socket`` and ``signal`` bring ``enum`` along, ``functools``
brings ``collections``, and each takes a tenth to a third of the time in which a bare interpreter starts.
"""

from __future__ import annotations

import sys
from _json import encode_basestring as quote_json
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
    if_nameindex,
    if_nametoindex,
    inet_ntop,
    inet_pton,
    socket,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from functools import lru_cache, partial
    from importlib import import_module
else:
    import _signal as signals
    from _collections import _tuplegetter as tuple_getter  # noqa: F401 (pytc.typing imports it)
    from _functools import _lru_cache_wrapper, partial

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
    "SOCK_CLOEXEC",
    "SOCK_DGRAM",
    "SOCK_RAW",
    "SOL_SOCKET",
    "SO_RCVBUF",
    "SO_RCVTIMEO",
    "SO_SNDTIMEO",
    "if_indextoname",
    "if_nameindex",
    "if_nametoindex",
    "import_module",
    "inet_ntop",
    "inet_pton",
    "lru_cache",
    "partial",
    "quote_json",
    "signals",
    "socket",
]
