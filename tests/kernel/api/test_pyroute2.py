"""pytc beside pyroute2: its programs in pyroute2's calls, pyroute2's messages in pytc's values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute

import pytc
from pytc.errors import ArgumentError
from tests.conftest import EXAMPLES
from tests.network import Network

pytestmark = pytest.mark.kernel
_INGRESS, _CLSACT = 0xFFFFFFF2, 0xFFFF0000


@pytest.fixture
def route(network: Network) -> Iterator[IPRoute]:
    """A socket of pyroute2 in the network's namespace."""
    with pytc.netns(network.name), IPRoute() as opened:
        yield opened


def test_pyroute2_attaches_programs_of_pytc(network: Network, route: IPRoute) -> None:
    index = route.link_lookup(ifname="em1")[0]
    with pytc.load(EXAMPLES / "traffic.o") as traffic:
        program = traffic.programs.count_protocols
        route.tc("add", "clsact", index)
        route.tc(
            "add-filter",
            "bpf",
            index,
            ":1",
            fd=program.fd,
            name=program.name,
            parent="ffff:fff2",
            classid=1,
            direct_action=True,
            protocol=0x0300,
            prio=4,
        )
        (attachment,) = pytc.hooks("em1")
        assert attachment.program_id == program.id
        messages = [one for one in route.get_filters(index=index, parent=_INGRESS) if one["handle"]]
        (converted,) = [pytc.from_pyroute2(message) for message in messages]
        assert [converted] == pytc.filters("em1", "ingress")
        assert (converted.pref, converted.program_id, converted.device) == (4, program.id, "em1")
        replaced = converted.attachment()
        assert replaced is not None
        replaced.replace(traffic.programs.drop_icmp)
        assert replaced.detach()


def test_other_messages_are_refused(network: Network, route: IPRoute) -> None:
    (qdisc, *_) = route.get_qdiscs()
    with pytest.raises(ArgumentError, match="not about a filter"):
        pytc.from_pyroute2(qdisc)
    with pytest.raises(ArgumentError, match="is no message of pyroute2"):
        pytc.from_pyroute2({"attrs": []})  # type: ignore[arg-type]
