"""Runs tests/unit and tests/fuzz on each Python that pytc supports: what "make test-pythons" does.

usage: .ci/pythons.py [VERSION...] [-- PYTEST ARGUMENT...]

A Python is the machine's own, pyenv's, or a Debian release's, which `archive.py` unpacks. Each has an environment of
its own in ${XDG_CACHE_HOME:-~/.cache}/pytc-pythons. Those that are not to be had are named in one line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from archive import Unavailable, unpacked  # type: ignore[import-not-found]

from toolchains import release, suite_with  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytc-pythons"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
TESTS = ("tests/unit", "tests/fuzz")
FUZZ_COUNT = "500"
SECONDS = 3600
TIMED_OUT = 124


def interpreter(version: str) -> Path:
    """Return a Python of a version; raises Unavailable."""
    for path in _here(version):
        if not subprocess.run([path, "-c", "import venv, ssl"], check=False, capture_output=True).returncode:
            return path
    return _unpacked(version)


def _here(version: str) -> Iterator[Path]:
    """Find the Pythons of this machine, pyenv's shims aside, which run another one by choice of a file."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    found = shutil.which(f"python{version}")
    if found and "shims" not in Path(found).parts:
        yield Path(found)


def _unpacked(version: str) -> Path:
    """Return a Python of Debian with its libraries in one place; its own loader is written into a copy of it."""
    prefix = CACHE / f"debian-{version}"
    program = prefix / "bin" / f"python{version}"
    if not program.exists():
        suite = suite_with(f"python{version}")
        found = release(suite, f"python{version}")
        patchelf = unpacked("bookworm", "patchelf") / "usr/bin/patchelf"
        shutil.rmtree(prefix, ignore_errors=True)
        for directory in found.directories:
            if (directory / f"usr/lib/python{version}").is_dir():
                shutil.copytree(
                    directory / f"usr/lib/python{version}",
                    prefix / f"lib/python{version}",
                    symlinks=True,
                    dirs_exist_ok=True,
                )
        program.parent.mkdir()
        scratch = program.with_suffix(".new")
        shutil.copy(found.file(f"usr/bin/python{version}"), scratch)
        loader, _, libraries = found.launch()
        subprocess.run(
            [patchelf, "--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries, scratch], check=True
        )
        scratch.rename(program)
    return program


def environment(version: str) -> Path:
    """Return the Python of an environment with pytc and what its tests want; raises Unavailable."""
    directory = CACHE / f"venv-{version}"
    python = directory / "bin" / "python"
    stamp = directory / ".installed"
    source = ROOT / "pyproject.toml"
    if not stamp.exists() or stamp.read_text() != source.read_text() + str(ROOT):
        shutil.rmtree(directory, ignore_errors=True)
        _must(str(interpreter(version)), "-m", "venv", "--without-pip", str(directory))
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python))
        _must(*pip, "install", "--quiet", "-e", f"{ROOT}[test]")
        stamp.write_text(source.read_text() + str(ROOT))
    return python


def _must(*words: str) -> None:
    done = subprocess.run(words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Unavailable((done.stderr.strip() or f"{words[0]} failed").splitlines()[-1])


def run(version: str, arguments: Sequence[str]) -> bool:
    """Return whether the tests pass, or there is no such Python; prints one line, and the output of failures.

    The output is in VERSION.log beside the environments while the tests run.
    """
    try:
        python = environment(version)
    except Unavailable as error:
        _say(f"Python {version} is unavailable: {error}")
        return True
    start = time.monotonic()
    log = CACHE / f"{version}.log"
    with log.open("w") as output:
        done = subprocess.run(
            ["timeout", str(SECONDS), python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or TESTS)],
            cwd=ROOT,
            check=False,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTC_FUZZ_COUNT": os.environ.get("PYTC_FUZZ_COUNT", FUZZ_COUNT)},
        )
    text = log.read_text()
    last = (text.splitlines() or [""])[-1].strip("= ")
    if done.returncode:
        _say(text)
    seconds = time.monotonic() - start
    _say(f"Python {version}: {'no end' if done.returncode == TIMED_OUT else last} ({seconds:.0f} s in all)")
    return done.returncode == 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    at = list(words).index("--") if "--" in words else len(words)
    results = [run(version, words[at + 1 :]) for version in words[:at] or VERSIONS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
