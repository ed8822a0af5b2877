"""Sockets that a service manager passes to the agent: what arrived before it has started is taken."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES
from tests.network import Network
from tests.processes import ROOT
from tests.waiting import until

pytestmark = pytest.mark.kernel

#: Becomes the agent, with the sockets that are passed as 3 and 4.
_START = 'exec 3<&"$1" 4<&"$2"; LISTEN_FDS=2 LISTEN_PID=${3:-$$} exec "$4" -m pytc exec bpf agent "$5"'


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The sockets of pytc-agent.socket, as descriptors that are not in the way of 3 and 4."""
    with ExitStack() as opened:
        numbers = []
        for name, kind in (("maps", socket.SOCK_DGRAM), ("maps.control", socket.SOCK_SEQPACKET)):
            made = opened.enter_context(socket.socket(socket.AF_UNIX, kind))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            made.bind(str(tmp_path / name))
            os.chmod(tmp_path / name, 0o600)
            if kind == socket.SOCK_SEQPACKET:
                made.listen(16)
            numbers.append(fcntl.fcntl(made.fileno(), fcntl.F_DUPFD, 50))
        yield numbers[0], numbers[1]
        for number in numbers:
            os.close(number)


def agent(sockets: tuple[int, int], path: Path, pid: str = "") -> subprocess.Popen[str]:
    words = ("bash", "-c", _START, "bash", *map(str, sockets), pid, sys.executable, str(path))
    return subprocess.Popen(words, cwd=ROOT, pass_fds=sockets, stderr=subprocess.PIPE, text=True)


def listed(network: Network, path: Path) -> list[str]:
    return [one["object"] for one in network.json("exec", "bpf", "agent", str(path), "list")]


def export(network: Network, path: Path) -> None:
    words = ("bpf", "da", "obj", str(EXAMPLES / "traffic.o"), "export", str(path))
    network.ok("--create-clsact", "-n", network.name, "filter", "add", "dev", "em1", "ingress", *words)


def test_what_was_exported_before_is_there(network: Network, sockets: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "maps"
    export(network, path)
    for count in (1, 2):  # the sockets outlive the agent
        with agent(sockets, path) as process:
            until(lambda: len(listed(network, path)) == 1)
            assert listed(network, path)[0].endswith("traffic.o")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 0
        assert path.exists() and (tmp_path / "maps.control").exists(), "they belong to the service manager"
        if count == 1:
            export(network, path)


def test_sockets_for_another_process_are_left_alone(sockets: tuple[int, int], tmp_path: Path) -> None:
    """Their paths are in use then."""
    with agent(sockets, tmp_path / "maps", pid="1") as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode and "maps" in said
