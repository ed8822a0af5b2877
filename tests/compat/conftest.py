"""The other loader, and objects in every form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.differential import Namespace, tc_is_here
from tests.compat.filter_twins import Twins
from tests.compat.loaders import Bpftool, Sources
from tests.conftest import Network, cannot, must, run


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """``sources("legacy16", form=PLAIN)`` is the path of the object."""
    return Sources(tmp_path_factory.mktemp("equality"))


@pytest.fixture
def bpftool(bpffs: Path) -> Bpftool:
    """bpftool, with the test's bpffs as its own."""
    return Bpftool(bpffs)


@pytest.fixture
def twins(network: Network, tmp_path: Path) -> Iterator[Twins]:
    """A network namespace for tc, and one for pytc."""
    if not tc_is_here():
        cannot("tc is not installed")
    name = f"{network.name}-twin"
    must("ip", "netns", "add", name)
    (tmp_path / "twin").mkdir()
    try:
        yield Twins(Namespace(network.name, tmp_path), Namespace(name, tmp_path / "twin"))
    finally:
        run("ip", "netns", "delete", name)
