"""Cold command lines: bare Python, tc and pytc in one run, as ratios.

usage: python bench/command_line.py [ROUNDS]

Run as root. pytc is a wheel in an environment of its own: an editable install, with its hooks for imports, starts
slower. Each round runs every command once, so that all of them see the same noise; the middle of all rounds is what
counts. Works in a network namespace of its own. See docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.wheel import PIP, build_wheel  # noqa: E402

OBJECT = str(ROOT / "examples" / "bpf" / "traffic.o")
REPLACE = "filter replace dev em1 ingress pref 1 handle 1 bpf da obj".split()
SHOW = "filter show dev em1 ingress".split()

#: (name, target as a multiple of bare Python, command)
TARGETS: list[tuple[str, float, list[str]]] = [
    ("pytc -V", 1.6, ["pytc", "-V"]),
    ("pytc filter show", 2.6, ["pytc", *SHOW]),
    ("pytc filter replace ... obj", 4.0, ["pytc", *REPLACE, OBJECT]),
    ("completing a word", 0, ["env", "_PYTC_COMPLETE=bash", "pytc", "pytc filter add dev em1 in", "in"]),
    ("pytc --help", 0, ["pytc", "--help"]),
]
BARE = ("python -c pass", 1.0, ["python", "-c", "pass"])
REFERENCE = [("tc filter replace ... obj", 0.0, ["tc", *REPLACE, OBJECT]), ("tc filter show", 0.0, ["tc", *SHOW])]


def install(directory: Path) -> Path:
    """Install a wheel of this checkout; return the directory of its commands."""
    source = directory / "source"
    source.mkdir()
    wheel = build_wheel(source)
    environment = directory / "environment"
    for words in (
        [sys.executable, "-m", "venv", "--without-pip", str(environment)],
        [*PIP, "--python", str(environment / "bin" / "python"), "install", str(wheel)],
    ):
        subprocess.run(words, check=True)
    return environment / "bin"


def environment(commands: Path) -> dict[str, str]:
    """Return the environment with commands in front, and without the switches that keep Python from using its cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept["PATH"] = f"{commands}:{kept.get('PATH', '')}"
    return kept


def seconds(words: list[str], env: dict[str, str]) -> float:
    """Run a command once; return its time. Without a timeout, for which subprocess polls, with longer and longer
    pauses."""
    start = time.perf_counter()
    subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(rounds: int, env: dict[str, str]) -> dict[str, float]:
    """Return the median seconds of each command."""
    commands = [BARE, *REFERENCE, *TARGETS]
    for _, _, words in commands:
        seconds(words, env)  # warms caches
    samples: dict[str, list[float]] = {name: [] for name, _, _ in commands}
    for _ in range(rounds):
        for name, _, words in commands:
            samples[name].append(seconds(words, env))
    return {name: median(values) for name, values in samples.items()}


def report(found: dict[str, float]) -> None:
    """Print a table."""
    bare = found[BARE[0]]
    print(f"{'command':32} {'ms':>8} {'x python':>9} {'target':>7}")
    for name, target, _ in [BARE, *REFERENCE, *TARGETS]:
        wanted = f"{target:7.1f}" if target else ""
        print(f"{name:32} {found[name] * 1000:8.1f} {found[name] / bare:9.2f} {wanted}")


def main() -> None:
    """Install pytc, move into a namespace, and measure there."""
    commands = os.environ.get("PYTC_BENCH_COMMANDS")
    if commands is None:
        with tempfile.TemporaryDirectory() as name:
            env = {**os.environ, "PYTC_BENCH_COMMANDS": str(install(Path(name)))}
            words = ["unshare", "--net", sys.executable, *sys.argv]
            sys.exit(subprocess.run(words, check=False, env=env).returncode)
    for line in ("ip link add em1 type veth peer name em2", "tc qdisc add dev em1 clsact"):
        subprocess.run(line.split(), check=True, timeout=60)
    report(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 25, environment(Path(commands))))


if __name__ == "__main__":
    main()
