"""Compilers of other Debian releases, which `.ci/toolchains.py` sets up: the names, and where the commands are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BIN = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytc-archive" / "bin"
#: "NAME: reason" for each that could not be set up.
REASONS = BIN / "unavailable"
CLANGS = tuple(f"clang-{number}" for number in range(11, 24))
GCCS = tuple(f"bpf-gcc-{number}" for number in range(12, 17))
#: bpftool with the libbpf of these compilers' time.
BPFTOOL = "bpftool-newest"
TC = "tc-newest"
ALL = (*CLANGS, *GCCS, BPFTOOL, TC)
#: What "make test" uses, beside the compilers of the distribution: the oldest and the newest ones.
FIRST = (CLANGS[0], CLANGS[-1], GCCS[-1], BPFTOOL, TC)


def chosen() -> tuple[str, ...]:
    """Return the commands of this run: with PYTC_TESTS=all every one."""
    return ALL if os.environ.get("PYTC_TESTS") == "all" else FIRST


def require(name: str) -> None:
    """Skip a test, with the reason, where a command is unavailable."""
    import pytest  # what sets up the commands runs without

    if shutil.which(name) is None:
        lines = REASONS.read_text().splitlines() if REASONS.exists() else []
        reasons = dict(line.split(": ", 1) for line in lines)
        pytest.skip(f"{name}: {reasons.get(name, '.ci/toolchains.py has not set it up')}")
