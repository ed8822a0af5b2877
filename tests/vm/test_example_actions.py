"""examples/bpf/bpf.c with its actions: the commands of its header, and real packets through all three programs."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import EXAMPLES, must
from tests.example_sources import only_one, sections, words
from tests.kernel.exec_proxy.support import PYTC, Shell, running, until
from tests.vm.test_actions import packets_in
from tests.vm.twins import new_network, pytc, tc

pytestmark = pytest.mark.kernel
HEADER = sections(EXAMPLES / "bpf.c")
UDP = 17
#: Ethernet, IPv4 without a valid checksum, UDP to port 9: 60 bytes.
DATAGRAM = (b"\xff" * 6 + bytes(6) + b"\x08\x00" + bytes.fromhex("4500002e0000400040110000c0000201c0000202")
            + bytes.fromhex("03e80009001a0000") + bytes(18))
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
    done = pytc("-j", *words(command))
    assert (done.status, done.err) == (0, ""), (command, done.err)
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
    [*_, shown] = json.loads(pytc("-j", "-s", "filter", "show", "dev", "em1").out)
    marking, dropping = (action["stats"] for action in shown["options"]["actions"])
    assert (marking["packets"], marking["drops"]) == (400, 0)
    assert (dropping["packets"], dropping["drops"]) == (400, 400 - received)

    assert send(NOT_IP, 10) == 10, "no match"
    assert run(drops) == [found]
    run(choose.replace("key 1", f"key {UDP}").replace("= 2", "= 1"))
    assert send(DATAGRAM, 20) == 0
    assert run(drops)[0]["value"]["dropped"] == 420 - received


def test_agents_in_the_shell_of_an_import(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    must("sh", "-c", sections(EXAMPLES / "bpf_agent.c")["Build"][0].replace("-o bpf_agent", f"-o {tmp_path}/bpf_agent"))
    for command in HEADER["Attach"][:2]:
        run(command)
    wait, add = (command.replace("/tmp/bpf", str(path)) for command in HEADER["Agent"])
    with running(*PYTC, *words(wait)) as process:
        until(path.exists, "the socket", 60)
        run(add)
        received = send(DATAGRAM, 100)
        shell = Shell(process)
        shell.say(f"{tmp_path}/bpf_agent 60 >{tmp_path}/first & first=$!")
        until(lambda: (tmp_path / "first").read_text().endswith("\n\n"), "the agent's first answer", 60)
        shell.say("kill -9 $first; wait $first")
        received += send(DATAGRAM, 100)
        shell.say(f"{tmp_path}/bpf_agent 0 1 >{tmp_path}/second & "
                  f"{sys.executable} {EXAMPLES}/bpf_agent.py 0 1 >{tmp_path}/third & wait")
    assert "proto 17 packets 100 bytes 6000 marked 100\n" in (tmp_path / "first").read_text()
    second, third = ((tmp_path / name).read_text().splitlines() for name in ("second", "third"))
    assert second == third
    assert "proto 17 packets 200 bytes 12000 marked 200" in second
    assert f"drops 17 seen 200 dropped {200 - received} one_in 0" in second
