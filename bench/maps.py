"""A hash with a million entries: dumped and loaded by pytc, beside bpftool and a loop of updates in C.

usage: python bench/maps.py [ROUNDS [ENTRIES]]

Run as root, with bpftool and a C compiler. Whole commands, in turns, so that all of them see the same noise; the middle
of all rounds is what counts. Works in a bpffs of its own. See docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TYPES = ["valuetype", "{u64 packets, u64 bytes}"]


class Case(NamedTuple):
    """A command, and the one that it must not be slower than; no words for none."""

    name: str
    words: list[str]
    other: str = ""
    other_words: list[str] = []  # noqa: RUF012 (never changed)
    target: float = 0.0


def environment() -> dict[str, str]:
    """Without the switches that keep Python from using its cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return kept


def seconds(words: list[str], env: dict[str, str], output: Path) -> float:
    """One run; its output goes to a file, as in real life."""
    start = time.perf_counter()
    with output.open("w") as out:
        subprocess.run(words, check=True, env=env, stdout=out, timeout=120)
    return time.perf_counter() - start


def prepare(directory: Path, entries: int) -> None:
    """Two maps, one of them full; the entries as CSV and JSON; the loop in C."""
    for name in ("full", "empty"):
        words = f"bpftool map create {directory}/bpffs/{name} type hash key 4 value 16 entries {entries} name {name}"
        subprocess.run(words.split(), check=True, timeout=60)
    rows = "".join(f"{i},{i * 7},{i * 1000}\n" for i in range(entries))
    (directory / "a.csv").write_text(f"key,value.packets,value.bytes\n{rows}")
    subprocess.run(["cc", "-O2", "-o", directory / "loop", ROOT / "bench" / "update_loop.c"], check=True, timeout=60)
    env = environment()
    full = ["pinned", f"{directory}/bpffs/full", *TYPES]
    subprocess.run(["pytc", "map", "load", *full, f"{directory}/a.csv"], check=True, env=env, timeout=60)
    with (directory / "a.json").open("w") as out:
        subprocess.run(["pytc", "-j", "map", "dump", *full], check=True, env=env, stdout=out, timeout=60)


def cases(directory: Path, entries: int) -> list[Case]:
    """What is compared."""
    full = ["pinned", f"{directory}/bpffs/full"]
    empty = ["pinned", f"{directory}/bpffs/empty", *TYPES]
    csv, json = f"{directory}/a.csv", f"{directory}/a.json"
    bpftool = ["bpftool", "-j", "map", "dump", *full]
    loop = [f"{directory}/loop", str(entries)]
    return [
        Case("dump as JSON", ["pytc", "-j", "map", "dump", *full, *TYPES], "bpftool map dump -j", bpftool, 1.0),
        Case("dump as text", ["pytc", "map", "dump", *full, *TYPES], "bpftool map dump -j", bpftool),
        Case("load from CSV", ["pytc", "map", "load", *empty, csv], "C, updates only", loop, 1.0),
        Case("load from CSV", ["pytc", "map", "load", *empty, csv], "C, the same file", [*loop, csv], 1.0),
        Case("load from JSON", ["pytc", "map", "load", *empty, json], "C, updates only", loop, 1.0),
    ]


def measure(case: Case, rounds: int, directory: Path) -> tuple[float, float]:
    """The median seconds of both commands; each load begins with an empty map."""
    env, output = environment(), directory / "out"
    samples: list[tuple[float, float]] = []
    for _ in range(rounds + 1):  # the first one warms caches
        if "load" in case.words:
            subprocess.run(
                ["pytc", "map", "delete", "pinned", f"{directory}/bpffs/empty", "all"], check=True, env=env, timeout=60
            )
        samples.append((seconds(case.words, env, output), seconds(case.other_words, env, output)))
    own, other = zip(*samples[1:], strict=True)
    return median(own), median(other)


def main() -> None:
    """Mounts a bpffs in a mount namespace of its own, and measures."""
    if "PYTC_BENCH_INSIDE" not in os.environ:
        words = ["unshare", "--mount", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, check=False, env={**os.environ, "PYTC_BENCH_INSIDE": "1"}).returncode)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    entries = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "bpffs").mkdir()
        subprocess.run(["mount", "-t", "bpf", "bpf", directory / "bpffs"], check=True, timeout=60)
        try:
            prepare(directory, entries)
            print(f"{'pytc map':16} {'ms':>7}   {'beside':20} {'ms':>7} {'ratio':>6} {'target':>7}")
            for case in cases(directory, entries):
                own, other = measure(case, rounds, directory)
                print(
                    f"{case.name:16} {own * 1000:7.0f}   {case.other:20} {other * 1000:7.0f} {own / other:6.2f} "
                    f"{case.target or '':7}"
                )
        finally:
            subprocess.run(["umount", directory / "bpffs"], check=False, timeout=60)


if __name__ == "__main__":
    main()
