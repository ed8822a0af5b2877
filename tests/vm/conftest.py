"""Fixtures of tests that call pytc in their own process: a process of its own takes long in a guest."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytc.bpf.pinning import mount_bpffs
from tests.conftest import Compiler

_DETACH = 2


@pytest.fixture(autouse=True)
def own_network(root: None) -> Iterator[None]:
    """A test that makes network namespaces leaves this process in the one in which it began."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open("rb") as before:
        yield
        assert libc.setns(before.fileno(), 0) == 0, os.strerror(ctypes.get_errno())


@pytest.fixture(scope="session")
def objects(build: Compiler) -> Callable[[str], str]:
    """``objects("legacy16")`` is the path of the object."""
    return build


@pytest.fixture
def bpffs(root: None, tmp_path: Path) -> Iterator[Path]:
    """A bpffs of the test's own, without running mount(8)."""
    mount = tmp_path / "bpffs"
    mount_bpffs(str(mount))
    yield mount
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.umount2(os.fsencode(mount), _DETACH) == 0, os.strerror(ctypes.get_errno())
