"""Fixtures of the tests that attach programs."""

from __future__ import annotations

import pytest

from tests.conftest import Compiler, Network, run


@pytest.fixture
def tcx(network: Network, build: Compiler) -> str:
    """The object; em1 has an address of its peer, so that pings are IPv4 and nothing else."""
    for name, device in ((network.name, "em1"), (network.peer, "em2")):
        run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
    assert network.ping()
    return build("tcx")
