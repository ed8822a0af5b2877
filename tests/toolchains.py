"""Commands of other Debian releases, which `.ci/toolchains.py` sets up: their names, and where they are.

Among them is the newest tc, which pytc is compared with. It is ``tc`` for all tests, and for what they start. What it
has dropped is compared with the tc of this machine, where that is old enough.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

BIN = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytc-archive" / "bin"
#: "NAME: reason" for each that could not be set up.
REASONS = BIN / "unavailable"
CLANGS = tuple(f"clang-{number}" for number in range(11, 24))
GCCS = tuple(f"bpf-gcc-{number}" for number in range(12, 17))
#: bpftool with the libbpf of these compilers' time.
BPFTOOL = "bpftool-newest"
TC = "tc-newest"
#: The directory with nothing but ``tc``, which is the newest; guests are told where it is.
TC_DIRECTORY = Path(os.environ.get("PYTC_TC_DIRECTORY") or BIN.parent / "newest")
#: The version of tc that dropped cbq, dsmark, atm, rsvp and tcindex.
_DROPPED = (6, 3)
ALL = (*CLANGS, *GCCS, BPFTOOL, TC)
#: What "make test" uses, beside the compilers of the distribution: the oldest and the newest ones.
FIRST = (CLANGS[0], CLANGS[-1], GCCS[-1], BPFTOOL, TC)


def chosen() -> tuple[str, ...]:
    """Return the commands of this run: with PYTC_TESTS=all every one."""
    return ALL if os.environ.get("PYTC_TESTS") == "all" else FIRST


def put_newest_tc_first() -> None:
    """Let ``tc`` be the newest one, where it has been set up."""
    os.environ["PATH"] = f"{TC_DIRECTORY}{os.pathsep}{os.environ.get('PATH', '')}"


def require_newest_tc() -> None:
    """Skip a test, with the reason, where the newest tc is unavailable."""
    if not (TC_DIRECTORY / "tc").exists():
        _skip(TC)


@cache
def old_tc() -> str:
    """Return the path of a tc that has the kinds that the newest has dropped, empty where this machine has none."""
    directories = [name for name in os.environ.get("PATH", "").split(os.pathsep) if name != str(TC_DIRECTORY)]
    path = shutil.which("tc", path=os.pathsep.join([*directories, "/usr/sbin", "/sbin"]))
    if path is None:
        return ""
    printed = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"iproute2-(\d+)\.(\d+)", printed)
    return path if version and tuple(map(int, version.groups())) < _DROPPED else ""


def require(name: str) -> None:
    """Skip a test, with the reason, where a command is unavailable."""
    if shutil.which(name) is None:
        _skip(name)


def _skip(name: str) -> None:
    import pytest  # what sets up the commands runs without

    lines = REASONS.read_text().splitlines() if REASONS.exists() else []
    reasons = dict(line.split(": ", 1) for line in lines)
    pytest.skip(f"{name}: {reasons.get(name, '.ci/toolchains.py has not set it up')}")
