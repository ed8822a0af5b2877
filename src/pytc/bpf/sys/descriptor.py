"""File descriptors with one visible owner."""

from __future__ import annotations

import fcntl
import os

from pytc.closing import Closing
from pytc.errors import ClosedError


class OwnedFd(Closing):
    """An open file descriptor and its owner: closed at the end of a ``with`` block, or by :meth:`close`.

    Descriptors 0 to 2 are moved out of the way, so that a loader that runs with closed standard streams never passes a
    map to a function that writes to "stderr".
    """

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd if fd > 2 else _move_above_standard_streams(fd)

    @property
    def fd(self) -> int:
        """The number; raises ClosedError once closed."""
        if self._fd < 0:
            raise ClosedError("the file descriptor is closed")
        return self._fd

    def fileno(self) -> int:
        """Return the descriptor, like Python's files."""
        return self.fd

    @property
    def closed(self) -> bool:
        """Whether the descriptor is closed or detached."""
        return self._fd < 0

    def close(self) -> None:
        """Close the descriptor; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def detach(self) -> int:
        """Give up ownership; returns the number, which the caller must close."""
        fd, self._fd = self.fd, -1
        return fd

    def __del__(self) -> None:
        try:
            self.close()
        except AttributeError:
            return  # a signal came before there was a descriptor

    def __repr__(self) -> str:
        return f"OwnedFd({self._fd})"


def raise_descriptor_limit() -> tuple[int, int] | None:
    """Allow as many descriptors as the hard limit does; returns the limits before, None where that is not possible."""
    import resource

    try:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    except (OSError, ValueError):
        return None
    return limits


def restore_descriptor_limit(limits: tuple[int, int] | None) -> None:
    """Set the limits back to what they were, for a command that replaces this process; open descriptors stay."""
    import resource

    if limits is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def descriptor_limit() -> int:
    """Return how many descriptors this process may have: its soft limit."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _move_above_standard_streams(fd: int) -> int:
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)
