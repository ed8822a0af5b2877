"""``pytc map attach``: programs of maps of sockets."""

from __future__ import annotations

import pytest

from pytc.bpf import Map
from pytc.bpf.sys.attach_points import AttachPoint, query
from pytc.bpf.sys.constants import attach_type_number
from tests.conftest import Compiler
from tests.network import Network

pytestmark = pytest.mark.kernel

MAP = ("pinned", "m:sockets")


@pytest.fixture(params=["sockmap", "sockhash"])
def sockets(network: Network, request: pytest.FixtureRequest) -> Network:
    network.ok("map", "create", "m:sockets", "type", request.param, "key", "4", "value", "4", "max_entries", "4")
    return network


@pytest.fixture
def path(build: Compiler) -> str:
    return build("attached/sockets")


def attached(network: Network, type: str) -> int:
    """Return how many programs of a type the map has."""
    with Map.from_pin(f"{network.env['TC_BPF_MNT']}/tc/sockets") as map:
        return len(query(AttachPoint(map.fd, attach_type_number(type)), links=False).programs)


def test_programs_are_attached_by_their_sections(sockets: Network, path: str) -> None:
    for section in ("sk_msg", "sk_skb/stream_parser", "sk_skb/stream_verdict"):
        sockets.ok("map", "attach", *MAP, "obj", path, "section", section)
    types = ("sk_msg_verdict", "sk_skb_stream_parser", "sk_skb_stream_verdict")
    assert [attached(sockets, type) for type in types] == [1, 1, 1]
    sockets.ok("map", "detach", *MAP, "stream_parser")
    assert [attached(sockets, type) for type in types] == [1, 0, 1]
    sockets.ok("map", "detach", *MAP, "all")
    assert [attached(sockets, type) for type in types] == [0, 0, 0]
    none = sockets.pytc("map", "detach", *MAP, "all")
    assert none.status and "has no program" in none.err


def test_a_loaded_program_needs_the_type(sockets: Network, path: str) -> None:
    sockets.ok("prog", "load", path, "section", "sk_skb/stream_verdict", "pin", "m:verdict")
    unclear = sockets.pytc("map", "attach", *MAP, "pinned", "m:verdict")
    assert unclear.status and "does not say to which hook" in unclear.err
    sockets.ok("map", "attach", *MAP, "stream_verdict", "pinned", "m:verdict")
    assert attached(sockets, "sk_skb_stream_verdict") == 1


def test_other_maps_and_programs_are_refused(network: Network, path: str) -> None:
    network.ok("map", "create", "m:sockets", "type", "hash", "key", "4", "value", "4", "max_entries", "4")
    other = network.pytc("map", "attach", *MAP, "obj", path, "section", "sk_msg")
    assert other.status and "not a sockmap or a sockhash" in other.err
    network.ok("map", "unpin", "m:sockets")
    network.ok("map", "create", "m:sockets", "type", "sockmap", "key", "4", "value", "4", "max_entries", "4")
    wrong = network.pytc("map", "attach", *MAP, "obj", path, "section", "sk_lookup")
    assert wrong.status and "does not go to" in wrong.err
