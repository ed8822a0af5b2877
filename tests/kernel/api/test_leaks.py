"""Loading, attaching and detaching, over and over: neither descriptors nor memory are left behind."""

from __future__ import annotations

import gc
import os
import resource

import pytest

import pytc
from tests.conftest import EXAMPLES
from tests.network import Network

pytestmark = pytest.mark.kernel

WARM_UP = 20
#: Bytes by which the process may grow: an allocator's page here and there, and not a kilobyte for each round.
GROWTH = 4 << 20


@pytest.mark.parametrize("rounds", [50, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_rounds_leave_nothing_behind(kernel_with_tcx: None, network: Network, rounds: int) -> None:
    image = (EXAMPLES / "firewall.o").read_bytes()
    with pytc.netns(network.name):
        for _ in range(WARM_UP):
            once(image)
        gc.collect()
        descriptors, memory = len(os.listdir("/proc/self/fd")), resident()
        programs = {one.id for one in pytc.programs(name="firewall")}
        for _ in range(rounds):
            once(image)
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert resident() - memory < GROWTH
        assert not [one for one in pytc.hooks("em1") if one.program_id not in programs]


def once(image: bytes) -> None:
    """Load, attach in two ways, use maps, events and variables, and detach."""
    with pytc.load(image, pin=False) as firewall:
        program = firewall.programs.firewall
        with program.attach_filter("em1", "ingress") as filter, program.attach_tcx("em1", "ingress", link=True) as tcx:
            assert filter.pref
            assert tcx.link_id
        firewall.maps.settings[0] = {"enabled": True}
        firewall.maps.verdicts["192.0.2.7"] = {"action": "DROP"}
        with firewall.maps.notices.events(timeout=0) as events:
            assert program.run("eth ip src 192.0.2.7 udp").verdict == "TC_ACT_SHOT"
            assert [event.source for event in events] == ["192.0.2.7"]


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
