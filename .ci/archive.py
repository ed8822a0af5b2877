"""Unpacks packages of any Debian suite into a cache, whatever release this machine runs.

usage: .ci/archive.py SUITE PACKAGE...    prints the directory with the unpacked files, one for each package

The archive is the one that this machine's own apt sources name. Packages stay in
${XDG_CACHE_HOME:-~/.cache}/pytc-archive/SUITE/PACKAGE_VERSION; when the archive cannot be reached, the newest of
them is used. Nothing is installed and no maintainer script runs.

Exit status: 77 when a package is not to be had, with the reason in one line.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytc-archive"
NOT_HERE = 77
#: Package lists are fetched again after a day.
LISTS_SECONDS = 24 * 3600
_Answer = TypeVar("_Answer")


class Unavailable(Exception):
    """A package that cannot be had; the text is the reason, in one line."""


def unpacked(suite: str, package: str) -> Path:
    """Return the directory with the files of a package of a suite, like ``bullseye``; raises Unavailable."""
    directory = CACHE / suite
    directory.mkdir(parents=True, exist_ok=True)
    checked = directory / f"{package}.checked"
    if _is_fresh(checked) and (target := directory / checked.read_text()).is_dir():
        return target
    with _locked(directory):
        try:
            options = _options(suite, directory)
            name = _archive_name(options, package)
            target = directory / name
            if not target.is_dir():
                _unpack(options, package, target)
            checked.write_text(target.name)
        except Unavailable:
            kept = _newest(directory, package)
            if kept is None:
                raise
            target = kept
    return target


def dependency(suite: str, package: str, start: str) -> str:
    """Return the first package with a name that starts so, of those that a package of a suite depends on.

    For ``linux-image-amd64`` and ``linux-image-`` it is the kernel of today.
    """
    directory = CACHE / suite
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / f"{package}.depends"
    if not (_is_fresh(note) and note.read_text().startswith(start)):
        try:
            with _locked(directory):
                shown = _run("apt-cache", _options(suite, directory), "show", "--no-all-versions", package)
            depends = re.search(rf"^Depends: (?:.*, )?({re.escape(start)}[^\s,]+)", shown, re.MULTILINE)
            if depends is None:
                raise Unavailable(f"{package} depends on no {start}...")
            note.write_text(depends[1])
        except Unavailable:
            if not note.exists():
                raise
    return note.read_text()


def version(suite: str, package: str) -> str:
    """Return the newest version that a suite has of a package; raises Unavailable."""
    return _asked(suite, lambda options: _version(options, package))


def closure(suite: str, *packages: str) -> list[Path]:
    """Return the directories of packages and of all that they depend on, like :func:`unpacked`.

    These are what apt would install on an empty machine. It is asked twice at most, which is what takes time.
    """
    return _asked(suite, lambda options: _closure(options, CACHE / suite, packages))


def _closure(options: Sequence[str], directory: Path, packages: Sequence[str]) -> list[Path]:
    planned = _run("apt-get", options, "install", "--simulate", "--no-install-recommends", *packages)
    names = [
        f"{package}_{number.replace(':', '-')}"
        for package, number in re.findall(r"^Inst (\S+) \((\S+)", planned, re.MULTILINE)
    ]
    _unpack_all(options, directory, [name for name in names if not (directory / name).is_dir()])
    return [directory / name for name in names]


def _asked(suite: str, question: Callable[[Sequence[str]], _Answer]) -> _Answer:
    """Return the answer of apt, turned to a suite."""
    directory = CACHE / suite
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        return question(_options(suite, directory))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one process at a time work on a suite."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _options(suite: str, directory: Path) -> list[str]:
    """Return the options that turn apt to a suite; fetches its package lists when they are missing or old."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("there is no apt here")
    state = directory / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    source = state / "debian.sources"
    source.write_text(_source(suite))
    options = [
        f"Dir::Etc::sourcelist={source}",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::Lists={state / 'lists'}",
        f"Dir::Cache={state / 'cache'}",
        "Dir::Cache::pkgcache=pkgcache.bin",  # images of Debian for containers switch these files off
        "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        "Dir::State::status=/dev/null",
        "APT::Sandbox::User=root",
        "APT::Get::List-Cleanup=0",
        "Acquire::Languages=none",
        "Acquire::Check-Valid-Until=false",
    ]
    stamp = state / "updated"
    if not _is_fresh(stamp):
        _run("apt-get", options, "update", "-qq", "--error-on=any")
        stamp.touch()
    return options


def _is_fresh(path: Path) -> bool:
    """Return whether a file was written since package lists were last due."""
    return path.exists() and time.time() - path.stat().st_mtime < LISTS_SECONDS


def _source(suite: str) -> str:
    """Return a deb822 source for a suite at the archive that this machine's own release comes from."""
    own = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    places = Path("/etc/apt")
    for path in (places / "sources.list", *sorted((places / "sources.list.d").glob("*.*"))):
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        for entry in re.split(r"\n\s*\n", path.read_text()):
            uri = re.search(r"^URIs:\s*(\S+)", entry, re.MULTILINE)
            suites = re.search(r"^Suites:\s*(.*)", entry, re.MULTILINE)
            if uri and suites and own in suites[1].split():
                return _entry(uri[1], suite)
            line = re.search(rf"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{re.escape(own)}\s", entry, re.MULTILINE)
            if own and line:
                return _entry(line[1], suite)
    raise Unavailable("apt's sources name no Debian archive")


def _entry(uri: str, suite: str) -> str:
    keys = next(Path("/usr/share/keyrings").glob("debian-archive-keyring.*"), None)
    trust = f"Signed-By: {keys}\n" if keys else ""
    return f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\n{trust}"


def _archive_name(options: Sequence[str], package: str) -> str:
    """Return PACKAGE_VERSION of the newest version that the suite has."""
    return f"{package}_{_version(options, package).replace(':', '-')}"  # an epoch's colon separates paths elsewhere


def _version(options: Sequence[str], package: str) -> str:
    shown = _run("apt-cache", options, "show", "--no-all-versions", package)
    found = re.search(r"^Version: (\S+)", shown, re.MULTILINE)
    if found is None:
        raise Unavailable(f"the archive has no {package}")
    return found[1]


def _newest(directory: Path, package: str) -> Path | None:
    """Return the package that was unpacked last."""
    return max(directory.glob(f"{package}_*"), key=lambda path: path.stat().st_mtime, default=None)


def _unpack(options: Sequence[str], package: str, target: Path) -> None:
    _unpack_all(options, target.parent, [target.name])


def _unpack_all(options: Sequence[str], directory: Path, names: Sequence[str]) -> None:
    """Unpack packages, each into a directory of its name, which is PACKAGE_VERSION."""
    if not names:
        return
    with tempfile.TemporaryDirectory(dir=directory, prefix="unpack-") as scratch:
        _run("apt-get", options, "download", "-qq", *(name.partition("_")[0] for name in names), cwd=scratch)
        for name in names:
            archive = next(Path(scratch).glob(f"{name.partition('_')[0]}_*.deb"))
            root = Path(scratch) / "root"
            _command("dpkg-deb", "-x", str(archive), str(root))
            root.rename(directory / name)


def _run(program: str, options: Sequence[str], *words: str, cwd: str | None = None) -> str:
    return _command(program, *(part for option in options for part in ("-o", option)), *words, cwd=cwd)


def _command(*words: str, cwd: str | None = None) -> str:
    done = subprocess.run(
        words, cwd=cwd, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600
    )
    if done.returncode:
        reason = (done.stderr.strip() or f"{words[0]} failed").splitlines()[-1]
        raise Unavailable(reason)
    return done.stdout


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    if len(words) < 2:
        sys.stderr.write((__doc__ or "").split("\n\n")[1] + "\n")
        return 2
    for package in words[1:]:
        try:
            sys.stdout.write(f"{unpacked(words[0], package)}\n")
        except Unavailable as error:
            sys.stderr.write(f"{package} of {words[0]}: {error}\n")
            return NOT_HERE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
