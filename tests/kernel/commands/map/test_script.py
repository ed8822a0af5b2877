"""Shell scripts can fill maps, change what a program does while it runs, and read its statistics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, PATIENCE, Compiler
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel

SCRIPT = Path(__file__).with_name("script.sh")


def test_a_shell_that_imported_maps_reaches_them(network: Network, tmp_path: Path) -> None:
    """The maps of an object without pins: only the shell of ``exec bpf import`` holds them."""
    socket, python = str(tmp_path / "socket"), f'"{sys.executable}" -m pytc'
    script = (
        f"{python} map set map protocols key 250 value {{ packets 7 }}; {python} map get map protocols key 250; "
        f"{python} map get map traffic.data value.counting; {python} map dump map 1"
    )
    words = [
        "ip",
        "netns",
        "exec",
        network.name,
        *PYTC,
        "exec",
        "bpf",
        "import",
        socket,
        "run",
        "sh",
        "-c",
        script,
    ]
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    with subprocess.Popen(words, env={**os.environ, **network.env}, stdout=subprocess.PIPE, text=True) as shell:
        try:
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists(socket):
                assert shell.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            network.ok(
                "filter",
                "add",
                "dev",
                "em1",
                "ingress",
                "bpf",
                "da",
                "obj",
                str(EXAMPLES / "traffic.o"),
                "export",
                socket,
            )
            said, _ = shell.communicate(timeout=60)
        finally:
            shell.kill()
    assert said.splitlines() == ["{ packets 7 bytes 0 }", "1", "key 0 value 0"]


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
        ("10.9.0.2", "COUNT_ONLY", "the peer"),
        ("10.9.0.2", "DROP", "the peer"),
    ]
