"""Each example does what its header comment says: built, attached and read with the very commands that are there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import EXAMPLES
from tests.example_sources import sections, words
from tests.kernel.examples.test_objects import SOURCES
from tests.kernel.exec_proxy.support import Shell
from tests.network import Network
from tests.processes import PYTC, cannot, must, running
from tests.vm.commands.action.test_commands import maps_of
from tests.waiting import until

pytestmark = pytest.mark.kernel
# The keys of arrays, as the sources have them.
STEP_START, STEP_IPV4, STEP_IPV6, STEP_ICMP, STEP_UDP, STEP_NO_PROGRAM = range(6)
PACKETS, ROUNDS, MOST_ROUNDS = range(3)
PASSED, DROPPED = LET_IN, _ = range(2)
#: Says on ports 8080 to 8087, in both versions of IP, on which of them it was reached.
SERVER = """
import selectors, socket
chosen = selectors.DefaultSelector()
for port in range(8080, 8088):
    chosen.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), 1, port)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        with key.fileobj.accept()[0] as connection:
            connection.recv(1)
            connection.sendall(b"%d" % key.data)
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.sendall(b"?")
    print(connection.recv(99).decode())
"""
DATAGRAMS = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    for _ in range(3):
        sender.sendto(b"x", ("10.9.0.1", 9))
"""


class Example:
    """An example in a directory of its own, built there by the command of its header; commands run there."""

    def __init__(self, name: str, network: Network) -> None:
        self.sections = sections(EXAMPLES / f"{name}.c")
        self.network = network
        for command in self.sections["Build"]:
            must("sh", "-c", command)

    def attach(self) -> None:
        for command in self.sections["Attach"]:
            self.run(command)

    def run(self, command: str, *options: str) -> str:
        """A command of the header, without the actions, which this kernel may lack; what it prints.

        A map that it names is the one of this network's filters: others may have maps of that name.
        """
        command = re.sub(r"\bname (\S+)", lambda found: f"id {self.map_id(found[1])}", command)
        return self.network.ok(*words(command.partition(" action bpf ")[0]), options=options)

    def map_id(self, name: str) -> int:
        """The id of a map of the filters of em1."""
        shown = [
            json.loads(self.network.ok("filter", "show", "dev", "em1", *hook, options=("-j",)) or "[]")
            for hook in ((), ("ingress",), ("egress",))
        ]
        programs = {
            one["options"]["prog"]["id"] for filters in shown for one in filters if "prog" in one.get("options", {})
        }
        [found] = {number for program in programs for number in maps_of(program, name)}
        return found

    def read(self) -> list[Any]:
        """Return the parsed JSON of the reading commands."""
        return [json.loads(self.run(command, "-j") or "null") for command in self.sections["Read"]]

    def counts(self, index: int = 0) -> dict[Any, Any]:
        """{key: value} of what the command with that index dumps."""
        return {entry["key"]: entry["value"] for entry in json.loads(self.run(self.sections["Read"][index], "-j"))}


@pytest.fixture
def example(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Example]:
    """``example("shaper")``."""
    if shutil.which("clang") is None:
        cannot("clang is not installed")
    for path in EXAMPLES.iterdir():
        if path.suffix in (".c", ".h", ".py"):
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda name: Example(name, network)


@pytest.mark.parametrize("name", SOURCES)
def test_the_header_says_how(name: str) -> None:
    found = sections(EXAMPLES / f"{name}.c")
    if name == "unchecked":  # the kernel refuses it, which is what it is for
        assert found.keys() == {"Build", "Try"}
    else:
        assert {"Build", "Attach"} <= found.keys()
        assert {"Read", "Test"} & found.keys()


class TestCounting:
    def test_mark_stats(self, example: Callable[[str], Example]) -> None:
        marks = example("mark_stats")
        marks.attach()
        assert marks.network.ping(count=3, mark=7)
        assert marks.network.ping(count=2, mark=8)
        assert marks.network.ping(count=1, mark=256)
        found = marks.counts()
        assert (found[7], found[8]) == ({"packets": 3, "bytes": 294}, {"packets": 2, "bytes": 196})

    def test_shaper(self, example: Callable[[str], Example]) -> None:
        shaper = example("shaper")
        shaper.attach()
        must("ip", "-n", shaper.network.name, "neigh", "del", "10.9.0.2", "dev", "em1")  # to send ARP
        assert shaper.network.ping(count=3)
        classes, queue = shaper.read()
        packets = {found["handle"]: found["stats"]["packets"] for found in classes}
        counts = {entry["key"]: entry["value"] for entry in queue}
        assert (packets["1:20"], counts[1]) == (3, 3)
        assert packets["1:10"] == counts[0]
        assert 0 < packets["1:30"] <= counts[2], "ARP at least"

    def test_traffic(self, example: Callable[[str], Example]) -> None:
        traffic = example("traffic")
        traffic.attach()
        assert not traffic.network.ping(count=2)
        assert traffic.network.ping(count=3, peer=True)
        protocols, variables, drops = traffic.read()
        counts = {entry["key"]: entry["value"] for entry in protocols}
        assert counts[1] == {"packets": 3, "bytes": 3 * 84}
        assert variables[0]["value"]["total_packets"] >= 3
        assert drops[0]["value"] >= 2, "ping tries again what the kernel did not take"

    def test_bpf(self, example: Callable[[str], Example]) -> None:
        """The classifier; with its actions in tests/vm."""
        flows = example("bpf")
        flows.attach()
        assert flows.network.ping(count=3)
        counts, queues = flows.counts(0), flows.counts(1)
        assert counts[1] == {"packets": 3, "bytes": 294, "marked": 0}
        total = sum(count["packets"] for count in counts.values())
        assert sum(count["packets"] for count in queues.values()) >= total


def test_firewall(example: Callable[[str], Example]) -> None:
    firewall = example("firewall")
    firewall.attach()
    assert firewall.network.ping(peer=True)
    for command in firewall.sections["Read"]:
        firewall.run(command.replace("192.0.2.7", "10.9.0.2"))
    assert not firewall.network.ping(peer=True, count=2)
    passed, dropped = firewall.counts(-1).values()
    assert (passed["packets"], dropped["packets"]) == (0, 2)


class TestRedirect:
    @contextmanager
    def server(self, network: Network) -> Iterator[None]:
        for name, device, address in ((network.name, "em1", "fd00::1/64"), (network.peer, "em2", "fd00::2/64")):
            must("ip", "-n", name, "addr", "add", address, "dev", device, "nodad")
        with running("ip", "netns", "exec", network.name, sys.executable, "-c", SERVER) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield

    @pytest.mark.parametrize("address", ["10.9.0.1", "fd00::1"])
    def test_there_and_back(self, example: Callable[[str], Example], address: str) -> None:
        redirect = example("redirect")
        with self.server(redirect.network):
            assert "refused" in self.ask(redirect.network, address, 80)
            redirect.attach()
            port = int(self.ask(redirect.network, address, 80))
            assert self.ask(redirect.network, address, 8080) == "8080\n"
        ports = redirect.counts()
        assert {8080 + number for number, value in ports.items() if value != {"in": 0, "out": 0}} == {port}
        # At least SYN, ACK, the question and FIN one way, SYN-ACK, the answer and FIN the other.
        assert ports[port - 8080]["in"] >= 4
        assert ports[port - 8080]["out"] >= 3
        [connection] = redirect.read()[1]
        assert connection["value"] == port - 8080

    def ask(self, network: Network, address: str, port: int) -> str:
        """A connection from the other namespace: the answer, or the error."""
        outcome = network.execute(sys.executable, "-c", CLIENT, address, str(port), peer=True)
        return outcome.out or outcome.err


class TestProgramArrays:
    def test_tail_calls(self, example: Callable[[str], Example]) -> None:
        tails = example("tailcall")
        network = tails.network
        assert network.ping(peer=True), "neighbours know each other"
        tails.attach()
        assert not network.ping(peer=True, count=2)
        assert network.execute(sys.executable, "-c", DATAGRAMS, peer=True).status == 0
        assert "refused" in network.execute(sys.executable, "-c", CLIENT, "10.9.0.1", "7", peer=True).err
        found = tails.counts()
        assert (found[STEP_ICMP], found[STEP_UDP]) == (2, 3)
        assert found[STEP_IPV4] == 6, "and a TCP packet that no program is there for"
        assert found[STEP_START] == found[STEP_ICMP] + found[STEP_UDP] + found[STEP_NO_PROGRAM]
        assert sorted(tails.counts(1)) == [1, 17]

    def test_cyclic(self, example: Callable[[str], Example]) -> None:
        cycle = example("cyclic")
        cycle.attach()
        assert cycle.network.ping(count=3)
        found = cycle.counts()
        assert found[PACKETS] >= 3
        assert found[ROUNDS] == 33 * found[PACKETS]
        assert found[MOST_ROUNDS] == 33

    def test_graft(self, example: Callable[[str], Example]) -> None:
        graft = example("graft")
        qdisc, add, drop, let_pass = graft.sections["Attach"]
        graft.run(qdisc)
        graft.run(add)
        assert graft.network.ping(peer=True)
        assert graft.counts() == {PASSED: 0, DROPPED: 0}, "the slot is empty"
        graft.run(drop)
        assert not graft.network.ping(peer=True, count=2)
        assert graft.counts()[DROPPED] >= 2
        graft.run(let_pass)
        assert graft.network.ping(peer=True, count=3)
        assert graft.counts()[PASSED] >= 3
        graft.run(graft.sections["Read"][1])
        passed = graft.counts()[PASSED]
        assert graft.network.ping(peer=True)
        assert graft.counts()[PASSED] == passed, "no program again"


def test_map_in_map(example: Callable[[str], Example]) -> None:
    exchange = example("map_in_map")
    exchange.attach()
    to_odd, even, to_even, odd = exchange.sections["Read"]

    def value(command: str) -> int:
        number = json.loads(exchange.run(command, "-j"))[0]["value"]
        assert isinstance(number, int)
        return number

    assert exchange.network.ping(count=2)
    assert (value(even), value(odd)) == (2, 0)
    exchange.run(to_odd)
    assert exchange.network.ping(count=3)
    assert (value(even), value(odd)) == (2, 3), "at rest"
    exchange.run(to_even)
    assert exchange.network.ping()
    assert (value(even), value(odd)) == (3, 3)


def test_shared(example: Callable[[str], Example]) -> None:
    shared = example("shared")
    shared.attach()
    assert not shared.network.ping(peer=True, count=2)
    assert shared.network.ping()
    assert shared.network.ping(peer=True, count=3)
    peers, answers = shared.read()
    assert {entry["key"]: entry["value"] for entry in peers}["::10.9.0.2"] >= 4
    counts = {entry["key"]: entry["value"] for entry in answers}
    assert (counts[LET_IN] >= 4, counts[DROPPED] >= 2) == (True, True)


class TestAgents:
    @contextmanager
    def session(self, made: Example) -> Iterator[Shell]:
        """The header's commands for agents work in the shell of an import, once the filter has exported."""
        path = Path("bpf").absolute()
        wait, add = (command.replace("/tmp/bpf", str(path)) for command in made.sections["Agent"])
        with running(*PYTC, *words(wait)) as process:
            until(path.exists, "the socket")
            made.run(add)
            yield Shell(process)

    @pytest.mark.parametrize(("name", "variable"), [("mark_stats", "BPF_MAP1"), ("shaper", "BPF_MAP0")])
    def test_the_shell_has_the_map(self, example: Callable[[str], Example], name: str, variable: str) -> None:
        made = example(name)
        made.run(made.sections["Attach"][0])
        with self.session(made) as shell:
            assert [int(fd) for fd in shell.say(f"echo ${variable}")]
            assert shell.say("echo $BPF_NUM_MAPS") == ["1"]

    def test_the_agents_of_bpf(self, example: Callable[[str], Example]) -> None:
        """Ended and started again, two at a time, in C and in Python, also after the filter is gone."""
        flows = example("bpf")
        for command in flows.sections["Attach"][:2]:
            flows.run(command)
        must("sh", "-c", sections(EXAMPLES / "bpf_agent.c")["Build"][0])
        in_python = f"{sys.executable} bpf_agent.py"
        with self.session(flows) as shell:
            assert sorted(line.split("=")[0] for line in shell.say("env | grep -E '^BPF_(MAP[0-9]|NUM)'")) == [
                "BPF_MAP0",
                "BPF_MAP1",
                "BPF_MAP2",
                "BPF_NUM_MAPS",
            ]
            assert flows.network.ping(count=5)
            shell.say("./bpf_agent 60 >first & first=$!")
            until(lambda: self.icmp("first") == 5, "the agent's first answer")
            shell.say("kill -9 $first; wait $first")
            assert flows.network.ping(count=2)
            shell.say("./bpf_agent 0 1 >again")
            assert self.icmp("again") == 7, "the counters outlive the agent"
            shell.say(f"./bpf_agent 0 3 >first & {in_python} 0 3 >second & wait")
            for name in ("first", "second"):
                assert Path(name).read_text().count("proto 1 packets 7 bytes 686 marked 0\n") == 3
            shell.say("./bpf_agent one-in 17 9")
            assert "drops 17 seen 0 dropped 0 one_in 9" in shell.say(f"{in_python} 0 1")
            shell.say(f"{in_python} one-in 17 8")
            flows.network.ok("filter", "del", "dev", "em1", "parent", "1:")
            assert "drops 17 seen 0 dropped 0 one_in 8" in shell.say("./bpf_agent 0 1"), "as do the maps the filter"

    def icmp(self, name: str) -> int:
        """The packets of ICMP in a file with an agent's answer; 0 while there is none."""
        lines = Path(name).read_text().splitlines() if Path(name).exists() else []
        return next((int(line.split()[3]) for line in lines if line.startswith("proto 1 packets")), 0)

    @pytest.mark.parametrize("words_", [["one-in"], ["one-in", "1", "x"], ["x"], ["1", "2", "3"]])
    def test_wrong_words(self, example: Callable[[str], Example], words_: list[str]) -> None:
        must("sh", "-c", sections(EXAMPLES / "bpf_agent.c")["Build"][0])
        flows = example("bpf")
        for command in flows.sections["Attach"][:2]:
            flows.run(command)
        with self.session(flows) as shell:
            line = " ".join(words_)
            assert shell.say(f"./bpf_agent {line} 2>&1; echo $?")[-1] == "255"
            said = shell.say(f"{sys.executable} bpf_agent.py {line} 2>&1; echo $?")
            assert said[-1] == "1" and not any("Traceback" in one for one in said)

    def test_without_maps(self, example: Callable[[str], Example]) -> None:
        must("sh", "-c", sections(EXAMPLES / "bpf_agent.c")["Build"][0])
        for command in (["./bpf_agent"], [sys.executable, "bpf_agent.py"]):
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "BPF_MAP0": "1"}
            )
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1
            assert "BPF_MAP0" in done.stderr or "not a map" in done.stderr or "descriptor" in done.stderr
