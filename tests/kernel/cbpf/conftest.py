"""A veth pair for frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Network
from tests.kernel.cbpf.support import Wire


@pytest.fixture
def wire(network: Network) -> Iterator[Wire]:
    made = Wire(network)
    try:
        yield made
    finally:
        made.close()
