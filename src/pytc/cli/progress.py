"""A progress bar on a terminal, for work of more than a second."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_PATIENCE = 1.0
_INTERVAL = 0.1
_WIDTH = 40


class Bar:
    """A progress bar, called with how much is done and how much there is to do (0: nobody knows).

    It is quiet for the first second.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._start = self._last = clock()
        self._drawn = self._is_mute = False

    def restart(self) -> None:
        """Begin a bar for the next piece of work."""
        self.clear()
        self._is_mute = False
        self._start = self._last = self._clock()

    def mute(self) -> None:
        """Draw nothing from now on."""
        self._is_mute = True

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        is_over = total > 0 and done >= total
        if is_over or self._is_mute:
            self.clear()
        elif not is_over and now - self._start >= _PATIENCE and now - self._last >= _INTERVAL:
            self._draw(done, total)
            self._last = now

    def _draw(self, done: int, total: int) -> None:
        if total:
            filled = _WIDTH * min(done, total) // total
            text = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {100 * min(done, total) // total:3}% {done}"
        else:
            text = f"{done}"
        self._stream.write(f"\r{text}")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Takes the bar away."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False
