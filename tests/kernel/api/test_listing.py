"""Lists of what the kernel has: filters, qdiscs, hooks, programs, maps, links; other processes; and changes."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytc
from pytc.bpf.sys.attach_points import AttachPoint
from pytc.bpf.sys.constants import attach_type_number
from pytc.errors import ArgumentError, AttachError, BpfError, ClosedError, DeviceNotFoundError, TransferError
from tests.conftest import EXAMPLES, Compiler
from tests.network import Network
from tests.processes import pytc as command

pytestmark = pytest.mark.kernel


@pytest.fixture
def traffic(network: Network) -> Iterator[pytc.Object]:
    """Two programs, in the network's namespace."""
    with pytc.netns(network.name), pytc.load(EXAMPLES / "traffic.o") as loaded:
        yield loaded


def test_filters_of_all_kinds(network: Network, traffic: pytc.Object) -> None:
    program = traffic.programs.drop_icmp
    program.attach_filter("em1", "ingress", pref=2, chain=3)
    program.attach_filter("em1", "egress", pref=5)
    network.ok("filter", "add", "dev", "em1", "ingress", "pref", "1", "protocol", "ip", "bpf", "bytecode", "1,6 0 0 0")
    first, second, third = pytc.filters("em1")
    assert (first.device, first.parent, first.pref, first.kind, first.protocol) == (
        "em1",
        "ingress",
        1,
        "bpf",
        "ip",
    )
    assert (first.program, first.attachment()) == (None, None)
    assert (second.parent, second.chain, second.program_id) == ("ingress", 3, program.id)
    assert second.program is not None
    assert second.program.tag == program.tag
    assert second.options["direct-action"] is True
    assert second.details["kind"] == "bpf"
    assert pytc.filters("em1", "egress") == [third]
    assert pytc.filters("em1", "ingress", chain=3) == pytc.filters("em1", pref=2) == [second]
    assert pytc.filters("em1", kind="bpf", pref=1) == [first]
    assert pytc.filters("em1", kind="matchall") == []
    again = second.attachment()
    assert again is not None
    assert again.detach()
    first.delete()
    third.delete()
    assert pytc.filters("em1") == []
    with pytest.raises(DeviceNotFoundError):
        pytc.filters("em9")


def test_qdiscs_classes_and_chains(network: Network, traffic: pytc.Object) -> None:
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    network.ok("class", "add", "dev", "em1", "parent", "1:", "classid", "1:10", "htb", "rate", "1mbit")
    traffic.programs.count_protocols.attach_filter("em1", "1:", direct_action=False, classid="1:10")
    traffic.programs.count_protocols.attach_filter("em1", "ingress", chain=4)
    assert [(one.kind, one.handle, one.parent) for one in pytc.qdiscs("em1")] == [
        ("htb", "1:", "root"),
        ("clsact", "ffff:", "clsact"),
    ]
    assert {one.device for one in pytc.qdiscs()} >= {"em1"}
    (shaped,) = pytc.classes("em1")
    assert (shaped.kind, shaped.classid, shaped.parent) == ("htb", "1:10", "root")
    assert shaped.details["rate"] == 125000
    assert [one.chain for one in pytc.chains("em1", "ingress")] == [4]
    assert [(one.parent, one.options["flowid"]) for one in pytc.filters("em1", "1:")] == [("1:", "1:10")]
    assert [one.parent for one in pytc.filters("em1")] == ["ingress", "1:"]


def test_actions(network: Network) -> None:
    with pytc.netns(network.name):
        network.ok("actions", "add", "action", "mirred", "egress", "redirect", "dev", "em1", "index", "7")
        assert [(one.kind, one.index) for one in pytc.actions("mirred")] == [("mirred", 7)]
        assert pytc.actions("mirred")[0].details["to_dev"] == "em1"


def test_hooks_in_run_order(kernel_with_tcx: None, network: Network, traffic: pytc.Object, build: Compiler) -> None:
    network.ok("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb")
    programs = traffic.programs
    programs.count_protocols.attach_filter("em1", "ingress")
    programs.count_protocols.attach_tcx("em1", "ingress")
    programs.drop_icmp.attach_filter("em1", "1:", direct_action=False)
    programs.drop_icmp.attach_tcx("em1", "egress")
    hooks = pytc.hooks("em1")
    assert [(one.kind, one.place.split(" pref")[0]) for one in hooks] == [
        ("tcx", "em1 tcx ingress"),
        ("filter", "em1 ingress"),
        ("tcx", "em1 tcx egress"),
        ("filter", "em1 1:"),
    ]
    of_one = pytc.attachments(programs.drop_icmp)
    assert [one.place for one in of_one] == [hooks[2].place, hooks[3].place]
    assert [one.place for one in pytc.attachments("drop_icmp")] == [one.place for one in of_one]
    assert [one.place for one in pytc.attachments(programs.drop_icmp.id)] == [one.place for one in of_one]
    for one in hooks:
        assert one.detach()
    assert pytc.hooks("em1") == []


def test_filters_of_shared_blocks(network: Network, traffic: pytc.Object) -> None:
    network.ok("qdisc", "add", "dev", "em1", "ingress_block", "7", "clsact")
    words = ("bpf", "da", "obj", str(EXAMPLES / "traffic.o"), "sec", "drop")
    network.ok("filter", "add", "block", "7", "pref", "4", *words)
    (filter,) = pytc.filters(block=7)
    assert (filter.device, filter.parent, filter.block, filter.pref) == ("", "", 7, 4)
    (found,) = pytc.hooks("em1")
    assert found.place == "block 7 pref 4 handle 0x1"
    same = filter.attachment()
    assert same is not None
    same.replace(traffic.programs.count_protocols)
    assert not found.is_attached()
    assert network.ping(peer=True)
    assert same.detach()
    assert pytc.filters(block=7) == []
    with pytest.raises(pytc.errors.BlockNotFoundError):
        pytc.filters(block=8)


@pytest.mark.parametrize("link", [True, False])
def test_xdp(network: Network, build: Compiler, bpffs: Path, link: bool) -> None:
    with pytc.netns(network.name), pytc.load(build("xdp_verdict"), programs="xdp") as loaded:
        loaded.program.pin(str(bpffs / "all"))
        if link:
            point = AttachPoint(socket.if_nametoindex("em1"), attach_type_number("xdp"))
            held = pytc.Link.create(point, loaded.program.fd, flags=2)  # XDP_FLAGS_SKB_MODE
        else:
            words = ("ip", "link", "set", "em1", "xdpgeneric", "pinned", str(bpffs / "all"))
            assert network.execute(*words).status == 0
        (found,) = pytc.hooks("em1")
        assert (found.kind, found.place, found.program_id) == ("xdp", "em1 xdp generic", loaded.program.id)
        assert found.is_attached()
        with pytest.raises(AttachError, match="does not replace"):
            found.replace(loaded.program)
        if link:
            assert found.detach()
            assert pytc.hooks("em1") == []
            held.close()
        else:
            with pytest.raises(AttachError, match="by their links only"):
                found.detach()


def test_programs_maps_and_links(kernel_with_tcx: None, network: Network, traffic: pytc.Object) -> None:
    program, map = traffic.programs.count_protocols, traffic.maps.protocols
    assert program.id in [one.id for one in pytc.programs(name="count_protocols")]
    assert [one.id for one in pytc.programs(tag=program.tag, name="count_protocols") if one.id == program.id]
    assert {one.type for one in pytc.programs(type="sched_cls")} == {int(pytc.ProgramType.SCHED_CLS)}
    assert map.id in [one.id for one in pytc.maps(name="protocols")]
    assert {one.type for one in pytc.maps(type="hash")} == {int(pytc.MapType.HASH)}
    with program.attach_tcx("em1", "ingress", link=True) as attachment:
        assert attachment.link_id in [one.id for one in pytc.links(type="tcx")]
        assert attachment.link_id in [one.id for one in pytc.links()]
    for wrong in (lambda: pytc.programs(type="sched"), lambda: pytc.maps(type="table")):
        with pytest.raises(ArgumentError, match="no type of"):
            wrong()


def test_commands_of_tc(network: Network) -> None:
    network.execute("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")  # no packets of the kernel's own
    with pytc.netns(network.name):
        assert pytc.command("qdisc add dev em1 root handle 1: htb default 10") == []
        assert pytc.command("class add dev em1 parent 1: classid 1:10 htb rate 1mbit") == []
        assert [one["kind"] for one in pytc.command("qdisc show dev em1 root")] == ["htb"]
        assert pytc.command("class show dev em1", statistics=True)[0]["stats"]["packets"] == 0
        with pytest.raises(pytc.errors.UsageError, match="and"):
            pytc.command("qdisc show dev em1 and more")
        with pytest.raises(pytc.errors.NetlinkError):
            pytc.command("qdisc add dev em1 root htb")
        for wrong in ("", "qdisc help", "monitor", "qdisc show 'dev"):
            with pytest.raises(ArgumentError):
                pytc.command(wrong)


def test_pins(network: Network, bpffs: Path) -> None:
    with pytc.load(EXAMPLES / "firewall.o", pin=str(bpffs)) as firewall:
        firewall.program.pin(str(bpffs / "program"))
        pins = {pin.path.removeprefix(f"{bpffs}/"): pin for pin in pytc.pins(bpffs)}
        assert set(pins) == {"program", *(f"tc/globals/{name}" for name in firewall.maps)}
        assert (pins["program"].kind, pins["program"].id) == ("program", firewall.program.id)
        assert (pins["tc/globals/verdicts"].kind, pins["tc/globals/verdicts"].id) == ("map", firewall.maps.verdicts.id)
        pins["program"].unpin()
        assert len(pytc.pins(bpffs)) == len(firewall.maps)
        with pytest.raises(pytc.errors.PinError, match="cannot unpin"):
            pins["program"].unpin()
    with pytest.raises(pytc.errors.PinError, match="No such file or directory") as caught:
        pytc.pins(bpffs / "missing")
    assert caught.value.errno == errno.ENOENT


def test_links_are_opened(kernel_with_tcx: None, network: Network, traffic: pytc.Object) -> None:
    with traffic.programs.count_protocols.attach_tcx("em1", "ingress", link=True) as attachment:
        with pytc.Link.from_id(attachment.link_id) as link:
            assert link.description.program == attachment.program_id
            assert repr(link) == f"<Link tcx id {attachment.link_id} program {attachment.program_id}>"
            link.detach()
            assert repr(link).endswith(" defunct>")
        assert repr(link) == "<Link closed>"
        assert not attachment.is_attached()


def test_changes_are_reported(network: Network, traffic: pytc.Object) -> None:
    with pytc.monitor(timeout=0) as monitor:
        with traffic.programs.drop_icmp.attach_filter("em1", "ingress", pref=3):
            pass
        changes = list(monitor)
        assert changes[0].object == "qdisc"  # clsact
        filters = [one for one in changes if one.object == "filter"]
        assert [one.is_deleted for one in filters] == [False, True]
        assert filters[0].details["pref"] == 3
        assert list(monitor) == []
        assert monitor.lost == 0

        async def first() -> str:
            async for change in monitor:
                if change.object == "filter":
                    return change.object
            return ""

        async def both() -> str:
            monitor.timeout = 60
            task = asyncio.create_task(first())
            await asyncio.sleep(0.01)
            traffic.programs.drop_icmp.attach_filter("em1", "egress")
            return await task

        assert asyncio.run(both()) == "filter"
    with pytest.raises(ClosedError):
        list(monitor)


def test_maps_of_another_process(root: None, tmp_path: Path) -> None:
    path = tmp_path / "maps.sock"
    received: list[pytc.ReceivedMaps] = []
    thread = threading.Thread(target=lambda: received.append(pytc.receive_maps(path, timeout=60)))
    thread.start()
    with pytc.load(EXAMPLES / "traffic.o") as traffic:
        while True:
            try:
                assert traffic.export(str(path)) == 2
                break
            except TransferError:
                assert thread.is_alive()
        thread.join()
        with received[0] as maps:
            assert list(maps.maps) == ["protocols", "drops"]
            maps.maps["drops"][0] = 5
            assert traffic.maps.drops[0] == 5
            assert "traffic.o" in maps.name
    with pytest.raises(TransferError, match="no maps arrived") as caught:
        pytc.receive_maps(path, timeout=0)
    assert not caught.value.hints


def test_what_the_command_line_attached_is_found(network: Network) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(EXAMPLES / "traffic.o"))
    assert command("-create-clsact", "-n", network.name, *words, env=network.env).status == 0
    with pytc.netns(network.name), pytc.load(EXAMPLES / "traffic.o") as traffic:
        (found,) = pytc.hooks("em1")
        found.replace(traffic.programs.drop_icmp)
        assert network.ping(peer=True) is False
        assert found.detach()


def test_features(root: None) -> None:
    features = pytc.features
    assert features.helper("sched_cls", "redirect")
    assert features.helper("sched_cls", "bpf_redirect")
    assert not features.helper("sched_cls", "probe_write_user")
    assert not features.helper("socket_filter", "skb_vlan_push")
    assert features.helper("xdp", "xdp_adjust_head")
    assert not features.helper("syscall", "skb_vlan_push")
    with pytest.raises(ArgumentError, match="no helper that pytc knows") as caught:
        features.helper("sched_cls", "redirect_pear")
    assert caught.value.hints == ('did you mean "redirect_peer"?',)
    assert features.program_type("sched_cls")
    assert features.program_type("cgroup_sock_addr")
    with pytest.raises(ArgumentError, match="no type of programs"):
        features.program_type("sched")
    with pytest.raises(BpfError, match="for a function of the kernel"):
        features.program_type("tracing")
    assert features.map_type("hash")
    assert features.map_type("array_of_maps")
    with pytest.raises(ArgumentError, match="no type of maps"):
        features.map_type("table")
    assert features.attach_type("cgroup_inet_egress")
    with pytest.raises(ArgumentError, match="no attach type"):
        features.attach_type("sideways")
    assert features.other("btf") in (True, False)
    assert "mmapable" in features.names()
    with pytest.raises(ArgumentError, match="is no feature"):
        features.other("teleport")


@pytest.mark.parametrize("type", [one.name.lower() for one in pytc.MapType if one.value and one.name != "STRUCT_OPS"])
def test_map_types_are_those_that_a_map_can_be_made_of(root: None, type: str) -> None:
    """The answer about a type of 2020 or before is yes: this machine's kernel is newer, and the guests' are."""
    answer = pytc.features.map_type(type)
    if pytc.MapType[type.upper()] <= pytc.MapType.RINGBUF and type not in ("cgroup_storage", "percpu_cgroup_storage"):
        assert answer or type in ("xskmap", "sockmap", "sockhash", "reuseport_sockarray", "cgroup_array", "stack_trace")


@pytest.mark.needs("kernel_btf")
def test_functions_of_the_kernel(root: None) -> None:
    assert pytc.features.kernel_function("bpf_map_lookup_elem") in (True, False)
    assert not pytc.features.kernel_function("no_such_function")


@pytest.mark.parametrize("type", ["tcx_ingress"])
def test_attach_types(kernel_with_tcx: None, root: None, type: str) -> None:
    assert pytc.features.attach_type(type)


def test_files_without_a_kernel() -> None:
    assert [one.severity for one in pytc.lint(EXAMPLES / "traffic.o") if one.severity == "error"] == []
    assert pytc.lint(EXAMPLES / "traffic.o", version="3.19")
    assert [one.spec.name for one in pytc.inspect(EXAMPLES / "traffic.o").programs] == ["count_protocols", "drop_icmp"]
    with pytest.raises(pytc.PytcError) as caught:
        pytc.lint("missing.o")
    assert pytc.explain(caught.value) == 'cannot open object file "missing.o": No such file or directory'
    assert pytc.explain(ValueError("x")) == "ValueError: x"


def test_errors_are_explained(root: None, build: Compiler) -> None:
    with pytest.raises(pytc.VerifierError) as caught:
        pytc.load(build("reject_verifier", loads=False))
    assert pytc.explain(caught.value).startswith(str(caught.value))
