"""Standard streams that are closed, full, or no longer read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import strict_json
from tests.processes import ROOT, SOURCE

OBJECT = "examples/bpf/traffic.o"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """``pytc`` in a line is this tree's."""
    env = {**os.environ, **SOURCE, **environment}
    script = f'pytc() {{ "{sys.executable}" -m pytc "$@"; }}\n{line}'
    return subprocess.run(["bash", "-c", script], env=env, capture_output=True, check=False, timeout=60, cwd=ROOT)


@pytest.mark.parametrize(
    "words",
    [
        "help",
        "filter help",
        "filter add bpf help",
        "-V",
        f"object show {OBJECT}",
        f"-j object show {OBJECT}",
        f"object lint {OBJECT}",
    ],
)
@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [
        (">&-", 0, b""),
        ("<&- >/dev/null", 0, b""),
        ("<&- >&- 2>&-", 0, b""),
        (">/dev/full", 1, b"cannot write to standard output: No space left on device"),
        ("| :; exit ${PIPESTATUS[0]}", None, b""),
    ],
)
def test_output_that_goes_nowhere(words: str, redirection: str, status: int | None, said: bytes) -> None:
    done = shell(f"pytc {words} {redirection}")
    assert done.returncode in ((0, 141) if status is None else (status,)), done.stderr
    assert said in done.stderr
    assert done.stderr.count(b"\n") <= 1
    assert not done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "pytc -b /dev/null >/dev/full",
        "echo '# nothing' | pytc -b - >/dev/full",
        "pytc --atomic -b /dev/null >/dev/full",
        "pytc qdisc show dev none >/dev/full; [ $? = 1 ]",
        "pytc cbpf to-ebpf '1,6 0 0 0' write /dev/fd/3 3>/dev/null >/dev/full; [ $? = 1 ]",
    ],
)
def test_a_command_that_prints_nothing_does_not_mind_where(line: str) -> None:
    done = shell(line)
    assert done.returncode == 0, done.stderr
    assert b"standard output" not in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- >&-", "2>/dev/full >/dev/full"])
def test_an_error_that_nobody_hears_is_told_by_the_exit_status(redirection: str) -> None:
    done = shell(f"pytc filter bogus {redirection}")
    assert (done.returncode, done.stdout, done.stderr) == (255, b"", b"")


@pytest.mark.parametrize("words", ["-b -", "-b"])
def test_a_batch_from_a_closed_input_is_an_empty_one(words: str) -> None:
    done = shell(f"pytc {words} <&-")
    assert (done.returncode, done.stderr) == (0, b"")


def test_errors_in_a_batch_are_json_too() -> None:
    done = shell("printf 'bogus\\n' | pytc -j -b -")
    error, note = (json.loads(line) for line in done.stderr.splitlines())
    assert (error["kind"], note) == ("Usage", {"note": "Command failed -:1"})


@pytest.mark.parametrize(("encoding", "printed"), [("utf-8", "ä".encode()), ("ascii", b"\\xe4")])
def test_a_letter_that_the_output_lacks(encoding: str, printed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ä b.o"
    path.write_bytes((ROOT / OBJECT).read_bytes())
    done = shell(f"pytc object show '{path}'", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert printed + b" b.o" in done.stdout.splitlines()[0]


def test_json_is_utf_8_whatever_a_file_is_called(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/a\xff.o"
    with open(path, "wb") as file:
        file.write((ROOT / OBJECT).read_bytes())
    done = shell(f"pytc -j object show '{os.fsdecode(path)}'")
    assert json.loads(done.stdout.decode("utf-8"))[0]["object"].endswith("a\udcff.o"), done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_utf_8_whatever_the_locale_says(encoding: str, tmp_path: Path) -> None:
    name = "\u00e9\N{GRINNING FACE}"
    path = os.fsencode(tmp_path) + f'/{name}\\"\n'.encode()
    with open(path, "wb") as file:
        file.write((ROOT / OBJECT).read_bytes())
    for line in ('object show "$NAME"', 'cbpf disasm "$NAME" 2>&1', 'qdisc show dev "$END" 2>&1'):
        done = shell(f"pytc -j {line}", PYTHONIOENCODING=encoding, NAME=os.fsdecode(path), END=name)
        assert name in str(strict_json.value(done.stdout)), line


def test_with_json_help_is_on_standard_error() -> None:
    for line in ("pytc -j -h", "pytc -j filter help", "echo help | pytc -j -b -"):
        done = shell(line)
        assert (done.returncode, done.stdout) == (0, b"")
        assert done.stderr.startswith(b"Usage: pytc")


def test_messages_do_not_control_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "code"
    path.write_bytes(b"1,\x1b[31m\x9b\x07 0 0 0")
    done = shell(f"pytc cbpf disasm {path}")
    assert done.returncode == 1
    assert b"?[31m" in done.stderr
    assert not set(done.stderr.decode()) & {chr(n) for n in (*range(9), *range(11, 32), *range(127, 160))}


def test_build_scripts_see_that_the_loader_takes_what_libbpf_takes() -> None:
    assert b", libbpf " in shell("pytc -V").stdout
