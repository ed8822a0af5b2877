"""Fixtures of tests that call pytc in their own process: a process of its own takes long in a guest."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Compiler


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """``build("legacy16")`` is the path of the object, for tests that load it."""
    return Compiler(tmp_path_factory.mktemp("objects"), for_kernel=True)


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
