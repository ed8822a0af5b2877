"""Limit how fast remarks about other processes fill a log."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 60.0


class FewRemarks:
    """A printer of so many remarks a minute, and of how many there were besides.

    Others cause the remarks: whoever may send to a socket could fill the disk with refusals of it.
    """

    def __init__(self, say: Callable[[str], object], most: int = 20) -> None:
        self._say = say
        self._most = most
        self._count = 0
        self._since = 0.0

    def __call__(self, remark: str) -> None:
        """Print a remark, or count it."""
        now = time.monotonic()
        if now - self._since >= _SECONDS:
            self.finish()
            self._since = now
        self._count += 1
        if self._count <= self._most:
            self._say(remark)
        elif self._count == self._most + 1:
            self._say(f"more of the kind is counted, and not reported for {_SECONDS:g} seconds")

    def finish(self) -> None:
        """Print how many remarks were only counted, and count from 0 again."""
        if self._count > self._most:
            self._say(f"{self._count - self._most} more of the kind were not reported")
        self._count = 0
