"""Each type of program of a cgroup: what a process in the cgroup sees with it, and as ever without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Map, Program
from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.info import program_map_ids
from tests.conftest import Compiler
from tests.kernel.connections import numbers
from tests.kernel.worker import Worker, working
from tests.network import Network
from tests.processes import run

pytestmark = pytest.mark.kernel

# (type, section, what is done, what it is without the program, what it is with it)
TYPES = [
    ("ingress", "cgroup_skb/ingress", "datagram(4)", "as it is", "TimeoutError"),
    ("egress", "cgroup_skb/egress", "datagram(4)", "as it is", "EPERM"),
    ("sock_create", "cgroup/sock_create", "create()", "None", "EPERM"),
    ("sock_release", "cgroup/sock_release", "create()", "None", "None"),
    ("post_bind4", "cgroup/post_bind4", "bind(4)", "False", "EPERM"),
    ("post_bind6", "cgroup/post_bind6", "bind(6)", "False", "EPERM"),
    ("bind4", "cgroup/bind4", "bind(4)", "False", "True"),
    ("bind6", "cgroup/bind6", "bind(6)", "False", "True"),
    ("connect4", "cgroup/connect4", "connect(4, '10.99.0.1')", "ENETUNREACH", "connected"),
    ("connect6", "cgroup/connect6", "connect(6)", "connected", "EPERM"),
    ("sendmsg4", "cgroup/sendmsg4", "datagram(4, '10.99.0.1')", "ENETUNREACH", "as it is"),
    ("sendmsg6", "cgroup/sendmsg6", "datagram(6)", "as it is", "EPERM"),
    ("recvmsg4", "cgroup/recvmsg4", "datagram(4)", "as it is", "4242"),
    ("recvmsg6", "cgroup/recvmsg6", "datagram(6)", "as it is", "4242"),
    ("getpeername4", "cgroup/getpeername4", "name(4, 'peer')", "False", "True"),
    ("getpeername6", "cgroup/getpeername6", "name(6, 'peer')", "False", "True"),
    ("getsockname4", "cgroup/getsockname4", "name(4, 'sock')", "False", "True"),
    ("getsockname6", "cgroup/getsockname6", "name(6, 'sock')", "False", "True"),
    ("getsockopt", "cgroup/getsockopt", "ttl()", "64", "42"),
    ("setsockopt", "cgroup/setsockopt", "ttl(5)", "None", "EPERM"),
    ("device", "cgroup/dev", "zero()", "1", "EPERM"),
    ("sysctl", "cgroup/sysctl", "sysctl()", "None", "EPERM"),
    ("connect_unix", "cgroup/connect_unix", "unix('stream')", "connected", "EPERM"),
    ("sendmsg_unix", "cgroup/sendmsg_unix", "unix('datagram')", "1", "EPERM"),
    ("recvmsg_unix", "cgroup/recvmsg_unix", "unix('datagram')", "1", "1"),
    ("getpeername_unix", "cgroup/getpeername_unix", "unix('stream')", "connected", "connected"),
    ("getsockname_unix", "cgroup/getsockname_unix", "unix('stream')", "connected", "connected"),
]


@pytest.fixture
def worker(network: Network, cgroup: Path) -> Iterator[Worker]:
    with working(network.name, cgroup) as made:
        yield made


def calls(program: int, attach_type: int) -> int:
    """How often a program was called, by its own count."""
    with Program.from_id(program) as found:
        for number in program_map_ids(found.fd):
            with Map.from_id(number) as one:
                if one.name == "calls":
                    value = one.get(attach_type.to_bytes(4, "little"))
                    return int.from_bytes(value or b"", "little")
    raise AssertionError("no map")


def test_every_type_is_tested() -> None:
    assert {word for word, *_ in TYPES} == ATTACH_TYPES.keys() - {"sock_ops"}  # of which test_sockops.py has the rest


@pytest.mark.parametrize(("word", "section", "action", "without", "with_it"), TYPES, ids=[row[0] for row in TYPES])
def test_the_section_says_what_it_is(
    network: Network,
    cgroup: Path,
    worker: Worker,
    build: Compiler,
    word: str,
    section: str,
    action: str,
    without: str,
    with_it: str,
) -> None:
    path = build("attached/cgroup_unix" if word.endswith("unix") else "attached/cgroups")
    assert worker.do(action) == without
    network.ok("cgroup", "attach", str(cgroup), "obj", path, "section", section)
    (only,) = network.json("cgroup", "show", str(cgroup))
    assert worker.do(action) == with_it
    assert calls(only["prog"]["id"], ATTACH_TYPES[word].number) > 0
    assert network.ok("cgroup", "show", str(cgroup), word).startswith(f"{word} multi id ")
    network.ok("cgroup", "detach", str(cgroup), word, "id", str(only["prog"]["id"]))
    assert worker.do(action) == without
    assert network.ok("cgroup", "show", str(cgroup)) == ""


@pytest.mark.needs("attach_flags")
def test_the_types_are_what_bpftool_calls_them(network: Network, cgroup: Path, build: Compiler) -> None:
    """All of them in one cgroup, at which nobody is."""
    sections = [(word, section) for word, section, *_ in TYPES if not word.endswith("unix")]
    for word, section in sections:
        network.ok("cgroup", "attach", str(cgroup), word, "obj", build("attached/cgroups"), "section", section)
    ours = network.json("cgroup", "show", str(cgroup))
    theirs = json_of_bpftool(cgroup)
    assert sorted(theirs) == sorted((one["prog"]["id"], one["attach_type"]) for one in ours)
    assert len(theirs) == len(sections)
    network.ok("cgroup", "detach", str(cgroup), "all")
    assert json_of_bpftool(cgroup) == []


def json_of_bpftool(cgroup: Path) -> list[tuple[int, str]]:
    said = run("bpftool", "-j", "cgroup", "show", str(cgroup)).out.strip()
    return [(one["id"], one["attach_type"]) for one in json.loads(said or "[]")]


def test_a_section_for_several_types_wants_the_word(
    network: Network, cgroup: Path, worker: Worker, build: Compiler
) -> None:
    path = build("attached/cgroups")
    done = network.pytc("cgroup", "attach", str(cgroup), "obj", path, "section", "cgroup/skb")
    assert done.status == 2 and "does not say where it belongs; name it: ingress egress" in done.err
    assert network.ok("cgroup", "show", str(cgroup)) == ""
    network.ok("cgroup", "attach", str(cgroup), "egress", "obj", path, "section", "cgroup/skb")
    assert worker.do("datagram(4)") == "EPERM"
    network.ok("cgroup", "detach", str(cgroup), "egress", "all")
    assert worker.do("datagram(4)") == "as it is"


def test_a_word_chooses_the_program_of_its_section(network: Network, cgroup: Path, build: Compiler) -> None:
    network.ok("cgroup", "attach", str(cgroup), "connect6", "obj", build("attached/cgroups"))
    (only,) = network.json("cgroup", "show", str(cgroup))
    assert (only["prog"]["name"], only["attach_type"]) == ("connect6", "cgroup_inet6_connect")
    network.ok("cgroup", "detach", str(cgroup), "all")


def test_a_pinned_program_is_attached_where_the_word_says(
    network: Network, cgroup: Path, worker: Worker, build: Compiler, bpffs: Path
) -> None:
    network.ok("cgroup", "attach", str(cgroup), "obj", build("attached/cgroups"), "section", "cgroup/connect6")
    (number,) = numbers(network.json("cgroup", "show", str(cgroup)))
    network.ok("prog", "pin", "id", str(number), "m:connect6")
    network.ok("cgroup", "detach", str(cgroup), "all")
    assert worker.do("connect(6)") == "connected"
    done = network.pytc("cgroup", "attach", str(cgroup), "pinned", "m:connect6")
    assert done.status == 2 and "name it: bind4 connect4" in done.err
    wrong = network.pytc("cgroup", "attach", str(cgroup), "connect4", "pinned", "m:connect6")
    assert wrong.status == 2 and "connect4: " in wrong.err and "Traceback" not in wrong.err
    network.ok("cgroup", "attach", str(cgroup), "connect6", "pinned", "m:connect6")
    assert worker.do("connect(6)") == "EPERM"
    network.ok("cgroup", "detach", str(cgroup), "pinned", "m:connect6")
    assert worker.do("connect(6)") == "connected" and (bpffs / "tc/connect6").exists(), "a program keeps its pin"
