"""Unpacks the parts of the kernel's sources that checks read, from Debian's packages of several releases."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import archive

#: The suite that has a version's sources.
SUITES = {"5.10": "bullseye", "6.12": "trixie", "7.2": "sid"}
PARTS = (
    "kernel/bpf/",
    "net/core/",
    "net/sched/",
    "net/netfilter/",
    "include/uapi/linux/",
    "scripts/bpf_doc.py",
    "tools/include/",
    "tools/lib/bpf/",
    "tools/testing/selftests/bpf/",
)


def unpacked(version: str) -> Path:
    """Return a directory with the parts of a version's sources; raises archive.Unavailable."""
    package = archive.unpacked(SUITES[version], f"linux-source-{version}")
    target = package / "parts-2"  # the number counts up when PARTS changes
    if not target.is_dir():
        scratch = package / f"parts-2.{os.getpid()}"
        with tarfile.open(next(package.glob("usr/src/*.tar.xz"))) as sources:
            for member in sources:
                _, _, name = member.name.partition("/")
                if member.isfile() and name.startswith(PARTS):
                    member.name = name
                    sources.extract(member, scratch, set_attrs=False)
        scratch.rename(target)
    return target
