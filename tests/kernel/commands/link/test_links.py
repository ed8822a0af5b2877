"""``pytc link``: what outlives what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, pins
from tests.kernel.ways import IN, tcx_programs
from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.needs("tcx")]

TRAFFIC = ("obj", str(EXAMPLES / "traffic.o"))


@pytest.fixture
def link(network: Network) -> int:
    """The id of a link at em1, pinned at m:one."""
    network.ok("tcx", "attach", *IN, "link", "m:one", *TRAFFIC)
    number = network.json("link", "show", "m:one")[0]["id"]
    assert isinstance(number, int)
    return number


def pinned(bpffs: Path) -> set[str]:
    return {path for path in pins(bpffs) if path in ("tc/one", "tc/two")}


def test_it_lasts_as_long_as_a_pin(network: Network, bpffs: Path, link: int) -> None:
    network.ok("link", "pin", str(link), "m:two")
    assert pinned(bpffs) == {"tc/one", "tc/two"}
    told = network.ok("link", "show", str(link), options=("-d",))
    assert "one" in told
    assert "two" in told
    network.ok("link", "unpin", "m:one")
    assert [one["link"] for one in tcx_programs(network)] == [link]
    network.ok("link", "unpin", "m:two")
    assert tcx_programs(network) == []
    assert network.pytc("link", "show", str(link)).status == 2


def test_a_place_that_is_taken(network: Network, bpffs: Path, link: int) -> None:
    done = network.pytc("link", "pin", str(link), "m:one")
    assert done.status == 1
    assert "File exists" in done.err
    (bpffs / "tc" / "two").mkdir()
    assert network.pytc("link", "pin", str(link), "m:two").status == 1
    assert [one["link"] for one in tcx_programs(network)] == [link]


def test_detached_it_stays_while_it_is_pinned(network: Network, bpffs: Path, link: int) -> None:
    network.ok("link", "detach", "m:one")
    assert tcx_programs(network) == []
    assert pinned(bpffs) == {"tc/one"}
    [found] = network.json("link", "show", str(link))
    assert found["defunct"] is True
    network.ok("link", "unpin", "m:one")
    assert pinned(bpffs) == set()
    done = network.pytc("link", "detach", str(link))
    assert (done.status, done.err) == (2, f"{link} is not a link: No such file or directory\n")


def test_only_links_are_unpinned(network: Network, bpffs: Path, link: int) -> None:
    program = tcx_programs(network)[0]["prog"]["id"]
    network.ok("prog", "pin", "id", str(program), "m:two")
    assert network.pytc("link", "unpin", "m:two").status == 1
    assert pinned(bpffs) == {"tc/one", "tc/two"}


@pytest.mark.parametrize("way", ["device", "detached"])
def test_the_pin_of_a_dead_link_is_named_and_replaced(network: Network, bpffs: Path, link: int, way: str) -> None:
    if way == "device":
        network.execute("ip", "link", "del", "em1")
        network.execute("ip", "link", "add", "em1", "type", "veth", "peer", "name", "other")
    else:
        network.ok("link", "detach", "m:one")
    assert "defunct" in network.ok("link", "show", "m:one")
    hint = f'Hint: link {link} is attached to nothing any more: "pytc link unpin m:one" removes its pin\n'
    assert network.pytc("tcx", "detach", *IN, "link", "m:one").err.endswith(hint)
    assert network.pytc("link", "update", "m:one", *TRAFFIC).err.endswith(hint)
    done = network.pytc("tcx", "attach", *IN, "link", "m:one", *TRAFFIC)
    assert (done.status, done.err) == (
        0,
        f'Note: link {link}, pinned at "m:one", was attached to nothing; it is replaced\n',
    )
    [attached] = tcx_programs(network)
    assert network.json("link", "show", "m:one")[0]["id"] == attached["link"] != link
    network.ok("tcx", "detach", *IN, "link", "m:one")
    assert pinned(bpffs) == set()
