"""The sock_ops examples: real connections between two namespaces, changed with the program and as ever without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, PATIENCE
from tests.kernel.connections import (
    ACK,
    Connection,
    Segment,
    connected,
    connection,
    serving,
    watched,
)
from tests.network import Network

pytestmark = pytest.mark.kernel

SOCKOPS = EXAMPLES / "sockops"
EXPERIMENT = 254
NOBODY = "10.9.0.77"


@pytest.fixture
def server(network: Network) -> Iterator[Network]:
    with serving(network):
        yield network


def attach(network: Network, cgroup: Path, example: str, *words: str) -> None:
    network.ok("cgroup", "attach", str(cgroup), "obj", str(SOCKOPS / f"{example}.o"), *words)


def detach(network: Network, cgroup: Path) -> None:
    network.ok("cgroup", "detach", str(cgroup), "all")
    assert network.ok("cgroup", "show", str(cgroup)) == ""


def congestion(found: Connection) -> str:
    """The first word behind the sockets' addresses and memory."""
    words = re.search(r"skmem:\(\S+\)(?: ts)?(?: sack)?(?: ecn)?(?: ecnseen)?(?: fastopen)? (\w+)", found.ss)
    assert words is not None, found.ss
    return words.group(1)


SEEN: dict[str, Callable[[Connection], object]] = {
    "iw": lambda found: found.number(r" cwnd:(\d+)"),
    "sndbuf": lambda found: found.number(r",tb(\d+)"),
    "rcvbuf": lambda found: found.number(r",rb(\d+)"),
    "congestion": congestion,
    "clamp": lambda found: found.number(r" ssthresh:(\d+)"),
}


@pytest.mark.parametrize(
    ("example", "words", "seen", "value"),
    [
        ("iw", ("set", "segments=33"), "iw", 33),
        ("buffers", ("set", "port=5001", "set", "bytes=70000"), "sndbuf", 140000),
        ("buffers", ("set", "bytes=70000"), "rcvbuf", 140000),
        ("congestion", ("set", "algorithm=reno"), "congestion", "reno"),
        ("clamp", ("set", "segments=21"), "clamp", 21),
    ],
)
def test_ss_shows_what_the_example_says(
    server: Network, cgroup: Path, example: str, words: tuple[str, ...], seen: str, value: object
) -> None:
    before = SEEN[seen](connection(server, cgroup))
    assert before != value
    if example == "clamp":  # bbr sets a limit of its own
        attach(server, cgroup, "congestion")
    attach(server, cgroup, example, *words)
    assert SEEN[seen](connection(server, cgroup)) == value
    assert SEEN[seen](connection(server, None)) == before, "who is not in the cgroup is not concerned"
    detach(server, cgroup)
    assert SEEN[seen](connection(server, cgroup)) == before


def test_buffers_of_other_ports_stay(server: Network, cgroup: Path) -> None:
    before = SEEN["sndbuf"](connection(server, cgroup))
    attach(server, cgroup, "buffers", "set", "port=5002", "set", "bytes=70000")
    assert SEEN["sndbuf"](connection(server, cgroup)) == before
    detach(server, cgroup)


def retransmission(network: Network, cgroup: Path) -> int:
    """Return the milliseconds that a socket waits between the first SYN and the second, when nobody answers.

    Each SYN after the first doubles what ss shows. Timers of the kernel expire late, by an eighth and more on a busy
    machine, and never early.
    """
    with watched(network) as wire, connected(network, cgroup, NOBODY) as found:
        first, second = wire.syns(wait=PATIENCE, at_least=2)[:2]
        timeout = found.number(r" rto:(\d+)") >> max(found.number(r" backoff:(\d+)"), 0)
    assert timeout - 10 <= (second.time - first.time) * 1000 < timeout + 600
    return timeout


def test_synrto_is_the_time_to_the_second_syn(network: Network, cgroup: Path) -> None:
    network.execute("ip", "neigh", "add", NOBODY, "lladdr", "02:00:00:00:00:77", "dev", "em1")
    assert retransmission(network, cgroup) == 1000
    attach(network, cgroup, "synrto", "set", "prefix=0x0a090000", "set", "bits=24", "set", "milliseconds=300")
    assert retransmission(network, cgroup) == 300
    detach(network, cgroup)
    attach(network, cgroup, "synrto", "set", "prefix=0x0a090080", "set", "bits=25", "set", "milliseconds=300")
    assert retransmission(network, cgroup) == 1000, "10.9.0.77 is not in 10.9.0.128/25"
    detach(network, cgroup)
    assert retransmission(network, cgroup) == 1000


def syns(network: Network, cgroup: Path | None) -> tuple[Segment, Segment]:
    """SYN and SYN-ACK of a connection."""
    with watched(network) as wire:
        connection(network, cgroup)
        syn, answer = wire.syns(wait=PATIENCE, at_least=2)
    assert not syn.flags & ACK and answer.flags & ACK
    return syn, answer


def mss(segment: Segment) -> int:
    return int.from_bytes(segment.options[2], "big")


def test_rwnd_is_the_window_that_is_offered(network: Network, cgroup: Path) -> None:
    """The client's in its SYN, the server's in its SYN-ACK; a segment of the latter has its timestamp, too."""
    with serving(network):
        before = syns(network, cgroup)
        attach(network, cgroup, "rwnd", "set", "segments=4")
        syn, answer = syns(network, cgroup)
        assert syn.window == 4 * mss(syn) != before[0].window
        assert answer.window == before[1].window
    with serving(network, cgroup):
        syn, answer = syns(network, None)
        assert syn.window == before[0].window
        assert answer.window == 4 * (mss(answer) - 12) != before[1].window
        detach(network, cgroup)
        assert [one.window for one in syns(network, cgroup)] == [one.window for one in before]


def test_hdropt_puts_a_word_into_syn_and_the_other_side_finds_it(network: Network, cgroup: Path) -> None:
    with serving(network):
        assert [EXPERIMENT in one.options for one in syns(network, cgroup)] == [False, False]
    attach(network, cgroup, "hdropt", "set", "word=0x12345678")
    with serving(network):
        syn, answer = syns(network, cgroup)
        assert syn.options[EXPERIMENT] == bytes.fromhex("707412345678") and EXPERIMENT not in answer.options
        assert network.json("map", "dump", "name", "words") == [], "the server is not in the cgroup"
    with serving(network, cgroup):
        port = connection(network, cgroup).port
        assert network.json("map", "dump", "name", "words") == [{"key": port, "value": 0x12345678}]
        connection(network, None)
        assert len(network.json("map", "dump", "name", "words")) == 1, "without the option there is nothing to find"
        detach(network, cgroup)
        assert [EXPERIMENT in one.options for one in syns(network, cgroup)] == [False, False]


def test_what_is_larger_than_an_integer_is_in_a_map(server: Network, cgroup: Path) -> None:
    attach(server, cgroup, "replylong")
    port = connection(server, cgroup).port
    found = server.json("map", "dump", "name", "replies")
    assert [one["value"] for one in found] == [{"op": 4, "family": 2, "remote_port": 5001, "local_port": port}]
    server.ok("cgroup", "detach", str(cgroup), "sock_ops", "name", "replylong")
    connection(server, cgroup)


def test_basertt_is_asked_for_by_none_of_the_algorithms_here(server: Network, cgroup: Path) -> None:
    """nv asks, which only the kernel of tests/vm has; here, that the program harms no connection."""
    attach(server, cgroup, "basertt", "set", "microseconds=5000")
    assert congestion(connection(server, cgroup)) in ("bbr", "cubic", "reno")
    detach(server, cgroup)


@pytest.mark.parametrize("source", sorted(SOCKOPS.glob("*.c")), ids=lambda path: path.stem)
def test_each_says_how_to_attach_it_and_where_to_look(source: Path) -> None:
    head = source.read_text().partition("*/")[0]
    assert f"obj examples/bpf/sockops/{source.stem}.o" in " ".join(head.split())
    assert "ss -ti" in head
