"""examples/bpf/bpf.c with its actions: the commands of its header, and real packets through all three programs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import EXAMPLES
from tests.example_sources import only_one, sections, words
from tests.processes import pytc_here
from tests.vm.commands.action.test_commands import packets_in
from tests.vm.twins import new_network, tc

pytestmark = [pytest.mark.kernel, pytest.mark.needs("action:bpf", "qdisc:htb")]
HEADER = sections(EXAMPLES / "bpf.c")
UDP = 17
#: Ethernet, IPv4 without a valid checksum, UDP to port 9: 60 bytes.
DATAGRAM = (
    b"\xff" * 6
    + bytes(6)
    + b"\x08\x00"
    + bytes.fromhex("4500002e0000400040110000c0000201c0000202")
    + bytes.fromhex("03e80009001a0000")
    + bytes(18)
)
NOT_IP = b"\xff" * 6 + bytes(6) + b"\x88\xb5" + bytes(46)


@pytest.fixture(autouse=True)
def place(bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the header's commands work: beside the objects, in an empty namespace."""
    monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
    monkeypatch.chdir(EXAMPLES)
    new_network()
    yield
    tc("qdisc", "del", "dev", "em1", "root")


def run(command: str) -> Any:
    """A command of the header; what it prints, from JSON."""
    done = pytc_here("-j", *words(command))
    # Newer kernels send this warning along with their answer; older ones write it into their log.
    errors = [line for line in done.err.splitlines() if "sch_htb: quantum of class 10001 is big" not in line]
    assert (done.status, errors) == (0, []), (command, done.err)
    return json.loads(done.out or "null")


def counts(command: str) -> dict[int, dict[str, int]]:
    return {entry["key"]: entry["value"] for entry in run(command)}


def send(frame: bytes, count: int) -> int:
    """Sends frames out of em1; returns how many em2 has received."""
    before = packets_in("em2")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("em1", 0))
        for _ in range(count):
            sender.send(frame)
    return packets_in("em2") - before


def test_three_programs_on_the_same_maps() -> None:
    for command in HEADER["Attach"]:
        run(command)
    for name in ("map_proto", "map_queue", "map_drops"):
        only_one(name)
    proto, queue, choose, drops = HEADER["Read"]
    drops = drops.replace("key 1", f"key {UDP}")
    received = send(DATAGRAM, 400)
    assert counts(proto) == {UDP: {"packets": 400, "bytes": 400 * 60, "marked": 400}}
    assert sum(count["packets"] for count in counts(queue).values()) == 400
    [found] = run(drops)
    assert found["value"] == {"seen": 400, "dropped": 400 - received, "one_in": 0}, "it sees the mark of the other one"
    assert 50 < found["value"]["dropped"] < 150, "one in four"
    [*_, shown] = json.loads(pytc_here("-j", "-s", "filter", "show", "dev", "em1").out)
    marking, dropping = (action["stats"] for action in shown["options"]["actions"])
    assert (marking["packets"], marking["drops"]) == (400, 0)
    assert (dropping["packets"], dropping["drops"]) == (400, 400 - received)

    assert send(NOT_IP, 10) == 10, "no match"
    assert run(drops) == [found]
    run(choose.replace("key 1", f"key {UDP}").replace("= 2", "= 1"))
    assert send(DATAGRAM, 20) == 0
    assert run(drops)[0]["value"]["dropped"] == 420 - received
