"""Names of devices that may not exist."""

from __future__ import annotations

import pytest

from pytc.netlink.session import interface_name


@pytest.mark.parametrize("index", [-(1 << 31), -2, -1, 0, (1 << 31) - 1, 1 << 32, 1 << 70])
def test_an_index_that_no_device_can_have(index: int) -> None:
    assert interface_name(index) == f"if{index}"
