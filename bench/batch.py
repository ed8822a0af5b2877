"""Batches of many filters, and showing them: pytc beside tc, time and peak memory.

usage: python bench/batch.py [ROUNDS [PART ...]]

Run as root, with tc, bpftool and a C compiler. PART is ``bytecode`` (batches of 10,000 lines), ``object`` (a batch of
1,000 lines that load an object) or ``show`` (of 10,000 filters); all of them without. The two take turns, so that both
see the same noise; the middle of all rounds is what counts, and that of their ratios: a machine may change its speed.
Works in namespaces and a bpffs of its own. See docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OBJECT = ROOT / "examples" / "bpf" / "traffic.o"
FILTERS, OBJECTS = 10_000, 1_000
BYTECODE = "10,48 0 0 0,84 0 0 240,21 0 6 64,48 0 0 9,21 0 4 6,40 0 0 6,69 2 0 8191,48 0 0 0,6 0 0 4294967295,6 0 0 0"
ADD = "filter add dev em1 ingress protocol all"
SHOW = ["filter", "show", "dev", "em1", "ingress"]


class Case(NamedTuple):
    """What is run with both: ``words`` without the command's name. ``filters`` is a batch that makes those to be
    shown, None where the command begins with a device without filters."""

    name: str
    target: float
    words: list[str]
    filters: Path | None = None


class Cost(NamedTuple):
    """Seconds of wall-clock time, peak memory in MB."""

    wall: float
    memory: float


class Bench:
    """A device, and a directory with a bpffs, in which commands are run and measured."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._environment = environment()
        self._timed = directory / "timed"
        self._filters: Path | None = None
        subprocess.run(["cc", "-O2", "-o", self._timed, ROOT / "bench" / "timed.c"], check=True, timeout=60)
        run("ip link add em1 type veth peer name em2")
        run("tc qdisc add dev em1 clsact")

    def arrange(self, filters: Path | None) -> None:
        """Leaves the filters of a batch on the device, or none."""
        if filters is not None and filters == self._filters:
            return
        run("tc qdisc del dev em1 clsact")
        run("tc qdisc add dev em1 clsact")
        self._filters = filters
        if filters is not None:
            run(f"tc -batch {filters}")

    def cost(self, words: list[str]) -> Cost:
        """One run, which has to succeed."""
        result = self.directory / "cost"
        subprocess.run(
            [self._timed, result, *words], check=True, env=self._environment, stdout=subprocess.DEVNULL, timeout=600
        )
        wall, kilobytes = result.read_text().split()
        return Cost(float(wall), int(kilobytes) / 1024)

    def measure(self, case: Case, rounds: int) -> tuple[Cost, Cost, float]:
        """(tc, pytc, ratio): the median of each number, and of the rounds' ratios of wall-clock time."""
        samples: dict[str, list[Cost]] = {"tc": [], "pytc": []}
        for _ in range(rounds):
            for name, costs in samples.items():
                self.arrange(case.filters)
                costs.append(self.cost([name, *case.words]))
        ratios = [pytc.wall / tc.wall for tc, pytc in zip(samples["tc"], samples["pytc"], strict=True)]
        return middle(samples["tc"]), middle(samples["pytc"]), median(ratios)


def environment() -> dict[str, str]:
    """Without the switches that keep Python from using its cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"}


def run(line: str) -> None:
    """A command that prepares something."""
    subprocess.run(line.split(), check=True, timeout=600)


def middle(costs: list[Cost]) -> Cost:
    """The median of each number."""
    return Cost(median(cost.wall for cost in costs), median(cost.memory for cost in costs))


def batch(path: Path, lines: Iterator[str]) -> Path:
    """A file of commands."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def bytecode_cases(directory: Path) -> list[Case]:
    """Batches of classic filters."""
    program = f"bpf bytecode '{BYTECODE}' flowid 1:1"
    numbers = range(1, FILTERS + 1)
    each = batch(directory / "each", (f"{ADD} pref {i} {program}" for i in numbers))
    same = batch(directory / "same", (f"{ADD} pref 1 handle {i} {program}" for i in numbers))
    neither = batch(directory / "neither", (f"{ADD} {program}" for _ in numbers))
    other = batch(directory / "other", (f"{ADD} pref {i} {program.replace('8191', str(i))}" for i in numbers))
    return [
        Case("batch, a pref each", 1.15, ["-batch", str(each)]),
        Case("batch, one pref", 1.15, ["-batch", str(same)]),
        Case("batch, neither", 1.15, ["-batch", str(neither)]),
        Case("batch, all programs different", 1.15, ["-batch", str(other)]),
    ]


def object_cases(directory: Path) -> list[Case]:
    """A batch of filters that each load an object."""
    lines = batch(directory / "objects", (f"{ADD} pref {i} bpf da obj {OBJECT}" for i in range(1, OBJECTS + 1)))
    return [Case("batch, objects", 0.6, ["-batch", str(lines)])]


def show_cases(directory: Path) -> list[Case]:
    """Long lists: of different classic filters, of those of one preference, of a program that is attached many times,
    and of many programs."""
    _, same, _, different = (Path(case.words[-1]) for case in bytecode_cases(directory))
    pin = directory / "bpffs" / "program"
    run(f"bpftool prog load {OBJECT} {pin} type classifier")
    attached = batch(
        directory / "attached", (f"{ADD} pref {i} bpf da object-pinned {pin}" for i in range(1, FILTERS + 1))
    )
    objects = Path(object_cases(directory)[0].words[-1])
    return [
        Case("show, bytecode", 5.0, SHOW, different),
        Case("show -s, bytecode", 5.0, ["-s", *SHOW], different),
        Case("show -j, bytecode", 5.0, ["-j", *SHOW], different),
        Case("show, one pref", 5.0, SHOW, same),
        Case("show -j, one pref", 5.0, ["-j", *SHOW], same),
        Case("show, a program", 5.0, SHOW, attached),
        Case("show -s, a program", 5.0, ["-s", *SHOW], attached),
        Case("show -j, a program", 5.0, ["-j", *SHOW], attached),
        Case(f"show, {OBJECTS} programs", 0.0, SHOW, objects),
    ]


PARTS = {"bytecode": bytecode_cases, "object": object_cases, "show": show_cases}


def report(directory: Path, rounds: int, parts: list[str]) -> None:
    """A table, each row as soon as it is known."""
    bench = Bench(directory)
    print(f"{'':30} {'tc ms':>8} {'pytc ms':>8} {'ratio':>6} {'target':>7} {'tc MB':>6} {'pytc MB':>8}")
    for part in parts:
        for case in PARTS[part](directory):
            tc, pytc, ratio = bench.measure(case, rounds)
            print(
                f"{case.name:30} {tc.wall * 1000:8.0f} {pytc.wall * 1000:8.0f} {ratio:6.2f} "
                f"{case.target or '':7} {tc.memory:6.0f} {pytc.memory:8.0f}",
                flush=True,
            )


def main() -> None:
    """Moves into namespaces of its own, mounts a bpffs, and measures."""
    if "PYTC_BENCH_INSIDE" not in os.environ:
        words = ["unshare", "--net", "--mount", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, check=False, env={**os.environ, "PYTC_BENCH_INSIDE": "1"}).returncode)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "bpffs").mkdir()
        run(f"mount -t bpf bpf {directory}/bpffs")
        try:
            report(directory, rounds, sys.argv[2:] or list(PARTS))
        finally:
            run(f"umount {directory}/bpffs")


if __name__ == "__main__":
    main()
