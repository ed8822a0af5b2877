"""Namespaces in which every command finds the same: devices, mounts, and files at the same paths."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.golden.pytc_process import ROOT

#: The working directory of all commands: a tmpfs with the files of tests/golden/files, and those of the examples.
DIRECTORY = Path("/mnt")
_FILES, _EXAMPLES = Path(__file__).parent / "files", ROOT / "examples"
#: /sys shows the devices of the namespace in which it is mounted; /run is where ip(8) keeps named namespaces.
_MOUNTS = (
    (b"tmpfs", str(DIRECTORY)),
    (b"tmpfs", "/run"),
    (b"sysfs", "/sys"),
    (b"bpf", "/sys/fs/bpf"),
)
_CGROUPS, _CGROUP = "/sys/fs/cgroup", f"pytc-golden-{os.getpid()}"
_STATISTICS = "/proc/sys/kernel/bpf_stats_enabled"
_NEW_MOUNTS, _NEW_NETWORK = 0x20000, 0x40000000
_BIND, _PRIVATE, _RECURSIVE, _DETACH = 1 << 12, 1 << 18, 1 << 14, 2
_SECONDS = 60
_libc = ctypes.CDLL(None, use_errno=True)
_mounted: list[str] = []


@contextmanager
def entered() -> Iterator[None]:
    """Moves this process into mounts of its own, which nobody else sees, where a cgroup of its own is the root."""
    assert not ROOT.is_relative_to(DIRECTORY), f"{DIRECTORY} is mounted over"
    switched_off = Path(tempfile.mkdtemp()) / "off"
    switched_off.write_text("0\n")
    os.environ.clear()
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LANG="C.UTF-8", TZ="UTC", HOME=str(DIRECTORY))
    os.umask(0o022)
    _must(_libc.unshare(_NEW_MOUNTS))
    _mount(b"none", "/", _PRIVATE | _RECURSIVE)
    _mount(os.fsencode(switched_off), _STATISTICS, _BIND)  # tests that run now may switch them on
    shutil.rmtree(switched_off.parent)
    _mount(b"cgroup2", str(DIRECTORY))  # where it is mounted already, it could not be mounted once more
    root = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir(_CGROUP, dir_fd=root)
    _must(_libc.umount2(os.fsencode(DIRECTORY), _DETACH))
    try:
        yield
    finally:
        os.rmdir(_CGROUP, dir_fd=root)


def renew() -> None:
    """Moves this process into a new network namespace with the devices em1 to em4, nothing in bpffs, and the files."""
    os.chdir("/")
    _must(_libc.unshare(_NEW_NETWORK))
    while _mounted:
        _must(_libc.umount2(os.fsencode(_mounted.pop()), _DETACH))
    for kind, path in _MOUNTS:
        _mount(kind, path)
        _mounted.append(path)
    _mount(b"cgroup2", str(DIRECTORY))
    _mount(os.fsencode(DIRECTORY / _CGROUP), _CGROUPS, _BIND)
    _must(_libc.umount2(os.fsencode(DIRECTORY), _DETACH))
    _mounted.append(_CGROUPS)
    for pattern in ("*/*.o", "*/*.pcap", "*/*.asm"):
        for file in _EXAMPLES.glob(pattern):
            shutil.copy(file, DIRECTORY)
    shutil.copytree(_FILES, DIRECTORY, dirs_exist_ok=True)
    os.chdir(DIRECTORY)
    with suppress(FileNotFoundError):  # IPv6 sends packets by itself
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    add_pairs(("em1", "em2"), ("em3", "em4"))


def add_pairs(*pairs: tuple[str, str]) -> None:
    """Makes pairs of veth with four queues, and sets them up."""
    queues = "numtxqueues 4 numrxqueues 4"
    lines = ["link set lo up"]
    lines += [f"link add {one} {queues} type veth peer name {other} {queues}" for one, other in pairs]
    lines += [f"link set {device} up" for pair in pairs for device in pair]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True, timeout=_SECONDS)


def _mount(source: bytes, path: str, flags: int = 0) -> None:
    _must(_libc.mount(source, os.fsencode(path), source, ctypes.c_ulong(flags), None))


def _must(failed: int) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
