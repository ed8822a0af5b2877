"""The other loader, and objects in every form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.bpf.loaders import Bpftool, Sources
from tests.isolation import common_directory


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """``sources("legacy16", form=PLAIN)`` is the path of the object."""
    return Sources(common_directory(tmp_path_factory) / "equality")


@pytest.fixture
def bpftool(bpffs: Path) -> Bpftool:
    """bpftool, with the test's bpffs as its own."""
    return Bpftool(bpffs)
