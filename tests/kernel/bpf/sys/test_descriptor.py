"""Descriptors: one owner, closed once, never the number of a standard stream."""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytc.bpf.sys.descriptor import OwnedFd
from tests.conftest import Compiler
from tests.processes import SOURCE

pytestmark = pytest.mark.kernel


def opened() -> int:
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_a_descriptor_is_closed_at_the_end_of_its_block() -> None:
    with OwnedFd(opened()) as owned:
        fd = owned.fd
        assert is_open(fd)
        assert not owned.closed
        assert owned.fileno() == fd
    assert owned.closed
    assert not is_open(fd)


def test_closing_twice_does_not_close_what_got_the_number_since() -> None:
    owned = OwnedFd(opened())
    fd = owned.fd
    owned.close()
    again = opened()
    assert again == fd
    owned.close()
    assert is_open(again)
    os.close(again)


def test_a_closed_descriptor_has_no_number() -> None:
    owned = OwnedFd(opened())
    owned.close()
    with pytest.raises(ValueError, match="the file descriptor is closed"):
        assert owned.fd
    assert repr(owned) == "OwnedFd(-1)"


def test_giving_up_ownership_leaves_it_open() -> None:
    owned = OwnedFd(opened())
    fd = owned.detach()
    owned.close()
    assert is_open(fd)
    os.close(fd)
    with pytest.raises(ValueError, match="closed"):
        owned.detach()


def test_what_nobody_holds_is_closed() -> None:
    owned = OwnedFd(opened())
    fd = owned.fd
    del owned
    gc.collect()
    assert not is_open(fd)


def test_a_descriptor_is_closed_when_the_block_raises() -> None:
    with pytest.raises(KeyError), OwnedFd(opened()) as owned:
        fd = owned.fd
        raise KeyError
    assert not is_open(fd)


CLOSED_STREAMS = """
import os, sys
closed = [int(word) for word in sys.argv[3].split()]
for fd in closed:
    os.close(fd)
from pytc.bpf import MapSpec, PinRoot, load, read_object
from pytc.bpf.maps.map import create_map
spec = read_object(sys.argv[2])
with load(spec, spec.programs[0], pins=PinRoot("/none")) as loaded:
    numbers = [m.fd for m in loaded.maps.values()] + [loaded.program.fd]
    again = {os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2) if os.path.lexists(f"/proc/self/fd/{fd}")}
with open(sys.argv[1], "w") as file:
    file.write(f"{min(numbers)} {len(numbers)} {any('bpf' in name for name in again)}")
"""


@pytest.mark.parametrize("closed", ["0", "2", "0 1 2"])
def test_maps_and_programs_stay_clear_of_closed_standard_streams(
    root: None, tmp_path: Path, closed: str, build: Compiler
) -> None:
    result = tmp_path / "result"
    subprocess.run(
        [sys.executable, "-c", CLOSED_STREAMS, str(result), build("legacy36"), closed],
        timeout=60,
        env={**os.environ, **SOURCE},
        check=False,
    )
    lowest, number, in_a_stream = result.read_text().split()
    assert (int(lowest) > 2, number, in_a_stream) == (True, "4", "False")


def test_a_descriptor_below_3_is_moved_and_its_number_closed(root: None) -> None:
    saved = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 10)
    try:
        os.close(0)
        fd = opened()
        assert fd == 0
        with OwnedFd(fd) as owned:
            assert owned.fd > 2
            assert not is_open(0)
            assert fcntl.fcntl(owned.fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    finally:
        os.dup2(saved, 0)
        os.close(saved)


def test_descriptors_do_not_reach_programs_that_are_started(root: None, build: Compiler, bpffs: Path) -> None:
    from tests.kernel.bpf.support import loaded

    with loaded(build("legacy36"), bpffs) as done:
        for fd in (done.program.fd, *(found.fd for found in done.maps.values())):
            assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_an_owner_that_a_signal_met_before_it_had_anything() -> None:
    OwnedFd.__new__(OwnedFd).__del__()
