"""JSON of long lists, of long batches, of much that happens, and of output that breaks off."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import MapSpec, MapType, ProgramType
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.attach_points import AttachPoint, attach
from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.constants import attach_type_number
from pytc.bpf.sys.links import Link
from pytc.netlink.namespaces import namespace
from tests import strict_json
from tests.captures import TCP, as_pcap, eth, ip4, packets, tcp
from tests.compat.commands.monitor.test_watch import listening
from tests.conftest import EXAMPLES, PATIENCE
from tests.elf_writer import EXIT, code, elf, function, license, mov
from tests.kernel.bpf.support import small_program
from tests.kernel.cli.test_json_documents import filters, run_batch
from tests.network import Network
from tests.processes import PYTC, printed
from tests.waiting import until

pytestmark = pytest.mark.kernel

MANY = 10_000
#: What the kernel takes at a hook of a device, and at a cgroup.
AT_HOOK, AT_CGROUP = 63, 64
TRAFFIC = EXAMPLES / "traffic.o"


def shown(*words: str, options: tuple[str, ...] = ()) -> Any:
    """Run ``pytc -j`` in this process; return its only document."""
    return strict_json.value(printed("-j", *options, *words).encode("utf-8", "surrogateescape"))


@pytest.mark.usefixtures("root")
class TestLists:
    """Pins hold what is listed: descriptors are limited. Others of this machine are listed, too."""

    def test_maps(self, bpffs: Path) -> None:
        for number in range(MANY):
            with create_map(MapSpec("many", MapType.ARRAY, 4, 4, 1), "many") as one:
                one.pin(str(bpffs / str(number)))
        assert sum(one["name"] == "many" for one in shown("map", "show", options=("-p",))) >= MANY

    def test_programs(self, bpffs: Path) -> None:
        for number in range(MANY):
            with small_program() as one:
                one.pin(str(bpffs / str(number)))
        listed = [one["id"] for one in shown("prog", "show", options=("-d", "-s"))]
        assert len(set(listed)) == len(listed) >= MANY

    def test_links_and_cgroups(self, bpffs: Path, cgroup: Path) -> None:
        assert shown("cgroup", "show", str(cgroup)) == shown("cgroup", "tree", str(cgroup)) == []
        with small_program(ProgramType.CGROUP_SKB) as program:
            for number in range(MANY // AT_CGROUP + 1):
                inner = cgroup / f"group{number:03}"
                inner.mkdir()
                _attach(inner, program.fd, bpffs, number, 1 if not number else AT_CGROUP)
        attached = 1 + MANY // AT_CGROUP * AT_CGROUP
        assert len(shown("cgroup", "show", str(cgroup / "group000"))) == 1
        assert len(shown("cgroup", "show", str(cgroup / "group001"), "egress")) == AT_CGROUP
        tree = shown("cgroup", "tree", str(cgroup))
        assert [one["cgroup"] for one in tree] == sorted(str(path) for path in cgroup.iterdir() if path.is_dir())
        links = {one["link"] for cgroup in tree for one in cgroup["programs"]}
        assert len(links) == attached
        assert links <= {one["id"] for one in shown("link", "show", options=("-d", "-p"))}


def _attach(cgroup: Path, program: int, pins: Path, number: int, count: int) -> None:
    directory = os.open(cgroup, os.O_RDONLY)
    try:
        for index in range(count):
            with Link.create(AttachPoint(directory, ATTACH_TYPES["egress"].number), program) as link:
                link.pin(str(pins / f"{number}-{index}"))
    finally:
        os.close(directory)


def test_tcx(network: Network) -> None:
    """No more than fit at one hook: the kernel waits after each."""
    assert strict_json.value(network.ok("tcx", "show", "dev", "em1", options=("-j",))) == []
    with ExitStack() as owned, namespace(network.name):
        index = socket.if_nametoindex("em1")
        for number in range(AT_HOOK):
            program = owned.enter_context(small_program(ProgramType.SCHED_CLS))
            attach(AttachPoint(index, attach_type_number("tcx_ingress")), program.fd)
            if number in (0, AT_HOOK - 1):
                for line in (("tcx", "show"), ("tcx", "show", "dev", "em1", "ingress"), ("hooks", "dev", "em1")):
                    found = strict_json.value(network.ok(*line, options=("-j", "-d", "-s")))
                    assert len(found) == number + 1


def test_packets(tmp_path: Path, root: None) -> None:
    """Programs run on captures of no packet, of one and of many."""
    for count in (0, 1, MANY):
        path = tmp_path / f"{count}.pcap"
        path.write_bytes(as_pcap(packets([eth(ip4(tcp(1234, 80), TCP))] * count)))
        for line in (("prog", "run", "obj", str(TRAFFIC), "pcap"), ("cbpf", "run")):
            [found] = shown(*line, str(path), *(("1,6 0 0 1",) if line[0] == "cbpf" else ()))
            assert len(found["packets"]) == count


def test_objects(tmp_path: Path) -> None:
    """With nothing but a license, with one program, with many."""
    for count in (0, 1, 3_000):
        names = [f"classifier/{number}" for number in range(count)]
        path = tmp_path / f"{count}.o"
        path.write_bytes(
            elf(
                *(code(name, mov(0, 0), EXIT) for name in names),
                license(),
                symbols=[function(f"f{number}", name) for number, name in enumerate(names)],
            )
        )
        [found] = shown("object", "show", str(path), options=("-p",) if count == 1 else ())
        assert len(found["programs"]) == count
        assert shown("object", "lint", str(path))


def batch(network: Network, path: Path, lines: list[str], *options: str) -> subprocess.CompletedProcess[bytes]:
    path.write_text("".join(f"{line}\n" for line in lines))
    return subprocess.run(
        [*PYTC, "-n", network.name, "-j", *options, "-batch", str(path)],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **network.env},
    )


class TestBatches:
    @pytest.mark.parametrize("count", [0, 1, MANY])
    def test_of_many_lines_with_failing_ones_between(self, network: Network, tmp_path: Path, count: int) -> None:
        lines = [
            line
            for number in range(count)
            for line in ("qdisc show dev lo", "# nothing" if number % 10 else "class show dev nosuch", "")
        ]
        done = batch(network, tmp_path / "lines", lines, "-force")
        assert done.returncode == (1 if count else 0)
        found = strict_json.values(done.stdout)
        assert len(found) == count
        assert all(one == found[0] for one in found)
        errors = strict_json.values(done.stderr)
        assert [one.get("note") for one in errors[1::2]] == [
            f"Command failed {tmp_path / 'lines'}:{3 * number + 2}" for number in range(0, count, 10)
        ]
        assert all(one["kind"] == "DeviceNotFound" for one in errors[::2])

    def test_of_long_lists(self, network: Network, tmp_path: Path) -> None:
        count = 2_000
        run_batch(network, tmp_path, filters(count))
        shows = "filter show dev em1 ingress"
        lines = [shows, "filter show dev em1 egress", "qdisc show dev nosuch", shows]
        found = batch(network, tmp_path / "lines", lines, "-force", "-s", "-d")
        assert [len(one) for one in strict_json.values(found.stdout)] == [count + 1, 0, count + 1]
        stopped = batch(network, tmp_path / "lines", [shows, "qdisc show dev nosuch", shows])
        assert [len(one) for one in strict_json.values(stopped.stdout)] == [count + 1]


def test_much_that_happens(network: Network, tmp_path: Path) -> None:
    """An object on a line for each, as soon as it happens."""
    output, count = tmp_path / "news", 3_000
    with listening(network, output, *PYTC, "-j", "-ts", "-d", "monitor"):
        run_batch(network, tmp_path, filters(count))
        until(lambda: output.read_bytes().count(b"\n") >= count)
    found = strict_json.values(output.read_bytes())
    assert sum(one.get("kind") == "bpf" for one in found) == count
    assert len(output.read_bytes().splitlines()) == len(found)


#: Commands whose output is more than a pipe holds.
LONG = ("filter show dev em1 ingress", "-batch LINES", "map dump pinned m:many")


@pytest.fixture
def much(network: Network, bpffs: Path, tmp_path: Path) -> Iterator[Network]:
    run_batch(network, tmp_path, filters(2_000))
    (tmp_path / "LINES").write_text("filter show dev em1 ingress\nqdisc show dev nosuch\n" * 20)
    (bpffs / "tc").mkdir()
    with create_map(MapSpec("many", MapType.ARRAY, 4, 64, MANY), "many") as one:
        one.pin(str(bpffs / "tc" / "many"))
    yield network


@pytest.mark.parametrize("options", [(), ("-p", "-force")])
def test_output_that_nobody_reads_any_more(much: Network, tmp_path: Path, options: tuple[str, ...]) -> None:
    for line in LONG:
        words = line.replace("LINES", str(tmp_path / "LINES")).split()
        with subprocess.Popen(
            [*PYTC, "-n", much.name, "-j", *options, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **much.env},
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.read(20)[:1] == b"["
            process.stdout.close()
            said = process.stderr.read()
            assert process.wait(timeout=PATIENCE) == 141, line
        assert b"Traceback" not in said
        assert all("error" in one or "note" in one for one in strict_json.values(said)), line
