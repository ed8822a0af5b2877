"""Fixtures of the tests of ``pytc map``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pytc.bpf import Map, MapSpec, MapType
from pytc.bpf.maps.map import create_map
from tests.kernel.commands.map.support import MapFactory


@pytest.fixture
def new_map() -> Iterator[MapFactory]:
    """Create maps, and close them at the end of the test."""
    with ExitStack() as owned:

        def create(type: MapType, key: int = 4, value: int = 4, entries: int = 8, **more: Any) -> Map:
            return owned.enter_context(create_map(MapSpec("numbers", type, key, value, entries, **more), "numbers"))

        yield create
