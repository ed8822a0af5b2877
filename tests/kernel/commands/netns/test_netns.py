"""``pytc netns``: programs of a network namespace, proved by connections that they refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Compiler, pins
from tests.network import Network

pytestmark = pytest.mark.kernel

#: Connects to a port on which it listens itself.
_CONNECT = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname(), timeout=5):
        print("connected")
"""


@pytest.fixture
def path(build: Compiler) -> str:
    return build("attached/sockets")


@pytest.fixture
def looped(network: Network) -> Network:
    network.execute("ip", "link", "set", "lo", "up")
    return network


def connects(network: Network) -> bool:
    return network.execute(sys.executable, "-c", _CONNECT).out == "connected\n"


def names(network: Network) -> list[str]:
    return [one["prog"]["name"] for one in network.json("netns", "show")]


def test_a_program_of_sk_lookup_refuses_connections(looped: Network, path: str) -> None:
    assert connects(looped)
    looped.ok("netns", "attach", "link", "m:refuse", "obj", path, "section", "sk_lookup")
    assert names(looped) == ["refuse"]
    assert not connects(looped)
    looped.ok("netns", "detach", "link", "m:refuse")
    assert connects(looped) and names(looped) == []
    assert "tc/refuse" not in pins(Path(looped.env["TC_BPF_MNT"]))


def test_a_link_has_an_owner(looped: Network, path: str) -> None:
    looped.ok("netns", "attach", "sk_lookup", "owner", "edge", "obj", path)
    [shown] = looped.json("netns", "show")
    assert shown["owner"] == "edge" and shown["attach_type"] == "sk_lookup"
    assert any(link["id"] == shown["link"] and link["type"] == "netns" for link in looped.json("link", "show"))
    looped.ok("link", "detach", "owner", "edge")
    assert names(looped) == [] and connects(looped)


def test_a_namespace_takes_one_flow_dissector(network: Network, path: str) -> None:
    network.ok("netns", "attach", "link", "m:dissect", "obj", path, "section", "flow_dissector")
    assert names(network) == ["dissect"]
    assert network.ping(peer=True)
    second = network.pytc("netns", "attach", "link", "m:second", "obj", path, "section", "flow_dissector")
    assert second.status and names(network) == ["dissect"]
    assert "tc/second" not in pins(Path(network.env["TC_BPF_MNT"]))
    network.ok("netns", "detach", "flow_dissector", "all")
    assert names(network) == []


def test_it_lasts_as_long_as_a_command(looped: Network, path: str) -> None:
    done = looped.pytc(
        "netns", "attach", "link", "m:x", "obj", path, "section", "sk_lookup", "hold", sys.executable, "-c", _CONNECT
    )
    assert done.status == 1 and "refused" in done.err
    assert names(looped) == [] and connects(looped)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("obj {} section sk_lookup", "a link attaches the program"),
        ("link m:x obj {} section sk_msg", "does not go to a network namespace"),
        ("link m:x owner web obj {} section sk_lookup", "does not go with"),
    ],
)
def test_what_does_not_go_there_is_refused(network: Network, path: str, line: str, message: str) -> None:
    outcome = network.pytc("netns", "attach", *line.format(path).split())
    assert outcome.status and message in outcome.err, outcome.err
    assert names(network) == []
