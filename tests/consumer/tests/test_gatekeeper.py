"""Tests of gatekeeper, with the fixtures of pytc's plugin."""

import os
from collections.abc import Iterator

import pytest
from gatekeeper import Gate, can_redirect_to_peers, collected, guarded_devices, problem

import pytc
from pytc.testing import LibraryLoader, NetnsPair, PacketRunner

FIREWALL = os.environ["FIREWALL"]
PACKET = "eth ip src 192.0.2.7 udp"


@pytest.fixture
def gate(netns_pair: NetnsPair) -> Iterator[Gate]:
    with netns_pair.inside(), Gate(FIREWALL, "em1") as opened:
        yield opened


def test_addresses_are_kept_out(gate: Gate, run_packet: PacketRunner) -> None:
    assert gate.keep_out("192.0.2.7", "192.0.2.8") == 2
    assert gate.keep_out("192.0.2.7") == 0
    result = run_packet(gate.firewall, PACKET)
    assert result.verdict == "TC_ACT_SHOT"
    assert [attempt.source for attempt in gate.attempts()] == ["192.0.2.7"]
    run_packet(gate.firewall, PACKET)
    assert [attempt.length for attempt in collected(gate, 0.01)] == [len(result.before)]
    assert gate.dropped == 2
    assert gate.kept_out() == {"192.0.2.7": 2, "192.0.2.8": 0}


def test_a_gate_is_at_its_device(gate: Gate) -> None:
    assert guarded_devices(["em1", "lo"]) == {"em1": ["em1 ingress pref 1 handle 0x1"], "lo": []}
    assert [one.kind for one in pytc.filters("em1", "ingress")] == ["bpf"]


def test_problems_are_explained(pytc_load: LibraryLoader) -> None:
    assert problem(FIREWALL) == ""
    assert "No such file" in problem("missing.o")
    with pytest.raises(pytc.errors.NameNotFoundError):
        _ = pytc_load(FIREWALL).maps["verdict"]


def test_features() -> None:
    assert can_redirect_to_peers() in (True, False)
