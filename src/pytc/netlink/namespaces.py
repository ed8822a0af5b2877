"""Move a thread into a network namespace."""

from __future__ import annotations

import os

from pytc.contexts import contextmanager
from pytc.errors import NamespaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def enter_namespace(name: str) -> None:
    """Move this thread into the network namespace /run/netns/NAME (or a path); raises NamespaceError.

    Only the network changes, not the mounts: pins go where they go without it.
    """
    fd = _open_namespace(name if "/" in name else f"/run/netns/{name}", name)
    try:
        _setns(fd, name)
    finally:
        os.close(fd)


@contextmanager
def namespace(name: str) -> Iterator[None]:
    """Move this thread into a network namespace until the block ends; raises NamespaceError."""
    before = _open_namespace("/proc/thread-self/ns/net", "of this thread")
    try:
        enter_namespace(name)
        try:
            yield
        finally:
            _setns(before, "of this thread")
    finally:
        os.close(before)


def _open_namespace(path: str, name: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise NamespaceError(
            f'Cannot open network namespace "{name}": {getattr(error, "strerror", None) or error}',
            errno=getattr(error, "errno", None),
        ) from error


def _setns(fd: int, name: str) -> None:
    from pytc.libc import enter_network_namespace  # ctypes is slow to import, and few commands need it here

    try:
        enter_network_namespace(fd)
    except OSError as error:
        raise NamespaceError(
            f'setting the network namespace "{name}" failed: {error.strerror}', errno=error.errno
        ) from error
