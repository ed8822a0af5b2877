"""Shared code of the runners that boot a guest and run pytest there: .ci/vm.py (QEMU), .ci/uml.py (user-mode Linux)."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PYTHON = Path(sys.executable)
CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
#: Exit status of a runner where this machine cannot boot its guests at all.
NOT_HERE = 77
#: Commands of administrators are not on everybody's path.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_CONSOLE_LINES = 40
#: Directories of sources for newer compilers, and for a linker.
_OTHER_COMPILERS = ("newer", "linked")
#: Variables that the tests in a guest see.
PASSED_ON = ("PYTC_TC_TESTING", "PYTC_TC_TESTING_ELSEWHERE")
#: Directories of objects: of several checkouts.
_KEPT_OBJECTS = 8


class Problem(Exception):
    """A reason to stop, in one line."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_lines(stream: IO[bytes], prefix: str = "") -> None:
    """Print what a guest prints, while it does."""
    for line in stream:
        say(prefix + line.decode("utf-8", "replace").rstrip())


def split_arguments(words: Sequence[str], suites: Sequence[str], tests: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the kernels that come first in a command, and pytest's arguments, with ``tests`` where they name none."""
    known = re.compile(rf"\d+\.\d+|{'|'.join(suites)}")
    count = next((number for number, word in enumerate(words) if not known.fullmatch(word)), len(words))
    arguments = [word for word in words[count:] if word != "--"]
    if not any(word.startswith("tests/") for word in arguments):
        arguments += tests
    return list(words[:count]), arguments


def must(*words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output; raise Problem with its errors when it fails."""
    done = subprocess.run(
        words,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**(os.environ if env is None else env), "PATH": PATH},
    )
    if done.returncode:
        raise Problem(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def check_machine(target: str, commands: Sequence[tuple[str, str]], hidden: Sequence[str]) -> None:
    """Raise Problem where guests cannot run.

    ``commands`` are pairs of a command and its package; ``hidden`` are directories where a guest has its own files.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Problem(f"the guest is Linux on x86_64; this is {platform.system()} on {platform.machine()}", NOT_HERE)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Problem("the guest's kernel is a Debian package, and there is no apt here", NOT_HERE)
    if os.geteuid() != 0:
        raise Problem(f"root is needed: the guest's files belong to root; try: sudo make {target}")
    for command, package in commands:
        if shutil.which(command, path=f"{PYTHON.parent}:{PATH}") is None:
            raise Problem(f"{command} is missing; .ci/prepare installs {package}")
    for path in (CACHES, ROOT, PYTHON.parent):
        if any(path.is_relative_to(directory) for directory in hidden):
            raise Problem(f"the guest cannot see {path}; move the project, or set XDG_CACHE_HOME")


def collect(arguments: Sequence[str]) -> None:
    """Find mistakes in the tests before a boot, and leave their bytecode for the guests, which cannot write it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "--collect-only", "-q", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        raise Problem("the tests cannot be collected")
    # Processes of the tests import what these do not.
    must(PYTHON, "-m", "compileall", "-q", ROOT / "src", ROOT / "tests", ROOT / "examples", env=environment)


def built_objects(place: Path) -> Path:
    """Return a directory in ``place`` with NAME.o for every source of tests/objects, tests/vm and the verifier's
    examples, compiled.

    A compiler takes seconds in a guest. Outside, all of them take some 15 seconds; they are kept until a source or the
    compiler changes. What is returned are links: runs of other checkouts remove objects that are kept for long.
    """
    folders = [ROOT / "tests" / "objects", ROOT / "tests" / "vm", ROOT / "src/pytc/bpf/verifier"]
    sources = {
        path.relative_to(folder): path
        for folder in folders
        for path in sorted(folder.rglob("*.c"))
        if path.parent.name not in _OTHER_COMPILERS
    }
    headers = sorted(path for folder in folders for path in folder.rglob("*.h"))
    content = hashlib.sha256(f"{ROOT} {must('clang', '--version')}".encode())
    for path in (*sources.values(), *headers):
        content.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    target = CACHES / "pytc-objects" / content.hexdigest()[:16]
    with suppress(FileNotFoundError):
        os.utime(target)  # those that were used last are kept
        return _linked(target, place)
    target.parent.mkdir(parents=True, exist_ok=True)
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as scratch:

        def build(name: Path) -> None:
            output = Path(scratch) / "objects" / name.with_suffix(".o")
            output.parent.mkdir(parents=True, exist_ok=True)
            must("clang", "-O2", "-g", "-target", "bpf", include, "-c", sources[name], "-o", output)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(build, sources))
        with suppress(OSError):  # another run was faster
            (Path(scratch) / "objects").rename(target)
    linked = _linked(target, place)
    for other in sorted(target.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT_OBJECTS]:
        shutil.rmtree(other, ignore_errors=True)
    return linked


def _linked(objects: Path, place: Path) -> Path:
    return shutil.copytree(objects, place / "objects", copy_function=os.link)


def pytest_script(share: Path, objects: Path, arguments: Sequence[str]) -> str:
    """Return the end of a guest's script: it runs pytest and leaves junit.xml and its status in ``share``."""
    pytest = (
        *(str(PYTHON), "-m", "pytest", "--tb=short", "--no-summary", "-p", "no:cacheprovider", "--durations=10"),
        *("--basetemp=/dev/shm/pytc", f"--junitxml={share / 'junit.xml'}", *arguments),
    )
    environment = {
        "PYTC_IN_VM": "1",
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        "PYTC_CLIENTS": str(CACHES / "pytc-archive" / "clients"),
        "PYTC_TC_DIRECTORY": str(CACHES / "pytc-archive" / "newest"),
        "PYTC_OBJECTS": str(objects),
        "PYTC_RESULTS": str(share),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    return "\n".join(
        (
            *(f"export {name}={shlex.quote(value)}" for name, value in environment.items()),
            f"cd {shlex.quote(str(ROOT))} || exit",
            shlex.join(pytest),
            f"echo $? >{shlex.quote(str(share / 'status'))}",
        )
    )


def judge(share: Path, results: Path, ended: str) -> int:
    """Return pytest's status in a guest; raise Problem where it has none, for the reason ``ended``, or ran no test."""
    try:
        status = int((share / "status").read_text())
    except (OSError, ValueError):
        show_console(share)
        raise Problem(f"{ended}; its console is in {results / 'console.log'}") from None
    if status:
        show_console(share)
        return status
    if summary(share)[0] <= 0:
        raise Problem("no test ran in the guest")
    return 0


def summary(share: Path) -> tuple[int, int, int]:
    """Return how many tests passed, were skipped and failed, by junit.xml."""
    try:
        suites = list(ElementTree.parse(share / "junit.xml").iter("testsuite"))
    except (OSError, ElementTree.ParseError) as error:
        raise Problem(f"no results came back: {error}") from error
    tests, skipped, failures, errors = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "skipped", "failures", "errors")
    )
    return tests - skipped - failures - errors, skipped, failures + errors


def show_console(share: Path) -> None:
    """Print the last lines of the guest's console, those of its boot aside where it came so far."""
    text = (share / "console.log").read_text(errors="replace").replace("\r", "")
    lines = text.rpartition("as init process\n")[2].splitlines()
    say("\n".join(["The end of the guest's console:", *(f"  {line}" for line in lines[-_CONSOLE_LINES:])]))


def keep_results(share: Path, results: Path) -> None:
    """Copy junit.xml, console.log and the golden record to where they stay."""
    results.mkdir(parents=True, exist_ok=True)
    for name in ("junit.xml", "console.log"):
        (results / name).unlink(missing_ok=True)
        if (share / name).exists():
            shutil.copyfile(share / name, results / name)
    shutil.rmtree(results / "golden", ignore_errors=True)
    if (share / "golden").exists():
        shutil.copytree(share / "golden", results / "golden")
