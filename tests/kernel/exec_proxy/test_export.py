"""``export`` of a filter: the session that it all began with, and what happens when it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.exec_proxy.map_transfer import Importer
from pytc.netlink import constants as c
from tests.conftest import EXAMPLES, Compiler, pins
from tests.kernel.exec_proxy.support import Shell, nobody_reads
from tests.network import Network
from tests.processes import PYTC, SOURCE, Outcome, finish, run, running
from tests.waiting import until

pytestmark = pytest.mark.kernel

TRAFFIC = str(EXAMPLES / "traffic.o")
MARKS = str(EXAMPLES / "mark_stats.o")
IPV4 = int.from_bytes((0x0800).to_bytes(2, "big"), "little")
IN = ("dev", "em1", "ingress")


def test_the_session_of_the_built_in_exec_proxy(clsact: Network, build: Compiler, agent: str, tmp_path: Path) -> None:
    """Three legacy maps of the 20-byte layout; two programs at a time, of which one is killed and comes again."""
    path = tmp_path / "bpf"
    with running(*PYTC, "exec", "bpf", "imp", str(path)) as process:
        until(path.exists, "the socket")
        clsact.ok("filter", "add", "dev", "em1", "egress", "bpf", "obj", build("legacy20"), "exp", str(path))
        shell = Shell(process)
        found = dict(line.split("=", 1) for line in shell.say("env | grep BPF"))
        assert found.keys() - {name for name in found if name.startswith("BPF_MAP_")} == {
            "BPF_NUM_MAPS",
            "BPF_MAP0",
            "BPF_MAP1",
            "BPF_MAP2",
        }
        assert found["BPF_NUM_MAPS"] == "3"
        assert {name: found[f"BPF_MAP{number}"] for number, name in enumerate(("hash", "array", "percpu"))} == {
            name: found[f"BPF_MAP_map_{name}"] for name in ("hash", "array", "percpu")
        }
        listed = shell.say("ls -la /proc/self/fd")
        for number in range(3):
            assert sum(line.endswith(f" {found[f'BPF_MAP{number}']} -> anon_inode:bpf-map") for line in listed) == 1
        assert sum("anon_inode:bpf-map" in line for line in listed) == 3

        assert not path.exists(), "one import, one socket"
        shell.say(f"mkfifo {tmp_path}/ask")
        shell.say(f"{agent} watch 0 {IPV4} < {tmp_path}/ask > {tmp_path}/first & first=$!; exec 9> {tmp_path}/ask")
        shell.say(f"{agent} watch 1 1 < /dev/null > {tmp_path}/second &")
        assert clsact.ping(count=3)
        shell.say("echo >&9")
        until(lambda: (tmp_path / "first").read_text() == "3\n", "the first agent's answer")
        shell.say("kill -9 $first; wait $first")
        assert shell.say(f"{agent} count 0 {IPV4}") == ["3"], "the counters outlive the agent"
        assert clsact.ping(count=2)
        assert shell.say(f"{agent} count 0 {IPV4} & {agent} count 0 {IPV4} & wait") == ["5", "5"]
        clsact.ok("filter", "del", "dev", "em1", "egress")
        assert shell.say(f"{agent} count 0 {IPV4}") == ["5"], "the maps outlive the filter"


def received(path: Path, network: Network, *words: str, env: dict[str, str] | None = None) -> dict[int, str]:
    """{id: name} of what a command exports to a path."""
    with Importer(str(path)) as importer:
        network.ok(*words, env=env)
        with importer.receive(10) as found:
            return {one.id: one.name for one in found.named()}


def test_a_modern_object(clsact: Network, tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    found = received(path, clsact, "filter", "add", *IN, "bpf", "da", "obj", TRAFFIC, "export", str(path))
    assert found[0] == "protocols"
    assert sorted(found) == [*range(len(found))]


@pytest.mark.parametrize("verb", ["add", "replace"])
def test_a_pinned_map(clsact: Network, tmp_path: Path, bpffs: Path, verb: str) -> None:
    """Made by the first command, found by the second: both export the same map."""
    from pytc.bpf import Map

    path = tmp_path / "bpf"
    for _ in range(2):
        with Importer(str(path)) as importer:
            clsact.ok("filter", verb, *IN, "bpf", "obj", MARKS, "sec", "cls", "export", str(path))
            with importer.receive(10) as found, Map.from_pin(str(bpffs / "tc/globals/map_stats")) as pinned:
                assert found.map_ids() == {pinned.description.id}
                assert found.entries[0].pinning == 2


def test_the_environment_says_where(clsact: Network, tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    words = ("filter", "add", *IN, "bpf", "da", "obj", TRAFFIC)
    assert received(path, clsact, *words, env={"TC_BPF_UDS": str(path)})
    assert received(path, clsact, *words, "export", str(path), env={"TC_BPF_UDS": "/nowhere"}), "the word counts more"


def test_more_than_64_maps(clsact: Network, tmp_path: Path, build: Compiler) -> None:
    path = tmp_path / "bpf"
    found = received(path, clsact, "filter", "add", *IN, "bpf", "da", "obj", build("legacy_many"), "exp", str(path))
    assert len(found) > 64


@pytest.mark.parametrize("verb", ["add", "replace"])
def test_nobody_waits(clsact: Network, bpffs: Path, tmp_path: Path, verb: str) -> None:
    before = clsact.state()
    for path in (tmp_path / "bpf", Path("/etc/passwd")):
        outcome = clsact.pytc("filter", verb, *IN, "bpf", "obj", MARKS, "sec", "cls", "export", str(path))
        assert outcome.status == 1
        assert f'cannot connect to "{path}"' in outcome.err or f'"{path}" is not a socket' in outcome.err
    assert clsact.state() == before
    assert pins(bpffs) == []


def test_an_object_without_maps(clsact: Network, tmp_path: Path, build: Compiler) -> None:
    path = tmp_path / "bpf"
    before = clsact.state()
    with Importer(str(path)):
        outcome = clsact.pytc("filter", "add", *IN, "bpf", "da", "obj", build("drop"), "export", str(path))
        assert outcome == (1, "", f'"{build("drop")}" has no maps to export\n')
        assert clsact.state() == before
        clsact.ok("filter", "add", *IN, "bpf", "da", "obj", build("drop"), env={"TC_BPF_UDS": str(path)})


@pytest.mark.parametrize("words", [("object-pinned", "m:x"), ("bytecode", "1,6 0 0 0")])
def test_only_objects_are_exported(clsact: Network, words: tuple[str, ...]) -> None:
    outcome = clsact.pytc("filter", "add", *IN, "bpf", *words, "export", "/x")
    assert outcome.status == 1 and "export" in outcome.err


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[str]:
    """A socket that somebody listens on and nobody reads: a send to it waits, and gives up."""
    with nobody_reads(str(tmp_path / "deaf")) as path:
        yield path


def impatient(network: Network, *words: str, code: str = "") -> Outcome:
    """pytc that gives up after a moment, once it has run ``code``."""
    patience = "import sys\nfrom pytc.exec_proxy import map_transfer\nmap_transfer.SEND_TIMEOUT = 0.3\n"
    start = "from pytc.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"
    return run(sys.executable, "-c", patience + code + start, "-n", network.name, *words, env=network.env)


#: No answer comes to a request of this type.
LOST = """
from pytc.errors import AnswerLostError
from pytc.netlink.session import Session
request = Session.request
def lose(session, message):
    if message.type == {type}:
        lost = AnswerLostError(105)
        lost.may_be_done = {may_be_done}
        raise lost
    return request(session, message)
Session.request = lose
"""
#: A request of this type cannot be sent.
UNSENT = """
from pytc.errors import NetlinkError
from pytc.netlink.session import Session
request = Session.request
def refuse(session, message):
    if message.type == {type}:
        raise NetlinkError(105, "cannot send to the kernel")
    return request(session, message)
Session.request = refuse
"""
#: Programs that are attached stay so.
STUCK = """
from pytc.commands.shared import kernel_attacher
from pytc.errors import PinError
def fail(*_):
    raise PinError("nothing can be detached")
assert kernel_attacher.detach_program
kernel_attacher.detach_program = fail
"""


def test_add_takes_back_just_what_it_added(clsact: Network, deaf: str, bpffs: Path) -> None:
    for handle in ("1", "2"):
        clsact.ok("filter", "add", *IN, "pref", "5", "handle", handle, "bpf", "da", "obj", TRAFFIC)
    before = clsact.state()
    for place in ((), ("pref", "5"), ("pref", "5", "handle", "9"), ("pref", "7"), ("chain", "3")):
        outcome = impatient(clsact, "filter", "add", *IN, *place, "bpf", "obj", MARKS, "sec", "cls", "export", deaf)
        assert outcome == (
            1,
            "",
            f'cannot export to "{deaf}": the listener has not read for 0.3 seconds\n',
        )
        assert clsact.state() == before
        assert pins(bpffs) == []


def test_replace_takes_back_what_it_added_and_leaves_what_it_replaced(clsact: Network, deaf: str, bpffs: Path) -> None:
    place = (*IN, "pref", "5", "handle", "1")
    words = ("bpf", "obj", MARKS, "sec", "cls", "export", deaf)
    before = clsact.state()
    assert impatient(clsact, "filter", "replace", *place, *words).status == 1
    assert clsact.state() == before, "there was none: it is taken back"
    assert pins(bpffs) == []
    clsact.ok("filter", "add", *place, "bpf", "da", "obj", TRAFFIC)
    for verb in ("replace", "change"):
        outcome = impatient(clsact, "filter", verb, *place, "protocol", "all", *words)
        assert outcome.status == 1
        assert "stays" in outcome.err
        text = clsact.tc("filter", "show", *IN).out
        assert text.count("handle 0x1") == 1 and "mark_stats.o:[cls]" in text, "a filter is better than none"
        assert "tc/globals/map_stats" in pins(bpffs), "and it has its pinned map"


@pytest.mark.parametrize(
    ("may_be_done", "said"),
    [(True, "not known whether what was added is removed"), (False, "cannot remove what was added")],
)
def test_a_filter_that_cannot_be_taken_back_keeps_its_pins(
    clsact: Network, deaf: str, bpffs: Path, may_be_done: bool, said: str
) -> None:
    words = (*IN, "bpf", "obj", MARKS, "sec", "cls", "export", deaf)
    code = LOST.format(type=int(c.DELTFILTER), may_be_done=may_be_done)
    refused = impatient(clsact, "filter", "add", *words, code=code)
    assert refused.status == 1
    assert f"Hint: {said}: netlink receive error" in refused.err
    assert refused.err.endswith("; the pins of its maps stay\n")
    assert "mark_stats.o:[cls]" in clsact.tc("filter", "show", *IN).out
    assert "tc/globals/map_stats" in pins(bpffs)


@pytest.mark.needs("tcx")
@pytest.mark.parametrize("link", ["", "link m:links/x"])
def test_a_program_is_detached_again(clsact: Network, deaf: str, bpffs: Path, link: str) -> None:
    words = (*IN, *link.split(), "obj", MARKS, "sec", "cls", "export", deaf)
    refused = impatient(clsact, "tcx", "attach", *words)
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    until(lambda: not clsact.ok("tcx", "show", "dev", "em1"), "a link without a pin ends")
    assert pins(bpffs) == []


@pytest.mark.needs("tcx")
def test_a_program_that_cannot_be_detached_keeps_its_pins(clsact: Network, deaf: str, bpffs: Path) -> None:
    refused = impatient(clsact, "tcx", "attach", *IN, "obj", MARKS, "sec", "cls", "export", deaf, code=STUCK)
    assert refused.status == 1
    assert "Hint: cannot remove what was added: nothing can be detached; the pins of its maps stay\n" in refused.err
    assert "cls_main" in clsact.ok("tcx", "show", "dev", "em1")
    assert "tc/globals/map_stats" in pins(bpffs)


def test_a_lost_answer_to_a_question_leaves_nothing(clsact: Network, deaf: str, bpffs: Path) -> None:
    """Whether there is a filter to replace is asked first; then, nothing has been changed."""
    words = (*IN, "pref", "5", "handle", "1", "bpf", "obj", MARKS, "sec", "cls", "export", deaf)
    refused = impatient(
        clsact, "filter", "replace", *words, code=LOST.format(type=int(c.GETTFILTER), may_be_done=False)
    )
    assert (refused.status, pins(bpffs)) == (2, [])
    assert refused.err == "netlink receive error No buffer space available (105)\n"


def test_a_filter_that_may_be_there_is_not_replaced(clsact: Network, deaf: str, bpffs: Path) -> None:
    """It would be deleted as one that was added, when the export fails."""
    place = (*IN, "pref", "5", "handle", "1")
    clsact.ok("filter", "add", *place, "bpf", "da", "obj", TRAFFIC)
    before = clsact.state()
    words = (*place, "bpf", "obj", MARKS, "sec", "cls", "export", deaf)
    refused = impatient(clsact, "filter", "replace", *words, code=UNSENT.format(type=int(c.GETTFILTER)))
    assert (refused.status, refused.err.splitlines()[0]) == (2, "Error: cannot send to the kernel.")
    assert (clsact.state(), pins(bpffs)) == (before, [])


def test_a_filter_for_egress_waits_for_what_the_qdisc_is(network: Network) -> None:
    """An ingress qdisc would take it for ingress, without a word."""
    network.ok("qdisc", "add", "dev", "em1", "ingress")
    words = "filter add dev em1 egress matchall".split()
    assert "has an ingress qdisc instead of clsact" in network.pytc(*words).err
    refused = impatient(network, *words, code=UNSENT.format(type=int(c.GETQDISC)))
    assert (refused.status, refused.err.splitlines()[0]) == (2, "Error: cannot send to the kernel.")
    assert network.tc("filter", "show", "dev", "em1", "ingress").out == ""


def test_delete_exports_nothing(clsact: Network) -> None:
    place = (*IN, "pref", "5", "handle", "1")
    clsact.ok("filter", "add", *place, "bpf", "da", "obj", TRAFFIC)
    clsact.ok("filter", "del", *place, "protocol", "all", "bpf", "obj", TRAFFIC, "export", "/nowhere")


def test_exports_from_many_commands_at_once(clsact: Network, tmp_path: Path) -> None:
    """Ten filters, one importer for all."""
    path = tmp_path / "bpf"
    with running(
        *PYTC, "exec", "bpf", "import", str(path), "count", "10", "run", "sh", "-c", "echo $BPF_NUM_MAPS"
    ) as one:
        until(path.exists, "the socket")
        words = (
            *PYTC,
            "-n",
            clsact.name,
            "filter",
            "add",
            *IN,
            "bpf",
            "da",
            "obj",
            MARKS,
            "sec",
            "cls",
            "export",
            str(path),
        )
        adding = [subprocess.Popen(words, env={**clsact.env, "PATH": "/usr/bin:/bin"}) for _ in range(10)]
        assert [process.wait(60) for process in adding] == [0] * 10
        assert finish(one) == (0, "10\n", "")


def test_a_cold_command_that_exports_nothing_loads_nothing_for_it(clsact: Network) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "pytc",
            "-n",
            clsact.name,
            "filter",
            "add",
            *IN,
            "bpf",
            "da",
            "obj",
            TRAFFIC,
        ],
        env={**clsact.env, **SOURCE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "pytc.commands.shared.opened_programs" in done.stderr
    assert "pytc.exec_proxy" not in done.stderr
