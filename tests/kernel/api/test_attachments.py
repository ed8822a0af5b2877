"""Attachments as values: they detach themselves and nobody else, can be replaced and kept, and are found again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pytc
from pytc.errors import ArgumentError, AttachError, NetlinkError, QdiscConflictError
from tests.conftest import EXAMPLES, Compiler
from tests.network import Network

pytestmark = pytest.mark.kernel


@pytest.fixture
def traffic(network: Network) -> Iterator[pytc.Object]:
    """Two programs, in the network's namespace."""
    with pytc.netns(network.name), pytc.load(EXAMPLES / "traffic.o") as loaded:
        yield loaded


def test_a_filter_lives_as_long_as_its_block(network: Network, traffic: pytc.Object) -> None:
    program = traffic.programs.count_protocols
    with program.attach_filter("em1", "ingress", pref=7, handle=3, chain=2) as attachment:
        assert (attachment.pref, attachment.handle, attachment.chain, attachment.kind) == (7, 3, 2, "filter")
        assert repr(attachment) == (
            f"<FilterAttachment em1 ingress chain 2 pref 7 handle 0x3 program {program.id} 'count_protocols'>"
        )
        assert attachment.is_attached()
        assert attachment.program is not None
        assert attachment.program.tag == program.tag
        (shown,) = [one for one in network.json("filter", "show", "dev", "em1", "ingress") if "options" in one]
        assert shown["options"]["direct-action"]
    assert network.json("filter", "show", "dev", "em1", "ingress") == []
    assert network.json("qdisc", "show", "dev", "em1", "clsact")  # which it has made
    assert not attachment.is_attached()
    assert not attachment.detach()


def test_what_is_kept_stays(network: Network, traffic: pytc.Object) -> None:
    with traffic.programs.drop_icmp.attach_filter("em1", "egress") as attachment:
        attachment.keep()
    assert attachment.is_attached()
    assert not network.ping()
    assert attachment.detach()
    assert network.ping()


def test_a_filter_is_replaced_in_its_place(network: Network, traffic: pytc.Object) -> None:
    programs = traffic.programs
    with programs.drop_icmp.attach_filter("em1", "egress", pref=3) as attachment:
        assert not network.ping()
        attachment.replace(programs.count_protocols)
        assert network.ping()
        assert (attachment.program_id, attachment.change) == (programs.count_protocols.id, "replaced")
        assert attachment.is_attached()
        network.ok("filter", "del", "dev", "em1", "egress", "pref", "3")
        with pytest.raises(AttachError, match="detached or replaced"):
            attachment.replace(programs.drop_icmp)


def test_what_others_have_replaced_is_left_alone(network: Network, traffic: pytc.Object) -> None:
    programs = traffic.programs
    first = programs.count_protocols.attach_filter("em1", "ingress", pref=3)
    second = pytc.hooks("em1")[0]
    second.replace(programs.drop_icmp)
    assert not first.is_attached()
    assert not first.detach()
    assert second.is_attached()
    assert second.detach()


def test_filters_are_ensured(network: Network, traffic: pytc.Object, build: Compiler) -> None:
    changes = [traffic.programs.drop_icmp.ensure_filter("em1", "egress").change for _ in range(3)]
    assert changes == ["attached", "unchanged", "unchanged"]
    with pytc.load(EXAMPLES / "traffic.o", set={"header_bytes": 0}) as other:
        assert other.programs.drop_icmp.ensure_filter("em1", "egress").change == "unchanged"  # the same code
        fixed = other.programs.count_protocols.ensure_filter("em1", "egress", pref=9, handle=1)
        assert fixed.change == "attached"
        replaced = other.programs.drop_icmp.ensure_filter("em1", "egress", pref=9, handle=1)
        assert (replaced.change, replaced.pref) == ("replaced", 9)
        assert replaced.program_id == other.programs.drop_icmp.id
    assert len([one for one in pytc.hooks("em1") if one.kind == "filter"]) == 2


def test_errors_of_filters(network: Network, traffic: pytc.Object) -> None:
    program = traffic.programs.drop_icmp
    with pytest.raises(ArgumentError, match='"sideways" is no place for filters'):
        program.attach_filter("em1", "sideways")
    with pytest.raises(ArgumentError, match="is not a class"):
        program.attach_filter("em1", "ingress", classid="one")
    with pytest.raises(pytc.errors.DeviceNotFoundError):
        program.attach_filter("em9", "ingress")
    with pytest.raises(NetlinkError) as caught:
        program.attach_filter("em1", "ingress", create_clsact=False)
    assert caught.value.hints == (
        'em1 has no clsact qdisc, which ingress filters need: pytc.create_clsact("em1") makes it',
    )
    with pytest.raises(TypeError, match="a program is wanted"):
        pytc.attach_filter("em1", "ingress", "good.o")  # type: ignore[arg-type]
    network.ok("qdisc", "add", "dev", "em1", "ingress")
    with pytest.raises(QdiscConflictError) as conflict:
        program.attach_filter("em1", "egress")
    assert not conflict.value.hints


def test_another_namespace_is_noticed(network: Network, traffic: pytc.Object) -> None:
    attachment = traffic.programs.drop_icmp.attach_filter("em1", "ingress")
    with pytc.netns(network.peer), pytest.raises(AttachError, match="another network namespace"):
        attachment.detach()
    with pytest.raises(pytc.errors.NamespaceError), pytc.netns("nowhere"):
        pass
    assert attachment.detach()


@pytest.fixture
def ways(kernel_with_tcx: None, network: Network, build: Compiler) -> Iterator[list[pytc.Program]]:
    """Three programs for tcx, whose names tell them apart."""
    with pytc.netns(network.name), pytc.load(EXAMPLES / "traffic.o") as first, pytc.load(build("tcx")) as second:
        yield [first.programs.drop_icmp, first.programs.count_protocols, second.programs["out"]]


def order() -> list[int]:
    return [one.program_id for one in pytc.hooks("em1") if one.kind == "tcx"]


@pytest.mark.parametrize("link", [False, True])
def test_tcx_in_order(network: Network, ways: list[pytc.Program], link: bool) -> None:
    one, two, three = ways
    with (
        one.attach_tcx("em1", "egress", link=link) as first,
        two.attach_tcx("em1", "egress", first=True, link=link),
        three.attach_tcx("em1", "egress", before=first, link=link) as third,
    ):
        assert order() == [two.id, three.id, one.id]
        assert bool(first.link_id) is link
        assert f"em1 tcx egress program {three.id} 'out'" in repr(third)
        third.detach()
        with three.attach_tcx("em1", "egress", after="count_protocols"):
            assert order() == [two.id, three.id, one.id]
        with three.attach_tcx("em1", "egress", after=one.id):
            assert order() == [two.id, one.id, three.id]
        with pytest.raises(AttachError, match="no program at em1 egress"):
            three.attach_tcx("em1", "egress", after="nobody")
        with pytest.raises(ArgumentError, match="exclude each other"):
            three.attach_tcx("em1", "egress", after=one, before=two)
        first.replace(three)
        assert order() == [two.id, three.id]
    assert order() == []


def test_links_are_kept_by_pins(network: Network, ways: list[pytc.Program], bpffs: Path) -> None:
    path = str(bpffs / "filter")
    with ways[0].attach_tcx("em1", "egress", link=True) as attachment:
        with pytest.raises(ArgumentError, match="keep\\(PATH\\)"):
            attachment.keep()
        attachment.keep(path)
    assert attachment.is_attached()
    (found,) = pytc.hooks("em1")
    assert found.is_attached()
    assert found.detach()
    os.unlink(path)
    pinned = ways[0].attach_tcx("em1", "egress", link=path)
    assert pinned.detach()
    assert not os.path.exists(path)


def test_tcx_is_ensured(network: Network, ways: list[pytc.Program]) -> None:
    assert [ways[0].ensure_tcx("em1", "ingress").change for _ in range(2)] == ["attached", "unchanged"]
    (found,) = pytc.hooks("em1")
    assert found.change == "found"
    with found:
        pass
    assert found.is_attached()  # what was found is not this block's to detach
    with pytest.raises(ArgumentError, match="is no hook"):
        ways[0].attach_tcx("em1", "sideways")  # type: ignore[arg-type]
    with pytest.raises(AttachError, match="attached there already"):
        ways[0].attach_tcx("em1", "ingress")


def test_each_step_is_logged(network: Network, traffic: pytc.Object, caplog: pytest.LogCaptureFixture) -> None:
    first, second = traffic.programs.count_protocols, traffic.programs.drop_icmp
    steps: dict[str, Callable[[], object]] = {
        f"attached program {first.id} (count_protocols) at em1 ingress": lambda: first.attach_filter("em1", "ingress"),
        f"attached program {first.id} at em1 tcx egress": lambda: first.attach_tcx("em1", "egress"),
        "left as it is: <": lambda: first.ensure_tcx("em1", "egress"),
        f"replaced program {first.id} by {second.id} (drop_icmp) at em1": lambda: filters()[0].replace(second),
        "detached <": lambda: filters()[0].detach(),  # noqa: PLW0108  (there is none yet)
    }

    def filters() -> list[pytc.FilterAttachment]:
        return [found for found in pytc.hooks("em1") if isinstance(found, pytc.FilterAttachment)]

    with caplog.at_level(logging.DEBUG, logger="pytc"):
        for message, step in steps.items():
            caplog.clear()
            step()
            assert any(message in text for text in caplog.messages), (message, caplog.messages)


def test_hints_name_no_commands(network: Network, ways: list[pytc.Program]) -> None:
    with pytest.raises(AttachError) as caught:  # em1 is no netkit device, or the kernel has none
        ways[0].attach_netkit("em1")
    assert not [hint for hint in caught.value.hints if "pytc " in hint]


def test_cgroups(cgroup: Path, build: Compiler, bpffs: Path) -> None:
    with pytc.load(build("attached/cgroups"), pin=False) as loaded:
        named = {program.spec.section: program for program in loaded.programs.values() if program.spec is not None}
        egress = named["cgroup_skb/egress"]
        with egress.attach_cgroup(str(cgroup)) as attachment:
            assert (attachment.path, attachment.attach_type) == (str(cgroup), "egress")
            assert [one.program_id for one in pytc.cgroup_programs(cgroup)] == [egress.id]
            assert attachment.is_attached()
        assert not attachment.is_attached()
        with egress.attach_cgroup(str(cgroup), link=True) as linked:
            assert linked.link_id
            assert [one.link_id for one in pytc.cgroup_programs(cgroup)] == [linked.link_id]
        assert pytc.cgroup_programs(cgroup) == []
        assert [egress.ensure_cgroup(str(cgroup)).change for _ in range(2)] == ["attached", "unchanged"]
        (found,) = pytc.cgroup_programs(cgroup)
        assert found.detach()
        with pytest.raises(ArgumentError, match="no attach type of cgroups"):
            egress.attach_cgroup(str(cgroup), "sideways")
        with pytest.raises(AttachError, match="not a directory of cgroup2"):
            egress.attach_cgroup("/tmp")
        with pytest.raises(ArgumentError, match="always shared as multi"):
            egress.attach_cgroup(str(cgroup), sharing="override", link=True)
