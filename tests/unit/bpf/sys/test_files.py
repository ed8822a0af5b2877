"""Files that are read whole, if they are regular."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf.sys.files import NotRegularError, TooLargeError, read_regular_file


class TestRegularFiles:
    def test_are_read_whole(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x" * 100)
        assert read_regular_file(str(tmp_path / "file"), 100) == b"x" * 100

    def test_may_not_be_larger_than_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x" * 101)
        with pytest.raises(TooLargeError, match="101 bytes; the limit is 100"):
            read_regular_file(str(tmp_path / "file"), 100)

    def test_that_grow_while_they_are_read_are_noticed(self) -> None:
        with pytest.raises(TooLargeError, match="grows beyond the limit of 8 bytes"):
            read_regular_file("/proc/self/status", 8)

    @pytest.mark.parametrize("path", ["/dev/zero", "/proc", "/dev/null"])
    def test_devices_and_directories_are_none(self, path: str) -> None:
        with pytest.raises(NotRegularError):
            read_regular_file(path, 100)
