"""Sets up compilers, bpftool and tc of any Debian release as commands in the cache.

usage: .ci/toolchains.py {first|all|NAME...}    prints each command, or why it is unavailable

Each command is a script in ${XDG_CACHE_HOME:-~/.cache}/pytc-archive/bin that runs a program with the loader and the
libraries of its own release: a compiler of sid wants a newer libc than this machine has. `archive.py` unpacks the
packages; nothing is installed. The file `unavailable` beside the scripts has the reasons, one a line.
`tests/toolchains.py` has the names.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from archive import Unavailable, closure, unpacked, version  # type: ignore[import-not-found]

from tests.toolchains import ALL, BIN, BPFTOOL, CLANGS, FIRST, GCCS, REASONS, TC, TC_DIRECTORY

#: Where to look, in this order: what is close to Debian 12 needs the fewest downloads.
SUITES = ("bookworm", "trixie", "sid", "bullseye")


#: Programs that are no compilers: their package, and where it has them.
_PROGRAMS = {BPFTOOL: ("bpftool", "usr/sbin/bpftool"), TC: ("iproute2", "usr/sbin/tc")}


class Release(NamedTuple):
    """Unpacked packages of one release."""

    suite: str
    directories: tuple[Path, ...]

    def file(self, pattern: str) -> Path:
        """Return the first file that matches a pattern like ``usr/bin/clang-*``; raises Unavailable."""
        matches = (path for directory in self.directories for path in sorted(directory.glob(pattern)))
        path = next(matches, None)
        if path is None:
            raise Unavailable(f"the packages of {self.suite} have no {pattern}")
        return path

    def launch(self) -> list[str]:
        """Return the words that start a program with the loader and the libraries of the release."""
        loader = next(path for name in ("ld-linux*.so.*", "ld-2*.so") for path in self._loaders(name))
        libraries = {str(path.parent): None for one in self.directories for path in _libraries(one)}
        return [str(loader), "--library-path", ":".join(libraries)]

    def _loaders(self, name: str) -> Iterator[Path]:
        return (path for one in self.directories for path in one.glob(f"**/{name}") if path.exists())


def _libraries(directory: Path) -> Iterator[Path]:
    machine = f"{platform.machine()}-linux-gnu"
    for place in ("lib", "usr/lib", "usr/lib/llvm-*/lib"):
        for part in (place, f"{place}/{machine}"):
            yield from directory.glob(f"{part}/*.so*")


def release(suite: str, package: str, *alone: str) -> Release:
    """Return a package with all that it depends on, and some packages without."""
    return Release(suite, (*closure(suite, package), *(unpacked(suite, one) for one in alone)))


def suite_with(package: str, start: str = "") -> str:
    """Return the first suite whose version of a package begins with some text; raises Unavailable."""
    for suite in SUITES:
        try:
            if version(suite, package).startswith(start):
                return suite
        except Unavailable:
            continue
    raise Unavailable(f"no release of Debian has {package} {start}".rstrip(". "))


def set_up(name: str) -> Path:
    """Return the command of that name, after making it where it is missing; raises Unavailable."""
    script = BIN / name
    if not script.exists():
        BIN.mkdir(parents=True, exist_ok=True)
        number = name.rpartition("-")[2]
        if name in CLANGS:
            text = clang(number)
        elif name in GCCS:
            text = gcc(number)
        elif name in _PROGRAMS:
            package, path = _PROGRAMS[name]
            found = release("sid", package)
            text = shlex.join([*found.launch(), str(found.file(path))])
        else:
            raise Unavailable(f"nothing here is called {name}")
        _write(script, text)
        version_option = "-V" if name == TC else "--version"
        done = subprocess.run([script, version_option], check=False, capture_output=True, text=True)
        if done.returncode:
            script.unlink()
            raise Unavailable((done.stderr.strip() or f"status {done.returncode}").splitlines()[-1])
    if name == TC:  # tests find it there as tc
        TC_DIRECTORY.mkdir(parents=True, exist_ok=True)
        _link(TC_DIRECTORY / "tc", script)
    return script


def _link(link: Path, target: Path) -> None:
    """Make a link, or make it anew, while others use it."""
    part = link.with_name(f"{link.name}-{os.getpid()}")
    part.symlink_to(target)
    part.replace(link)


def clang(number: str) -> str:
    """Return the command line of a clang; it finds its own headers by /proc/self/exe, which is the loader here."""
    suite = suite_with(f"clang-{number}")
    library = next(name for name in (f"libclang-cpp{number}", f"libclang-cpp{number}t64") if _has(suite, name))
    found = release(suite, library, f"clang-{number}", f"libclang-common-{number}-dev")
    headers = found.file("usr/lib/llvm-*/lib/clang/*/include/stddef.h").parent.parent
    program = found.file("usr/lib/llvm-*/bin/clang")
    return shlex.join([*found.launch(), str(program), "-resource-dir", str(headers)])


def _has(suite: str, package: str) -> bool:
    try:
        return bool(version(suite, package))
    except Unavailable:
        return False


def gcc(number: str) -> str:
    """Return the command line of a gcc, whose parts are scripts of their own: the driver starts them by itself."""
    found = release(suite_with("gcc-bpf", f"{number}."), "gcc-bpf")
    parts = BIN / f"parts-of-bpf-gcc-{number}"
    parts.mkdir(exist_ok=True)
    for name, pattern in (("cc1", "usr/lib*/gcc*/bpf/*/cc1"), ("as", "usr/bin/bpf-as"), ("ld", "usr/bin/bpf-ld")):
        _write(parts / name, shlex.join([*found.launch(), str(found.file(pattern).resolve())]))
    return shlex.join([*found.launch(), str(found.file("usr/bin/bpf-gcc").resolve()), "-B", f"{parts}/"])


def _write(script: Path, command: str) -> None:
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)


def main(words: Sequence[str]) -> int:
    """Return the exit status: 0 also where a compiler is unavailable, which the tests then skip."""
    if not words:
        sys.stderr.write((__doc__ or "").split("\n\n")[1] + "\n")
        return 2
    names = {"first": FIRST, "all": ALL}.get(words[0], tuple(words))
    reasons = {}
    for name in names:
        try:
            sys.stdout.write(f"{set_up(name)}\n")
        except Unavailable as error:
            reasons[name] = str(error)
            sys.stdout.write(f"{name} is unavailable: {error}\n")
        sys.stdout.flush()
    known = dict(line.split(": ", 1) for line in REASONS.read_text().splitlines()) if REASONS.exists() else {}
    known = {name: reason for name, reason in {**known, **reasons}.items() if name in reasons or name not in names}
    REASONS.write_text("".join(f"{name}: {reason}\n" for name, reason in known.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
