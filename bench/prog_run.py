"""Test runs of a small program over a capture: the kernel's time beside bpftool's, and the tool's own.

usage: python bench/prog_run.py [ROUNDS [PACKETS [REPEAT]]]

Run as root, with bpftool. The capture has PACKETS {1000} UDP packets, each run REPEAT {1000} times, which is a million
runs in all. The kernel's time is what BPF_PROG_TEST_RUN reports, which ``bpftool prog run ... repeat`` prints for one
of the packets and as many runs; the tool's own is what a run over the whole capture, each packet once, takes longer
than one over a single packet.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pytc.packets import Packet, write_pcap
from pytc.packets.build import build

ROOT = Path(__file__).resolve().parent.parent
OBJECT = ROOT / "examples" / "bpf" / "traffic.o"
_DURATION = re.compile(r"duration \(average\): (\d+)ns")


def run(*words: str) -> tuple[float, str]:
    """(seconds, output) of a command that has to succeed."""
    start = time.perf_counter()
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    return time.perf_counter() - start, done.stdout


def pytc(pin: str, capture: Path, *words: str) -> tuple[float, float]:
    """(seconds, nanoseconds for each packet by the kernel) of a run over a capture."""
    wall, out = run(
        sys.executable, "-m", "pytc", "-j", "prog", "run", "pinned", pin, "pcap", str(capture), "summary", *words
    )
    return wall, float(json.loads(out)[0]["summary"]["duration_ns"])


def bpftool(pin: str, packet: Path, runs: int) -> float:
    """Nanoseconds for each run."""
    _, out = run("bpftool", "prog", "run", "pinned", pin, "data_in", str(packet), "repeat", str(runs))
    found = _DURATION.search(out)
    assert found is not None, out
    return float(found.group(1))


def measure(directory: Path, pin: str, rounds: int, packets: int, repeat: int) -> None:
    """Prints the table."""
    many, data = directory / "many.pcap", directory / "packet"
    made = [build(f"ip udp sport {1024 + number % 50000} payload abc") for number in range(packets)]
    with many.open("wb") as file:
        write_pcap(file, (Packet(one, len(one), 1) for one in made))
    data.write_bytes(made[0])
    theirs, ours, own, walls = [], [], [], []
    for _ in range(rounds):
        theirs.append(bpftool(pin, data, packets * repeat))
        wall, duration = pytc(pin, many, "repeat", str(repeat))
        ours.append(duration)
        walls.append(wall)
        own.append((pytc(pin, many)[0] - pytc(pin, many, "count", "1")[0]) / max(packets - 1, 1))
    print(f"{packets * repeat} runs, {packets} packets, median of {rounds}")
    print(f"bpftool, ns per run            {median(theirs):8.1f}")
    print(f"pytc, ns per run               {median(ours):8.1f}  ({median(ours) / median(theirs):.2f} of bpftool's)")
    print(f"pytc, own time, us per packet  {median(own) * 1e6:8.1f}")
    print(f"pytc, the whole command, s     {median(walls):8.2f}")


def main(rounds: int = 5, packets: int = 1000, repeat: int = 1000) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        mount = directory / "bpffs"
        mount.mkdir()
        run("mount", "-t", "bpf", "bpf", str(mount))
        try:
            pin = str(mount / "program")
            run("bpftool", "prog", "load", str(OBJECT), pin, "type", "classifier")
            measure(directory, pin, rounds, packets, repeat)
        finally:
            run("umount", "-l", str(mount))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
