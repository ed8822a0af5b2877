"""Runs the kernel's own tests of tc, by tc and by pytc, on Linux 7.2 as user-mode Linux: what "make tc-testing" does.

usage: .ci/tc_testing.py [ARGUMENT OF PYTEST...], like -k flower

The tests are those of Debian's package of the kernel's sources; they are unpacked, and nothing of them is kept in this
tree. The tc is the newest one, where it is to be had (.ci/toolchains.py). For each file of tests a line says how many
there are, and how many tc and pytc pass; a sum comes last.

Exit status: 0 when pytc passes what tc passes; 1 when not; 77 where the tests or the kernel are not to be had.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import archive

ROOT = Path(__file__).resolve().parent.parent
SUITE, PACKAGE, KERNEL = "sid", "linux-source-7.2", "7.2"
_PART = "/tools/testing/selftests/tc-testing/"
_COUNTS = re.compile(r"tc-testing (\S+): (\d+) tc (\d+) pytc (\d+)")


def unpacked() -> Path:
    """Return the directory of the tests; raises archive.Unavailable."""
    package = archive.unpacked(SUITE, PACKAGE)
    target = package / "tc-testing"
    if not target.is_dir():
        scratch = package / f"tc-testing.{os.getpid()}"
        with tarfile.open(next(package.glob("usr/src/*.tar.xz"))) as sources:
            for member in sources:
                _, part, name = member.name.partition(_PART)
                if part and member.isfile():
                    member.name = name
                    sources.extract(member, scratch, set_attrs=False)
        command = ["clang", "-O2", "-target", "bpf", "-c", "action.c", "-o", "action.o"]
        subprocess.run(command, cwd=scratch, check=False, capture_output=True)  # cases that need it fail without
        scratch.rename(target)
    return target


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    try:
        directory = unpacked()
    except archive.Unavailable as error:
        sys.stderr.write(f"make tc-testing: {error}\n")
        return archive.NOT_HERE
    newest = archive.CACHE / "bin" / "tc-newest"
    tc = {"PYTC_TC": str(newest)} if newest.exists() else {}
    environment = {**os.environ, **tc, "PYTC_TC_TESTING": str(directory)}
    command = [sys.executable, str(ROOT / ".ci" / "uml.py"), KERNEL, "--", "-s", "tests/vm/tc_testing", *words]
    totals = [0, 0, 0]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if counts := _COUNTS.search(line):
                totals = [sum(pair) for pair in zip(totals, map(int, counts.groups()[1:]), strict=True)]
    sys.stdout.write("make tc-testing: {} cases, tc passes {}, pytc {}\n".format(*totals))
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
