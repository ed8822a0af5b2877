"""Loading a small and a large object: pytc beside tc (libbpf), whole commands and the loader's own time.

usage: python bench/loader.py [ROUNDS]

Run as root, with clang, strace and tc. The large object is made here: some 2 MB, 48,000 instructions, 1,250 CO-RE
relocations, 775 BTF types, 250 subprograms. The loader's own time is what is left when the time inside bpf(2), where
the verifier works, is taken off: of tc's command by strace, less a bare ``tc -V``; of pytc inside a process that has
imported it, from ``read_object`` to the end of ``load``. What importing costs is in the whole command.
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


#: Loads an object as the command does, and prints the seconds that were not spent in bpf(2).
INSIDE = """
import sys, time
from pytc.bpf import ProgramType, load, read_object, select_program
inside = 0.0
def timed(*words):
    global inside
    start = time.perf_counter()
    try:
        return real(*words)
    finally:
        inside += time.perf_counter() - start
import pytc.bpf.sys.syscall as door
real, door.bpf_syscall = door.bpf_syscall, timed
import pytc.bpf.loader.load, pytc.bpf.object.reader, pytc.bpf.link.core_relocations, pytc.bpf.kernel.running
start = time.perf_counter()
spec = read_object(sys.argv[1])
load(spec, select_program(spec), type=ProgramType.SCHED_CLS).close()
print(time.perf_counter() - start - inside)
"""


class Cost(NamedTuple):
    """Seconds of wall-clock time, seconds of the loader itself, and peak memory in MB."""

    wall: float
    own: float
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
    lines += [
        f"struct type_{i} {{ u32 a; u64 b; struct {{ u32 x, y; }} c[{i % 7 + 1}]; u32 last_{i}; }};" for i in range(40)
    ]
    lines += [
        f'struct {{ int (*type)[1]; u32 *key; struct type_{i} *value; int (*max_entries)[16]; }} map_{i} SEC(".maps");'
        for i in range(40)
    ]
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
    subprocess.run(
        ["clang", "-O2", "-g", "-target", "bpf", include, "-c", "large.c", "-o", "large.o"],
        cwd=directory,
        check=True,
        timeout=300,
    )
    return directory / "large.o"


def tc_cost(path: Path, trace: Path) -> Cost:
    """A load with tc; its own time is that outside bpf(2), less what ``tc -V`` takes under strace."""
    words = ["tc", *REPLACE, str(path)]
    wall, memory = timed(words)
    strace = ["strace", "-f", "-qq", "-T", "-e", "trace=bpf", "--seccomp-bpf", "-o", str(trace)]
    traced, _ = timed([*strace, *words])
    inside = sum(float(number) for number in re.findall(r"<([0-9.]+)>$", trace.read_text(), re.MULTILINE))
    bare, _ = timed([*strace, "tc", "-V"])
    return Cost(wall, max(traced - inside - bare, 0.0001), memory)


def pytc_cost(path: Path) -> Cost:
    """A load with pytc, and the loader's own time in a process of its own."""
    wall, memory = timed(["pytc", *REPLACE, str(path)])
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, str(path)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return Cost(wall, float(done.stdout), memory)


def environment() -> dict[str, str]:
    """Without the switches that keep Python from using its cache."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**env, "PATH": f"{Path(sys.executable).parent}:{env.get('PATH', '')}"}


def timed(words: list[str]) -> tuple[float, float]:
    """(seconds, peak MB) of a command."""
    start = time.perf_counter()
    with subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)}: exit status {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def middle(costs: list[Cost]) -> Cost:
    """The median of each number."""
    return Cost(*(median(values) for values in zip(*costs, strict=True)))


def measure(path: Path, rounds: int, trace: Path) -> tuple[Cost, Cost]:
    """(tc, pytc), in turns."""
    samples = [(tc_cost(path, trace), pytc_cost(path)) for _ in range(rounds)]
    return middle([tc for tc, _ in samples]), middle([pytc for _, pytc in samples])


def report(title: str, tc: Cost, pytc: Cost) -> None:
    """A table row."""
    print(
        f"{title:8} {tc.wall * 1000:8.0f} {pytc.wall * 1000:8.0f} {pytc.wall / tc.wall:7.1f}"
        f" {tc.own * 1000:8.1f} {pytc.own * 1000:8.1f} {pytc.own / tc.own:7.1f} {pytc.memory:7.0f}"
    )


def main() -> None:
    """Moves into a namespace of its own, and measures."""
    if "PYTC_BENCH_INSIDE" not in os.environ:
        words = ["unshare", "--net", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, check=False, env={**os.environ, "PYTC_BENCH_INSIDE": "1"}).returncode)
    for line in ("ip link add em1 type veth peer name em2", "tc qdisc add dev em1 clsact"):
        subprocess.run(line.split(), check=True, timeout=60)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print("          whole command, ms           loader's own, ms          MB")
    print(f"{'object':8} {'tc':>8} {'pytc':>8} {'ratio':>7} {'tc':>8} {'pytc':>8} {'ratio':>7} {'pytc':>7}")
    with tempfile.TemporaryDirectory() as directory:
        for title, path in (("small", SMALL), ("large", build(Path(directory)))):
            report(title, *measure(path, rounds, Path(directory) / "trace"))


if __name__ == "__main__":
    main()
