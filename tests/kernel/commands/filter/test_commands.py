"""``filter`` and ``chain`` on this kernel: echoes, brief dumps, blocks, and what is said of the odd line."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytc.commands.chain.add import AddChain
from pytc.commands.dispatch import parse_words, run
from pytc.commands.shared.context import Context
from pytc.errors import BlockNotFoundError, NetlinkError
from pytc.netlink.namespaces import enter_namespace
from pytc.render.documents import Display, Stream
from pytc.render.json import as_object
from pytc.render.text import render
from tests import processes
from tests.toolchains import old_tc

if TYPE_CHECKING:
    from pytc.render.documents import Document
    from tests.network import Network

pytestmark = pytest.mark.kernel


@pytest.fixture
def inside(network: Network) -> Iterator[Network]:
    """This process is in the namespace; em1 has clsact, em2 is of the peer."""
    with open("/proc/self/ns/net") as before:
        enter_namespace(network.name)
        assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
        try:
            yield network
        finally:
            assert ctypes.CDLL(None, use_errno=True).setns(before.fileno(), 0) == 0


def execute(line: str, *, echo: bool = False, shown: Display | None = None) -> list[Document] | None:
    words = [word.replace("_", " ") if "," in word else word for word in line.split()]
    with Context(display=(shown or Display())._replace(echo=echo)) as context:
        found = run(context, parse_words(words))
        assert not isinstance(found, Stream)
        return None if found is None else [*found]


def text(line: str, *, echo: bool = False, shown: Display | None = None) -> str:
    found = execute(line, echo=echo, shown=shown)
    assert found is not None
    return render(found)


class TestEcho:
    def test_without_it_nothing_is_shown(self, inside: Network) -> None:
        assert execute("filter add dev em1 ingress u32 match u32 0 0") is None
        assert execute("chain add dev em1 ingress chain 5") is None

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            (
                ["filter add dev em1 ingress pref 5 protocol ip u32 match u32 0 0 flowid 1:1"],
                "added filter dev em1 ingress protocol ip pref 5 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 "
                "flowid 1:1 not_in_hw \n  match 00000000/00000000 at 0\n",
            ),
            (
                ["filter replace dev em1 egress pref 5 handle 7 bpf bytecode 1,6_0_0_1 flowid 1:1"],
                "replaced filter dev em1 egress protocol all pref 5 bpf chain 0 handle 0x7 flowid 1:1 not_in_hw "
                "bytecode '1,6 0 0 1'\n",
            ),
            (
                [
                    "filter add dev em1 ingress pref 5 handle 7 bpf bytecode 1,6_0_0_1",
                    "filter change dev em1 ingress pref 5 protocol all handle 7 bpf bytecode 1,6_0_0_2 flowid 1:1",
                ],
                "filter dev em1 ingress protocol all pref 5 bpf chain 0 handle 0x7 flowid 1:1 not_in_hw "
                "bytecode '1,6 0 0 2'\n",
            ),
            (
                [
                    "filter add dev em1 ingress pref 5 handle 7 bpf bytecode 1,6_0_0_1",
                    "filter del dev em1 ingress pref 5 protocol all handle 7 bpf",
                ],
                "deleted filter dev em1 ingress protocol all pref 5 bpf chain 0 handle 0x7 not_in_hw "
                "bytecode '1,6 0 0 1'\n",
            ),
            (["chain add dev em1 ingress chain 5"], ""),  # of chains, the kernel tells only those who listen for news
        ],
    )
    def test_what_the_kernel_has_done(self, inside: Network, lines: list[str], said: str) -> None:
        *before, last = lines
        for line in before:
            execute(line)
        assert text(last, echo=True) == said

    def test_in_json(self, inside: Network) -> None:
        found = execute("filter add dev em1 ingress pref 5 u32 match u32 0 0 flowid 1:1", echo=True)
        assert found is not None
        [members] = [as_object(document) for document in found]
        assert (members["added"], members["dev"], members["ingress"], members["kind"]) == (True, "em1", True, "u32")

    def test_a_refusal_is_one(self, inside: Network) -> None:
        with pytest.raises(NetlinkError):
            execute("filter add dev em1 parent 7: u32 match u32 0 0", echo=True)


class TestBrief:
    def test_kinds_that_the_kernel_cannot_shorten(self, inside: Network) -> None:
        execute("filter add dev em1 ingress pref 5 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev lo")
        execute("filter add dev em1 ingress pref 6 bpf bytecode 1,6_0_0_1 flowid 1:1 skip_hw")
        found = text("filter show dev em1 ingress", shown=Display(brief=True))
        assert "u32 chain 0 fh 800::800 order 2048 not_in_hw \n\taction order 1: mirred \t index 1\n" in found
        assert "bpf chain 0 handle 0x1 skip_hw not_in_hw \n" in found
        assert "flowid" not in found
        assert "match" not in found


class TestBlocks:
    def test_filters_of_a_block(self, inside: Network) -> None:
        inside.execute("ip", "link", "add", "other", "type", "veth", "peer", "name", "third")
        for device in ("other", "third"):
            inside.tc("qdisc", "add", "dev", device, "ingress_block", "7", "clsact")
        execute("filter add block 7 pref 5 protocol ip u32 match u32 0 0 flowid 1:1")
        of_block = text("filter show block 7")
        assert of_block.startswith("filter protocol ip pref 5 u32 chain 0 \n")
        for device in ("other", "third"):
            assert text(f"filter show dev {device} ingress") == of_block.replace("filter ", "filter block 7 ")
        one = text("filter get block 7 pref 5 protocol ip handle 800::800 u32")
        assert one in of_block
        assert text("chain get block 7 chain 0") == "chain chain 0 \n"
        execute("filter del block 7")
        assert text("filter show block 7") == ""

    def test_a_block_that_is_not_there(self, inside: Network) -> None:
        for line in ("filter show block 9", "chain show block 9"):
            with pytest.raises(BlockNotFoundError, match='Cannot find block "9"'):
                execute(line)
        with pytest.raises(NetlinkError) as refused:
            execute("filter add block 9 u32 match u32 0 0")
        assert any("ingress_block 9 clsact" in hint for hint in refused.value.hints)


def test_show_says_that_a_handle_has_no_effect(network: Network) -> None:
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", "dev", "em1", "ingress", "u32", "match", "u32", "0", "0")
    words = ["filter", "show", "dev", "em1", "ingress", "handle", "5"]
    found = network.pytc(*words)
    assert (found.status, found.out) == (0, network.tc(*words).out)
    assert found.err.startswith("Warning: show takes no handle")


@pytest.mark.needs("old_tc")
def test_flowids_with_names(network: Network, tmp_path: object) -> None:
    """-nm: as a tc writes them that does not overlook what is in the file, as tc 7.3 does."""
    network.tc("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    network.ok("filter", "add", "dev", "em1", "parent", "1:", "u32", "match", "u32", "0", "0", "flowid", "1:1")
    names = f"{tmp_path}/names"
    with open(names, "w") as file:
        file.write("1:1 gold\n1:0 top\n")
    for options in (("-nm", "-cf", names), ("-j", "-nm", "-cf", names)):
        words = [*options, "-n", network.name, "filter", "show", "dev", "em1"]
        expected, found = processes.run(old_tc(), *words), processes.pytc(*words)
        assert found.out == expected.out.replace("*flowid", "flowid")
        assert "gold" in found.out
    assert isinstance(json.loads(found.out), list)


def test_messages_are_complete_before_anything_is_touched(inside: Network) -> None:
    """A command is a value: a wrong word behind a right filter leaves nothing."""
    before = inside.state()
    command = parse_words("chain add dev em1 ingress chain 5 u32 match u32 0 0".split())
    assert isinstance(command, AddChain)
    with pytest.raises(NetlinkError, match="templates are not supported"):
        execute("chain add dev em1 ingress chain 5 u32 match u32 0 0")
    assert inside.state() == before
