"""``exec bpf import`` on a terminal says what it does; scripts are not told."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel


def imported(network: Network, socket: Path, stdout: int) -> list[str]:
    """Import what a filter exports; return what the import says before and afterwards."""
    words = (
        "ip",
        "netns",
        "exec",
        network.name,
        *PYTC,
        "exec",
        "bpf",
        "import",
        str(socket),
        "timeout",
        "60",
        "run",
        "true",
    )
    with subprocess.Popen(
        words, stdout=stdout, stderr=subprocess.PIPE, text=True, env={**os.environ, **network.env}
    ) as process:
        assert process.stderr is not None
        while not socket.exists():
            assert process.poll() is None
        object = str(EXAMPLES / "firewall.o")
        network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", object, "export", str(socket))
        said = process.stderr.read().splitlines()
    assert process.returncode == 0
    return said


def test_it_waits_and_says_what_it_got(clsact: Network, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    path = tmp_path / "maps.sock"
    assert imported(clsact, path, follower) == [
        f'Waiting at "{path}" for a filter or action that exports its maps there',
        "Received 4 maps: settings, verdicts, passed_dropped, notices",
    ]
    os.close(leader)
    os.close(follower)


def test_scripts_are_not_told(clsact: Network, tmp_path: Path) -> None:
    assert imported(clsact, tmp_path / "maps.sock", subprocess.DEVNULL) == []
