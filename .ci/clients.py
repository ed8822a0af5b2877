"""Sets up programs that call tc, for the tests that run them with tc and with pytc (tests/vm/clients), and scapy.

usage: .ci/clients.py    prints a line for each that is unavailable

Debian's mininet, wondershaper and shorewall are unpacked, with the iptables that shorewall wants; tcconfig and scapy
are installed from PyPI, into a directory each. All of it is in ${XDG_CACHE_HOME:-~/.cache}/pytc-archive/clients, and
nothing is installed on the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import archive

SUITE = "bookworm"
PACKAGES = (
    *("mininet", "wondershaper"),
    *("shorewall", "shorewall-core", "iptables", "libxtables12", "libip4tc2", "libip6tc2"),
)
#: From PyPI, with all that they need. scapy makes the packets of the kernel's tests of tc (.ci/tc_testing.py).
MODULES = ("tcconfig==0.30.1", "scapy==2.6.1")
DIRECTORY = archive.CACHE / "clients"


def directory(name: str) -> Path:
    """Return where a module of PyPI is, if it is to be had."""
    return DIRECTORY / next(module.replace("==", "-") for module in MODULES if module.startswith(f"{name}=="))


def main() -> int:
    """Return 0: what is unavailable, the tests skip."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        try:
            link = DIRECTORY / package
            target = archive.unpacked(SUITE, package)
            if not link.is_symlink() or link.resolve() != target:
                link.unlink(missing_ok=True)
                link.symlink_to(target)
        except archive.Unavailable as error:
            sys.stderr.write(f"going on without {package}: {error}\n")
    for module in MODULES:
        name = module.partition("==")[0]
        target = directory(name)
        if not target.is_dir():
            scratch = DIRECTORY / f"{name}.new"
            shutil.rmtree(scratch, ignore_errors=True)
            pip = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--target",
                scratch,
            ]
            if subprocess.run([*pip, module], check=False, capture_output=True).returncode:
                sys.stderr.write(f"going on without {module}: pip cannot install it\n")
            else:
                scratch.rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
