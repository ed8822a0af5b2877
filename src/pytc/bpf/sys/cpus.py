"""Count the CPUs that per-CPU values have slots for."""

from __future__ import annotations

import os


def possible_cpus() -> int:
    """Return the number of possible CPUs: num_possible_cpus() of the kernel."""
    try:
        with open("/sys/devices/system/cpu/possible") as file:
            return count_cpus(file.read())
    except (OSError, ValueError):
        return os.cpu_count() or 1


def count_cpus(text: str) -> int:
    """Return the number of CPUs in a list like ``0-3,8``; raises ValueError."""
    ranges = [part.partition("-") for part in text.strip().split(",")]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)
