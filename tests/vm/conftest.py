"""Where these tests run: in the guest that .ci/vm.py boots, with objects that it has built outside."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytc.bpf.maps.pinning import mount_bpffs

IN_VM = bool(os.environ.get("PYTC_IN_VM"))
_DETACH = 2


@pytest.fixture(scope="session", autouse=True)
def in_vm() -> None:
    """Anywhere else these are skipped, also where everything must run: they have a command of their own."""
    if not IN_VM:
        pytest.skip("runs in the VM: make test-vm")


@pytest.fixture(autouse=True)
def own_network(in_vm: None) -> Iterator[None]:
    """A test that makes network namespaces leaves this process in the one in which it began."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open("rb") as before:
        yield
        assert libc.setns(before.fileno(), 0) == 0, os.strerror(ctypes.get_errno())


@pytest.fixture(scope="session")
def objects(in_vm: None) -> Callable[[str], str]:
    """``objects("legacy16")`` is the path of the object, which clang made before the boot."""
    directory = Path(os.environ["PYTC_VM_OBJECTS"])
    return lambda name: str(directory / f"{name}.o")


@pytest.fixture
def bpffs(in_vm: None, tmp_path: Path) -> Iterator[Path]:
    """A bpffs of the test's own, without running mount(8): processes are slow to start here."""
    mount = tmp_path / "bpffs"
    mount_bpffs(str(mount))
    yield mount
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.umount2(os.fsencode(mount), _DETACH) == 0, os.strerror(ctypes.get_errno())
