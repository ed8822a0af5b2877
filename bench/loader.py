"""Loading a small and a large object: pytc beside tc (libbpf), whole commands and the loader's own time.

usage: python bench/loader.py [ROUNDS]

Run as root, with clang and tc. The large object is made here: some 2 MB, 48,000 instructions, 1,250 CO-RE
relocations, 775 BTF types, 250 subprograms. A command's own time is what is left of the whole when the time inside
bpf(2), where the verifier works, and a bare ``tc -V`` or ``pytc -V`` are taken off; strace tells the former.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "examples" / "bpf" / "traffic.o"
REPLACE = ["filter", "replace", "dev", "em1", "ingress", "pref", "1", "handle", "1", "bpf", "da", "obj"]
FUNCTIONS = 250
FIELDS = ("pid", "tgid", "flags", "prio", "static_prio")


class Cost(NamedTuple):
    """Seconds of wall-clock time, seconds of it outside bpf(2), and peak memory in MB."""

    wall: float
    outside: float
    memory: float


def source() -> str:
    """C with many functions, types, maps and relocations."""
    lines = [
        "#include <linux/bpf.h>",
        "#define SEC(n) __attribute__((section(n), used))",
        "typedef unsigned long long u64; typedef unsigned int u32;",
        "struct task_struct { int pid, tgid; unsigned int flags; int prio, static_prio; }"
        " __attribute__((preserve_access_index));",
        "static void *(*lookup)(void *, const void *) = (void *)1;",
        "static long (*probe)(void *, u32, const void *) = (void *)113;",
        "static u64 (*task)(void) = (void *)35;",
    ]
    lines += [f"struct type_{i} {{ u32 a; u64 b; struct {{ u32 x, y; }} c[{i % 7 + 1}]; u32 last_{i}; }};"
              for i in range(40)]
    lines += [f"struct {{ int (*type)[1]; u32 *key; struct type_{i} *value; int (*max_entries)[16]; }} map_{i} "
              'SEC(".maps");' for i in range(40)]
    for i in range(FUNCTIONS):
        lines.append(f"static __attribute__((noinline)) u64 f_{i}(u64 v) {{ u64 r = v; u32 k = v, x;")
        lines.append("struct task_struct *t = (void *)task();")
        lines.append(f"struct type_{i % 40} *p = lookup(&map_{i % 40}, &k); if (p) r += p->a ^ p->b;")
        lines += [f"probe(&x, 4, &t->{FIELDS[(i + j) % 5]}); r += x * {i * 7 + j + 3}ULL;" for j in range(5)]
        lines += [f"r = (r * {(i * 131 + j * 17) % 65521 + 3}ULL) ^ (r >> {(i + j) % 31 + 1});" for j in range(30)]
        lines.append("return r; }")
    calls = " ".join(f"r += f_{i}(r);" for i in range(FUNCTIONS))
    lines.append(f'SEC("classifier") int cls_main(struct __sk_buff *s) {{ u64 r = s->len; {calls} return r == 1; }}')
    lines.append('char _license[] SEC("license") = "GPL";')
    return "\n".join(lines)


def build(directory: Path) -> Path:
    """The large object."""
    (directory / "large.c").write_text(source())
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    subprocess.run(["clang", "-O2", "-g", "-target", "bpf", include, "-c", "large.c", "-o", "large.o"],
                   cwd=directory, check=True, timeout=300)
    return directory / "large.o"


def cost(words: list[str], trace: Path) -> Cost:
    """One run of a command for its wall-clock time and memory, and one under strace for what it does outside bpf(2)."""
    wall, memory = timed(words)
    traced, _ = timed(["strace", "-f", "-qq", "-T", "-e", "trace=bpf", "--seccomp-bpf", "-o", str(trace), *words])
    inside = sum(float(number) for number in re.findall(r"<([0-9.]+)>$", trace.read_text(), re.MULTILINE))
    return Cost(wall, traced - inside, memory)


def timed(words: list[str]) -> tuple[float, float]:
    """(seconds, peak MB) of a command."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["PATH"] = f"{Path(sys.executable).parent}:{env.get('PATH', '')}"
    start = time.perf_counter()
    with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)}: exit status {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def middle(costs: list[Cost]) -> Cost:
    """The median of each number."""
    return Cost(*(median(values) for values in zip(*costs, strict=True)))


def measure(path: Path, rounds: int, trace: Path) -> dict[str, Cost]:
    """tc and pytc with a load and without, in turns."""
    commands = {"tc": ["tc", *REPLACE, str(path)], "pytc": ["pytc", *REPLACE, str(path)],
                "bare tc": ["tc", "-V"], "bare pytc": ["pytc", "-V"]}
    samples: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            samples[name].append(cost(words, trace))
    return {name: middle(costs) for name, costs in samples.items()}


def report(title: str, found: dict[str, Cost]) -> None:
    """A table row."""
    tc, pytc = found["tc"], found["pytc"]
    own = {name: max(found[name].outside - found[f"bare {name}"].outside, 0.0001) for name in ("tc", "pytc")}
    print(f"{title:8} {tc.wall * 1000:8.0f} {pytc.wall * 1000:8.0f} {pytc.wall / tc.wall:7.1f}"
          f" {own['tc'] * 1000:8.1f} {own['pytc'] * 1000:8.1f} {own['pytc'] / own['tc']:7.1f} {pytc.memory:7.0f}")


def main() -> None:
    """Moves into a namespace of its own, and measures."""
    if "PYTC_BENCH_INSIDE" not in os.environ:
        words = ["unshare", "--net", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, check=False, env={**os.environ, "PYTC_BENCH_INSIDE": "1"}).returncode)
    for line in ("ip link add em1 type veth peer name em2", "tc qdisc add dev em1 clsact"):
        subprocess.run(line.split(), check=True, timeout=60)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print("          whole command, ms           own time, ms              MB")
    print(f"{'object':8} {'tc':>8} {'pytc':>8} {'ratio':>7} {'tc':>8} {'pytc':>8} {'ratio':>7} {'pytc':>7}")
    with tempfile.TemporaryDirectory() as directory:
        for title, path in (("small", SMALL), ("large", build(Path(directory)))):
            report(title, measure(path, rounds, Path(directory) / "trace"))


if __name__ == "__main__":
    main()
