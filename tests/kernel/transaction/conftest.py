"""Fixtures of the tests of transactions."""

from __future__ import annotations

import pytest

from tests.conftest import Compiler
from tests.network import Network
from tests.processes import ROOT


@pytest.fixture(scope="module")
def objects(build: Compiler) -> dict[str, str]:
    return {"traffic": str(ROOT / "examples/bpf/traffic.o"), "verdicts": build("attached/verdicts")}


@pytest.fixture
def plain_network(network: Network) -> Network:
    for peer in (False, True):
        network.execute("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", peer=peer)
    return network
