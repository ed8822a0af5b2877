"""``prog run ... dump``: what a program sends through ring buffers and perf events."""

from __future__ import annotations

import json

import pytest

from tests.conftest import EXAMPLES, Compiler
from tests.processes import pytc

pytestmark = pytest.mark.kernel

PRESETS = [
    *("preset", "settings", "key", "0", "value", "{", "enabled", "true", "}"),
    *("preset", "verdicts", "key", "192.0.2.7", "value", "{", "action", "DROP", "}"),
]
PACKETS = ["packet", "eth ip src 192.0.2.7 udp", "packet", "eth ip src 192.0.2.8 udp"]


def test_events_are_typed(root: None) -> None:
    words = ["prog", "run", "obj", str(EXAMPLES / "firewall.o"), *PACKETS, *PRESETS, "dump", "notices"]
    outcome = pytc(*words)
    assert outcome.status == 0, outcome.err
    assert "map notices:\n{ source 192.0.2.7 destination 10.0.0.2 length 42 protocol 17 }\n" in outcome.out
    (shown,) = json.loads(pytc("-j", *words).out)
    assert [one["source"] for one in shown["maps"]["notices"]] == ["192.0.2.7"]


@pytest.mark.needs("perf_events")
def test_perf_events(root: None, build: Compiler) -> None:
    (shown,) = json.loads(
        pytc(
            "-j", "prog", "run", "obj", build("typed_values"), *PACKETS, *PRESETS, "dump", "samples", "dump", "notices"
        ).out
    )
    assert [one["address"] for one in shown["maps"]["samples"]] == ["192.0.2.7"]
    assert shown["maps"]["samples"] == shown["maps"]["notices"]
