"""The other loader, and objects in every form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.bpf.loaders import Bpftool, Sources
from tests.isolation import common_directory
from tests.toolchains import require_newest_tc

_HERE = Path(__file__).parent
#: Where nothing is compared with tc.
_WITHOUT_TC = ("bpf", "cbpf")


@pytest.fixture(autouse=True)
def newest_tc(request: pytest.FixtureRequest) -> None:
    """Compare with the newest tc, or skip the test."""
    if request.path.relative_to(_HERE).parts[0] not in _WITHOUT_TC:
        require_newest_tc()


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """``sources("legacy16", form=PLAIN)`` is the path of the object."""
    return Sources(common_directory(tmp_path_factory) / "equality")


@pytest.fixture
def bpftool(bpffs: Path) -> Bpftool:
    """bpftool, with the test's bpffs as its own."""
    return Bpftool(bpffs)
