"""Cold command lines: bare Python, tc and pytc in one run, as ratios.

usage: python bench/command_line.py [ROUNDS]

Run as root. Each round runs every command once, so that all of them see the same noise; the middle of all rounds is
what counts. Works in a network namespace of its own. See docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
OBJECT = str(ROOT / "examples" / "bpf" / "traffic.o")
REPLACE = "filter replace dev em1 ingress pref 1 handle 1 bpf da obj".split()
SHOW = "filter show dev em1 ingress".split()

#: (name, target as a multiple of bare Python, command)
TARGETS: list[tuple[str, float, list[str]]] = [
    ("pytc filter replace ... obj", 6.0, ["pytc", *REPLACE, OBJECT]),
    ("pytc filter show", 5.0, ["pytc", *SHOW]),
    ("pytc --help", 3.0, ["pytc", "--help"]),
    ("pytc -V", 3.0, ["pytc", "-V"]),
]
BARE = ("python -c pass", 1.0, ["python", "-c", "pass"])
REFERENCE = [("tc filter replace ... obj", 0.0, ["tc", *REPLACE, OBJECT]), ("tc filter show", 0.0, ["tc", *SHOW])]


def environment() -> dict[str, str]:
    """Without the switches that keep Python from using its cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return kept


def seconds(words: list[str], env: dict[str, str]) -> float:
    """One run."""
    start = time.perf_counter()
    subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, float]:
    """The median seconds of each command."""
    env = environment()
    commands = [BARE, *REFERENCE, *TARGETS]
    for _, _, words in commands:
        seconds(words, env)  # warms caches
    samples: dict[str, list[float]] = {name: [] for name, _, _ in commands}
    for _ in range(rounds):
        for name, _, words in commands:
            samples[name].append(seconds(words, env))
    return {name: median(values) for name, values in samples.items()}


def report(found: dict[str, float]) -> None:
    """A table."""
    bare = found[BARE[0]]
    print(f"{'command':32} {'ms':>8} {'x python':>9} {'target':>7}")
    for name, target, _ in [BARE, *REFERENCE, *TARGETS]:
        wanted = f"{target:7.1f}" if target else ""
        print(f"{name:32} {found[name] * 1000:8.1f} {found[name] / bare:9.2f} {wanted}")


def main() -> None:
    """Moves into a namespace of its own, and measures."""
    if "PYTC_BENCH_INSIDE" not in os.environ:
        words = ["unshare", "--net", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, check=False, env={**os.environ, "PYTC_BENCH_INSIDE": "1"}).returncode)
    for line in ("ip link add em1 type veth peer name em2", "tc qdisc add dev em1 clsact"):
        subprocess.run(line.split(), check=True, timeout=60)
    report(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 25))


if __name__ == "__main__":
    main()
