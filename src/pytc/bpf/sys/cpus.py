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
    return len(number_set(text))


def number_set(text: str) -> set[int]:
    """Return the numbers of CPUs or nodes in a list like ``0-3,8``; raises ValueError."""
    ranges = [part.partition("-") for part in text.strip().split(",")]
    return {number for first, _, last in ranges for number in range(int(first), int(last or first) + 1)}


def cpu_list(cpus: list[int]) -> str:
    """Return CPUs in ascending order as a list like ``0-3,8``."""
    ranges: list[tuple[int, int]] = []
    for cpu in cpus:
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1] = (ranges[-1][0], cpu)
        else:
            ranges.append((cpu, cpu))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
