"""Runs the kernel's own tests of tc, by tc and by pytc, in user-mode Linux: what "make tc-testing" does.

usage: .ci/tc_testing.py [KERNEL...] [ARGUMENT OF PYTEST...], like 7.2 -k flower

The tests are those of Debian's packages of the kernel's sources; they are unpacked, and nothing of them is kept in this
tree. A KERNEL is 7.2, whose tests all run, or 6.12, of whose tests those run, on that kernel, that 7.2 has not or that
differ there; without any, both. And "qemu" is Debian's newest kernel in QEMU (.ci/vm.py), for what user-mode Linux
lacks; without KVM that takes an hour. The tc is the newest one, where it is to be had (.ci/toolchains.py). Cases that
send packets are left out where scapy, which makes them, is not to be had (.ci/clients.py). For each file of tests a
line says how many there are, and how many tc and pytc pass; a sum comes last.

Exit status: 0 when pytc passes what tc passes; 1 when not; 77 where the tests or the kernel are not to be had.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import archive
import clients

ROOT = Path(__file__).resolve().parent.parent
#: Suites and packages of the tests for a kernel. The first has all that run, others what differs.
SOURCES = {"7.2": ("sid", "linux-source-7.2"), "6.12": ("trixie", "linux-source-6.12")}
QEMU = "qemu"
#: Files with tests of what user-mode Linux lacks, for pytest's -k.
_LACKING = "ets or gate or fq_pie or cake_mq or actions-ct or teql"
_PART = "/tools/testing/selftests/tc-testing/"
_COUNTS = re.compile(r"tc-testing (\S+): (\d+) tc (\d+) pytc (\d+)")
#: The cases say what to send in scapy's words.
_PACKETS = """
import json, sys
from pathlib import Path
from scapy.all import *
packets = {}
for path in Path(sys.argv[1]).glob("tc-tests/**/*.json"):
    for case in json.loads(path.read_text()):
        listed = case.get("scapy", [])
        for entry in listed if isinstance(listed, list) else [listed]:
            packet = eval(entry["packet"])
            frames = [bytes(frame).hex() for frame in (packet if isinstance(packet, list) else [packet])]
            packets.setdefault(case["id"], []).append([entry["iface"], entry["count"], *frames])
Path(sys.argv[1], "packets.json").write_text(json.dumps(packets))
"""


def unpacked(kernel: str) -> Path:
    """Return the directory of a kernel's tests; raises archive.Unavailable."""
    package = archive.unpacked(*SOURCES[kernel])
    target = package / "tc-testing"
    if not target.is_dir():
        scratch = package / f"tc-testing.{os.getpid()}"
        with tarfile.open(next(package.glob("usr/src/*.tar.xz"))) as sources:
            for member in sources:
                _, part, name = member.name.partition(_PART)
                if part and member.isfile():
                    member.name = name
                    sources.extract(member, scratch, set_attrs=False)
        for script in (*scratch.glob("*.py"), *scratch.glob("scripts/*")):  # some cases run them
            script.chmod(0o755)
        scratch.rename(target)
    if not (target / "action-ebpf").exists():
        headers = f"-I/usr/include/{platform.machine()}-linux-gnu"
        command = ["clang", "-O2", "-target", "bpf", headers, "-c", "action.c", "-o", "action-ebpf"]
        subprocess.run(command, cwd=target, check=False, capture_output=True)  # cases that need it fail without
    if not (target / "packets.json").exists():
        # In a namespace of its own it asks no network for addresses.
        command = ["unshare", "-n", sys.executable, "-c", _PACKETS, str(target)]
        environment = {**os.environ, "PYTHONPATH": str(clients.directory("scapy"))}
        if subprocess.run(command, env=environment, check=False, capture_output=True).returncode:
            sys.stderr.write("make tc-testing: going on without the cases that send packets: scapy is unavailable\n")
    return target


def run(kernel: str, words: Sequence[str]) -> int:
    """Run the tests of a kernel on it; return the exit status."""
    complete = next(iter(SOURCES))
    directory = unpacked(kernel if kernel in SOURCES else complete)
    environment = {**os.environ, "PYTC_TC_TESTING": str(directory)}
    if kernel in SOURCES and kernel != complete:
        environment["PYTC_TC_TESTING_ELSEWHERE"] = str(unpacked(complete))
    for name in ("PYTC_KERNEL_SECONDS", "PYTC_VM_SECONDS"):
        environment.setdefault(name, "5400")  # as long as a busy machine needs
    chosen = ("vm.py", "sid") if kernel == QEMU else ("uml.py", kernel)
    words = ("-k", _LACKING, *words) if kernel == QEMU and "-k" not in words else words
    command = [sys.executable, str(ROOT / ".ci" / chosen[0]), chosen[1], "--", "-s", "tests/vm/tc_testing", *words]
    totals = [0, 0, 0]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as guest:
        assert guest.stdout is not None
        for line in guest.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if counts := _COUNTS.search(line):
                totals = [sum(pair) for pair in zip(totals, map(int, counts.groups()[1:]), strict=True)]
    sys.stdout.write("make tc-testing: {}: {} cases, tc passes {}, pytc {}\n".format(kernel, *totals))
    sys.stdout.flush()
    return guest.returncode


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    kernels = (*SOURCES, QEMU)
    count = next((number for number, word in enumerate(words) if word not in kernels), len(words))
    statuses = []
    for kernel in words[:count] or SOURCES:
        try:
            statuses.append(run(kernel, words[count:]))
        except archive.Unavailable as error:
            sys.stderr.write(f"make tc-testing: Linux {kernel}: {error}\n")
            statuses.append(archive.NOT_HERE)
    wrong = [status for status in statuses if status not in (0, archive.NOT_HERE)]
    return wrong[0] if wrong else min(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
