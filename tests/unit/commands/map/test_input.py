"""Files of elements whose form makes them slow or large to read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytc.commands.map import input as module
from pytc.commands.map.input import Source
from pytc.errors import BpfError
from tests.processes import SOURCE, run

_LARGE = 16 << 20
#: Seconds of CPU time; what copies the rest for each piece takes ten times that.
_CPU_SECONDS = 4
_READ = """
import sys
from pytc.commands.map.input import Source
with open(sys.argv[1], "rb") as file:
    source = Source(file)
    print(len(source.head()), len(source.line()), sum(map(len, source.slices(b",\\n", 4096))))
"""


def _source(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return Source(path.open("rb"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * _LARGE + b"\nrest", f"4096 {_LARGE} 4\n"),
        (b" " * _LARGE + b"\n[]", f"2 {_LARGE} 2\n"),
        (b"\n" + b"b" * _LARGE, f"4095 0 {_LARGE}\n"),
    ],
)
def test_time_grows_with_the_size_alone(tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "file").write_bytes(data)
    words = ("prlimit", f"--cpu={_CPU_SECONDS}", sys.executable, "-c", _READ, str(tmp_path / "file"))
    assert run(*words, env=SOURCE) == (0, expected, "")


def test_slices_end_before_a_separator_wherever_reads_end(tmp_path: Path) -> None:
    data = b"a,\nbb,\nccc,\n,\nd"
    for size in range(1, len(data) + 2):
        source = _source(tmp_path / "file", data)
        parts = list(source.slices(b",\n", size))
        assert b",\n".join(parts) == data
        source = _source(tmp_path / "file", data)
        assert source.line() == b"a,"
        assert source.head() == b"bb,\nccc,\n,\nd"
        assert source.rest() == b"bb,\nccc,\n,\nd"
        assert not source.more()


@pytest.mark.parametrize("method", ["head", "line", "rest"])
def test_what_has_no_end_is_refused(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(module, "_MOST", 1 << 20)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reading)
            while True:
                os.write(writing, b" " * 4096)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file, pytest.raises(BpfError, match="1 MB that cannot be read in parts: use a file"):
        getattr(Source(file), method)()
    os.waitpid(pid, 0)
