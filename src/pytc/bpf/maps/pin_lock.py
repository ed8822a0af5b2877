"""A lock that commands hold from their first look at a pin until the kernel has taken what uses it.

Without it, a command that fails takes its new pins away while another, which has opened them meanwhile, reports
success: its maps would be in no file system any more.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from pytc.closing import Closing
from pytc.errors import PinError

_SECONDS = 30.0
_PAUSE = 0.005


class PinLock(Closing):
    """An exclusive lock, flock(2), of tc's directory in a bpffs.

    That directory belongs to root, mode 0700, so that no other user can hold the lock; anybody can open the bpffs.
    Once it is acquired in a ``with`` block, it is held to the end of the outermost one.
    """

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._fd = -1
        self._path = ""
        self._blocks = 0

    def __enter__(self) -> PinLock:
        self._blocks += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._blocks -= 1
        if not self._blocks:
            self.close()

    @property
    def is_held(self) -> bool:
        return self._fd >= 0

    def acquire(self, path: str) -> bool:
        """Lock a directory; return False where it is gone by then, since the command that made it has failed.

        Waits for other commands, and raises PinError when one of them holds it for 30 seconds.
        """
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._wait(fd, path)
            if _is_at(fd, path):
                self._fd, fd, self._path = fd, -1, path
                return True
            return False
        finally:
            if fd >= 0:
                os.close(fd)

    def _wait(self, fd: int, path: str) -> None:
        end = 0.0
        holder: tuple[str, ...] = ("",)
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    former, holder = holder, _holder(fd)
                    if holder == former:
                        raise PinError(
                            f'"{path}" is in use by another command for more than {self._seconds:g} seconds',
                            errno=errno.ETIMEDOUT,
                            hints=holder,
                        ) from None
                    end = time.monotonic() + self._seconds  # on a busy machine, many commands may come first
            time.sleep(_PAUSE)

    def release(self) -> str:
        """Let other commands go on; returns the directory that was locked, for :meth:`acquire`, empty for none."""
        path = self._path if self.is_held else ""
        self.close()
        return path

    def close(self) -> None:
        """Let other commands go on."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _holder(fd: int) -> tuple[str, ...]:
    """Return which process holds the lock of a file, as /proc/locks tells (proc(5)); empty where it does not."""
    status = os.fstat(fd)
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        with open("/proc/locks") as locks:
            rows = [row.split() for row in locks]
    except OSError:
        return ()
    return tuple(f"process {row[4]} holds it" for row in rows if row[1] == "FLOCK" and row[5] == place)
