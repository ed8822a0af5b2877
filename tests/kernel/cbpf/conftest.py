"""A veth pair for frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.cbpf.support import Wire
from tests.network import Network


@pytest.fixture
def wire(network: Network) -> Iterator[Wire]:
    made = Wire(network)
    try:
        yield made
    finally:
        made.close()
