"""Room for the kernel's log: only what is written takes memory, and the end of a long log is what is kept."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from pytc.bpf.sys.log_buffer import LOG_SIZES, LogBuffer


def resident() -> int:
    """The bytes of memory that this process takes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_a_gigabyte_takes_no_memory_until_it_is_written() -> None:
    before = resident()
    with LogBuffer(LOG_SIZES[-1]) as buffer:
        ctypes.memmove(buffer.address, b"R0 !read_ok\n", 12)
        assert buffer.text() == ("R0 !read_ok\n", 0)
        assert resident() - before < 1 << 26


@pytest.mark.parametrize(
    ("log", "most", "text", "left_out"),
    [
        ("", 0, "", 0),
        ("", 5, "", 0),
        ("one\ntwo\n", 0, "one\ntwo\n", 0),
        ("one\ntwo\n", 8, "one\ntwo\n", 0),
        ("one\ntwo\n", 7, "two\n", 1),
        ("one\ntwo\nthree\n", 7, "three\n", 2),
        ("one\ntwo\nthree\n", 6, "", 3),
        ("no line break", 5, "no line break", 0),
    ],
)
def test_the_end_is_kept_in_whole_lines(log: str, most: int, text: str, left_out: int) -> None:
    with LogBuffer(4096) as buffer:
        ctypes.memmove(buffer.address, log.encode(), len(log))
        assert buffer.text(most) == (text, left_out)


def test_lines_of_a_long_log_are_counted() -> None:
    log = b"0123456789abcde\n" * (1 << 17)  # 2 MB
    with LogBuffer(1 << 22) as buffer:
        ctypes.memmove(buffer.address, log, len(log))
        assert buffer.text(160) == ("0123456789abcde\n" * 9, (1 << 17) - 9)


def test_a_full_buffer_needs_no_zero() -> None:
    with LogBuffer(4096) as buffer:
        ctypes.memmove(buffer.address, b"x" * 4096, 4096)
        assert buffer.text() == ("x" * 4096, 0)
