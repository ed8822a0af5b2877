"""Devices by name, and by the name that tc makes of an index."""

from __future__ import annotations

import socket

import pytest

from pytc.errors import DeviceNotFoundError
from pytc.netlink.devices import device_index, hardware_type


def test_an_index_stands_for_a_name() -> None:
    index = socket.if_nametoindex("lo")
    assert device_index(f"if{index}") == device_index("lo") == index
    assert hardware_type(f"if{index}") == hardware_type("lo") == 772  # ARPHRD_LOOPBACK


@pytest.mark.parametrize("name", ["if", "if0", "if999999999", "if-1", "if1x", "if99999999999", "iflo", "eth_none"])
def test_other_names_are_no_devices(name: str) -> None:
    with pytest.raises(DeviceNotFoundError, match=name):
        device_index(name)
