"""``pytc cgroup`` and ``pytc link``: TCP connections between two namespaces, with a program and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf.cgroups import mounts
from pytc.bpf.links import links
from tests.conftest import EXAMPLES, Network, cannot, pins, run

pytestmark = pytest.mark.kernel

SOCKOPS = EXAMPLES / "sockops"
SERVE = """
import socket
listener = socket.create_server(("10.9.0.2", 5001))
kept = []
print("ready", flush=True)
while True:
    kept.append(listener.accept())
"""
# Connects, and tells what the socket has: struct tcp_info has rto at 8, ssthresh at 76, cwnd at 80.
CONNECT = """
import json, socket, struct, sys, time
s = socket.socket()
s.setblocking(False)
s.connect_ex((sys.argv[1], 5001))
time.sleep(0.02)
info = s.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 104)
print(json.dumps({
    "rto": struct.unpack_from("I", info, 8)[0], "ssthresh": struct.unpack_from("I", info, 76)[0],
    "cwnd": struct.unpack_from("I", info, 80)[0], "port": s.getsockname()[1],
    "sndbuf": s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
    "rcvbuf": s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    "congestion": s.getsockopt(socket.SOL_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\\0").decode()}))
"""


@pytest.fixture
def cgroup(root: None) -> Iterator[Path]:
    """A cgroup of the test's own."""
    if not mounts():
        cannot("no cgroup2 is mounted")
    made = Path(mounts()[0]) / f"pytc-test-{os.getpid()}"
    made.mkdir()
    try:
        yield made
    finally:
        made.rmdir()


@pytest.fixture
def server(network: Network) -> Iterator[Network]:
    with subprocess.Popen(["ip", "netns", "exec", network.peer, sys.executable, "-c", SERVE], text=True,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield network
        process.kill()


def connection(network: Network, cgroup: Path, address: str = "10.9.0.2") -> dict[str, Any]:
    """Of a process that joined the cgroup first: "ip netns exec" has another /sys."""
    done = run("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(cgroup), "ip", "netns", "exec", network.name,
               sys.executable, "-c", CONNECT, address)
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    time.sleep(0.05)  # the process has left its cgroup
    return found


@pytest.mark.parametrize(("example", "words", "field", "value", "address"), [
    ("synrto", ("set", "prefix=0x0a090000", "set", "bits=24", "set", "milliseconds=300"), "rto", 300_000, "10.9.0.77"),
    ("iw", ("set", "segments=33"), "cwnd", 33, "10.9.0.2"),
    ("buffers", ("set", "port=5001", "set", "bytes=70000"), "sndbuf", 140000, "10.9.0.2"),
    ("buffers", ("set", "bytes=70000"), "rcvbuf", 140000, "10.9.0.2"),
    ("congestion", ("set", "algorithm=cubic"), "congestion", "cubic", "10.9.0.2"),
    ("clamp", ("set", "segments=21"), "ssthresh", 21, "10.9.0.2"),
])
def test_a_connection_is_changed_with_the_program_and_not_without(
        server: Network, cgroup: Path, example: str, words: tuple[str, ...], field: str, value: object,
        address: str) -> None:
    before = connection(server, cgroup, address)[field]
    assert before != value
    if example == "clamp":  # bbr sets a limit of its own
        server.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "congestion.o"))
    server.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / f"{example}.o"), *words)
    assert connection(server, cgroup, address)[field] == value
    server.ok("cgroup", "detach", str(cgroup), "all")
    assert connection(server, cgroup, address)[field] == before
    assert server.ok("cgroup", "show", str(cgroup)) == ""


def test_what_is_larger_than_an_integer_is_in_a_map(server: Network, cgroup: Path) -> None:
    server.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "replylong.o"))
    port = connection(server, cgroup)["port"]
    found = json.loads(server.ok("map", "dump", "name", "replies", options=("-j",)))
    assert [one["value"] for one in found] == [{"op": 4, "family": 2, "remote_port": 5001, "local_port": port}]
    server.ok("cgroup", "detach", str(cgroup), "sock_ops", "name", "replylong")


def test_show_and_tree_are_what_bpftool_shows(network: Network, cgroup: Path) -> None:
    for name in ("iw", "rwnd", "basertt"):
        network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / f"{name}.o"))
    theirs = json.loads(run("bpftool", "-j", "cgroup", "show", str(cgroup)).out)
    ours = json.loads(network.ok("cgroup", "show", str(cgroup), options=("-j",)))
    assert [(one["id"], one["attach_type"], one["attach_flags"], one["name"]) for one in theirs] == [
        (one["prog"]["id"], one["attach_type"], one["attach_flags"], one["prog"]["name"]) for one in ours]
    trees = json.loads(network.ok("cgroup", "tree", str(cgroup), options=("-j",)))
    assert [(one["cgroup"], one["programs"]) for one in trees] == [(str(cgroup), ours)]
    network.ok("cgroup", "detach", str(cgroup), "all")


def test_a_link_is_pinned_updated_and_leaves_nothing(server: Network, cgroup: Path, bpffs: Path) -> None:
    before = {one.id for one in links()}
    server.ok("cgroup", "attach", str(cgroup), "link", "m:iw", "obj", str(SOCKOPS / "iw.o"), "set", "segments=33")
    shown = json.loads(server.ok("link", "show", "m:iw", options=("-j",)))[0]
    theirs = json.loads(run("bpftool", "-j", "link", "show", "id", str(shown["id"])).out)
    assert (theirs["prog_id"], theirs["cgroup_id"], theirs["attach_type"]) == (
        shown["prog"]["id"], shown["cgroup_id"], shown["attach_type"])
    server.ok("link", "update", "m:iw", "obj", str(SOCKOPS / "iw.o"), "set", "segments=44")
    assert connection(server, cgroup)["cwnd"] == 44
    server.ok("cgroup", "detach", str(cgroup), "link", "m:iw")
    assert "tc/iw" not in pins(bpffs)
    assert not {one.id for one in links()} - before


def test_a_cgroup_of_version_1_is_told_from_one_of_version_2(network: Network, tmp_path: Path) -> None:
    done = network.pytc("cgroup", "attach", str(tmp_path), "obj", str(SOCKOPS / "iw.o"))
    assert done.status == 2 and "is no directory of cgroup2" in done.err
    assert f"Hint: cgroup2 is mounted at {mounts()[0]}" in done.err


def test_override_and_multi_do_not_go_together(network: Network, cgroup: Path) -> None:
    network.ok("cgroup", "attach", str(cgroup), "override", "obj", str(SOCKOPS / "iw.o"))
    done = network.pytc("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / "rwnd.o"))
    assert done.status == 2 and "another of multi, override and exclusive" in done.err
    network.ok("cgroup", "detach", str(cgroup), "all")
