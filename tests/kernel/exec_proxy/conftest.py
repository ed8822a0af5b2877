"""Every test leaves as many descriptors as it found."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import c_program
from tests.kernel.exec_proxy.support import open_descriptors


@pytest.fixture(autouse=True)
def no_descriptors_left(root: None) -> Iterator[None]:
    before = open_descriptors()
    yield
    after = open_descriptors()
    assert not {fd: name for fd, name in after.items() if before.get(fd) != name}


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user can look into; pytest's own are closed to them."""
    directory = Path(tempfile.mkdtemp(prefix="pytc-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The C program that knows the layout of an export."""
    return c_program("agent", tmp_path_factory.mktemp("agent"))
