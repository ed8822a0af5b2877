"""Waiting for the kernel, or for another process."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.conftest import PATIENCE


def until(condition: Callable[[], object], what: str = "it", seconds: float = PATIENCE) -> None:
    """Wait until a condition holds; fails with ``what`` was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.005)
