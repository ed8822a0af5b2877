"""Shell scripts can fill maps, change what a program does while it runs, and read its statistics."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Compiler, Network

pytestmark = pytest.mark.kernel

SCRIPT = Path(__file__).with_name("map_script.sh")


def test_a_firewall_is_driven_by_pytc_map_alone(network: Network, build: Compiler, tmp_path: Path) -> None:
    (tmp_path / "pytc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pytc "$@"\n')
    (tmp_path / "pytc").chmod(0o755)
    network.env |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PEER": network.peer}
    outcome = network.execute("sh", str(SCRIPT), build("typed_values"))
    assert outcome.status == 0, outcome.err
    statistics, *events = outcome.out.replace("},\n{", "},{").splitlines()
    packets = {entry["key"]: entry["value"]["packets"] for entry in json.loads(statistics)}
    assert packets == {0: 2, 1: 1}
    seen = [json.loads(line)["value"] for line in events]
    assert [(event["address"], event["action"], event["note"]) for event in seen] == [
        ("10.9.0.2", "COUNT_ONLY", "the peer"), ("10.9.0.2", "DROP", "the peer")]
