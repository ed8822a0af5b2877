"""``pytc apply``: the kernel's state becomes the file's, whatever it was, and only what differs is changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pytc.bpf import Map, Program
from pytc.bpf.sys.info import program_map_ids
from tests.conftest import Compiler
from tests.kernel.transaction.atomic_state import clear, state
from tests.kernel.transaction.desired_states import applied, apply, differing, files, made_by_batch
from tests.network import Network
from tests.processes import run
from tests.tiers import examples

pytestmark = pytest.mark.kernel


def check_random(network: Network, first: str, second: str) -> None:
    wanted = {text: made_by_batch(network, text) for text in (first, second)}
    clear(network)
    for text in (first, second, first):
        applied(network, text, "prune", "all")
        assert differing(network, wanted[text]) == "", text
        assert applied(network, text, "prune", "all") == "unchanged\n", text


_SETTINGS = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))


@settings(_SETTINGS, max_examples=examples(0.04))
@given(first=files(), second=files())
def test_any_state_becomes_any_other(plain_network: Network, objects: dict[str, str], first: str, second: str) -> None:
    check_random(plain_network, first.format(**objects), second.format(**objects))


@pytest.mark.slow
@settings(_SETTINGS, max_examples=examples(0.5), derandomize=False)
@given(first=files(), second=files())
def test_any_of_many_states_becomes_any_other(
    plain_network: Network, objects: dict[str, str], first: str, second: str
) -> None:
    check_random(plain_network, first.format(**objects), second.format(**objects))


FIRST = """\
qdisc add dev em1 clsact
qdisc add dev em1 root handle 1: htb default 10
class add dev em1 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit
filter add dev em1 ingress pref 1 bpf da obj {traffic}
filter add dev em1 ingress pref 2 bpf da obj {verdicts} section tc/count
filter add dev em1 egress pref 3 protocol ip u32 match ip dport 80 0xffff action mirred egress mirror dev lo
"""
SECOND = """\
qdisc add dev em1 clsact
qdisc add dev em1 root handle 1: htb default 20
class add dev em1 parent 1: classid 1:1 htb rate 12mbit
filter add dev em1 ingress pref 1 bpf da obj {verdicts} section tc/stolen
filter add dev em1 egress pref 3 protocol ip u32 match ip dport 90 0xffff action mirred egress mirror dev lo
"""
#: pytc, killed when it is about to send its Nth request that changes something, or when the kernel has done it.
_KILLED = """
import os, signal, sys
from pytc.cli.main import main
from pytc.netlink.session import Session
left, before, send = int(sys.argv[1]), sys.argv[2] == "before", Session.request
def request(session, message):
    global left
    if message.type & 3 == 2:
        return send(session, message)
    left -= 1
    if not left and before:
        os.kill(os.getpid(), signal.SIGKILL)
    answers = send(session, message)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return answers
Session.request = request
sys.exit(main(sys.argv[3:]))
"""


def killed(network: Network, path: Path, number: int, moment: str) -> int:
    words = (sys.executable, "-c", _KILLED, str(number), moment, "-n", network.name, "apply", str(path), "prune", "all")
    environment = {**os.environ, **network.env}
    return subprocess.run(words, env=environment, capture_output=True, timeout=120, check=False).returncode


def check_kills(network: Network, objects: dict[str, str], tmp_path: Path, step: int) -> None:
    """The first state becomes the second, whenever a run before was killed; the last number is past all requests."""
    wanted = made_by_batch(
        network,
        SECOND.format(**objects).replace(".o\n", ".o owner apply\n").replace("stolen\n", "stolen owner apply\n"),
    )
    (path := tmp_path / "second").write_text(SECOND.format(**objects))
    number, status = 1, -signal.SIGKILL
    while status == -signal.SIGKILL:
        for moment in ("before", "behind"):
            clear(network)
            applied(network, FIRST.format(**objects))
            status = killed(network, path, number, moment)
            applied(network, SECOND.format(**objects), "prune", "all")
            assert differing(network, wanted) == "", (number, moment)
        number += step
    assert status == 0 and number > 5  # it removes a filter, and changes a qdisc, a class and two filters


def test_the_next_run_reaches_the_state_that_a_killed_one_did_not(
    plain_network: Network, objects: dict[str, str], tmp_path: Path
) -> None:
    check_kills(plain_network, objects, tmp_path, 9)


@pytest.mark.slow
def test_a_run_may_be_killed_at_any_point(plain_network: Network, objects: dict[str, str], tmp_path: Path) -> None:
    check_kills(plain_network, objects, tmp_path, 1)


_TREE = "qdisc add dev em1 root handle 1: htb default 10\nqdisc add dev em1 clsact\n"


@pytest.mark.parametrize(
    "filters",
    [
        (
            "ingress pref 3 u32 match ip dport 82 0xffff action mirred ingress redirect dev lo",
            "ingress pref 1 handle 1 bpf bytecode '1,6 0 0 1'",
            "egress pref 3 u32 match ip dport 80 0xffff action mirred egress mirror dev lo",
        ),
        ("egress pref 3 u32 match ip dport 80 0xffff", "egress pref 1 u32 match ip dport 83 0xffff"),
        ("egress pref 3 u32 match ip dport 80 0xffff", "egress chain 4 pref 3 u32 match ip dport 83 0xffff"),
        (
            "ingress pref 3 handle 5: u32 divisor 4",
            "ingress pref 3 u32 match ip dport 80 0xffff",
            "ingress pref 3 u32 ht 5:1 match ip dport 81 0xffff",
            "egress pref 3 u32 match ip dport 82 0xffff",
        ),
        ("parent 1: pref 3 u32 match ip dport 80 0xffff", "egress pref 3 u32 match ip dport 82 0xffff"),
    ],
)
def test_places_of_a_qdisc_share_tables_of_u32(plain_network: Network, filters: tuple[str, ...]) -> None:
    """The kernel lists the filters of each with those of the others, and keeps a preference that is empty."""
    with_filters = _TREE + "".join(f"filter add dev em1 {filter}\n" for filter in filters)
    check_random(plain_network, _TREE, with_filters)
    other_kind = _TREE + f"filter add dev em1 {filters[0]}\nfilter add dev em1 egress pref 1 bpf bytecode '1,6 0 0 1'\n"
    check_random(plain_network, with_filters, other_kind)


@pytest.mark.parametrize(
    "kind",
    [
        "bpf bytecode '1,6 0 0 {}'",
        pytest.param("basic match u32(u8 {} 0xff at 0)", marks=pytest.mark.needs("filter:basic")),
        pytest.param("flow hash keys src divisor {}", marks=pytest.mark.needs("filter:flow")),
    ],
)
def test_filters_of_a_preference_come_into_the_order_of_the_file(plain_network: Network, kind: str) -> None:
    def text(*numbers: int) -> str:
        filters = (f"filter add dev em1 egress pref 1 handle {number} {kind.format(number)}\n" for number in numbers)
        return _TREE + "".join(filters)

    for first, second in [((1, 2), (2, 1)), ((2, 3), (1, 2, 3)), ((1, 3), (1, 2, 3)), ((1, 2, 3), (1, 4, 3, 2))]:
        check_random(plain_network, text(*first), text(*second))
    applied(plain_network, text(1, 2), "prune", "all")
    assert applied(plain_network, text(1, 2, 3)).count("\n") == 1  # those that are there stay


def test_a_dry_run_shows_the_difference_and_says_so(plain_network: Network, objects: dict[str, str]) -> None:
    network = plain_network
    text = FIRST.format(**objects)
    before = state(network)
    shown = apply(network, text, options=("--dry-run",))
    assert (shown.status, state(network)) == (2, before)
    assert [line[:1] for line in shown.out.splitlines()] == ["+"] * 6
    applied(network, text)
    before = state(network)
    assert apply(network, text, options=("--dry-run",)).status == 0
    shown = apply(network, SECOND.format(**objects), "prune", options=("--dry-run",))
    assert shown.status == 2 and state(network) == before
    assert [line.split(" kind")[0] for line in shown.out.splitlines()] == [
        "~ qdisc dev em1 parent root handle 1:",
        "~ class dev em1 parent root classid 1:1",
        "~ filter dev em1 parent ingress protocol all pref 1 chain 0 handle 0x1",
        "~ filter dev em1 parent egress protocol ip pref 3 chain 0 handle 0x80000800",
        "- filter dev em1 parent ingress protocol all pref 2 chain 0 handle 0x1",
    ]
    assert "Note: This could not be taken back: " in shown.err


def test_json_lists_each_object_with_its_state(plain_network: Network, objects: dict[str, str]) -> None:
    network = plain_network
    applied(network, FIRST.format(**objects))
    outcome = apply(network, SECOND.format(**objects), "prune", options=("-j",))
    listed = json.loads(outcome.out)
    assert [(one["state"], one["object"], one.get("line")) for one in listed] == [
        ("unchanged", "qdisc", 1),
        ("changed", "qdisc", 2),
        ("changed", "class", 3),
        ("changed", "filter", 4),
        ("changed", "filter", 5),
        ("removed", "filter", None),
    ]
    class_ = listed[2]
    assert (class_["before"]["rate"], class_["after"]["rate"]) == (1250000, 1500000)


#: pytc, which ends with the status 99 when it opens the session that changes something.
_READ_ONLY = """
import sys
from pytc.cli.main import main
from pytc.transaction.journal import Journal
Journal.__init__ = lambda self: sys.exit(99)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("second", "status"), [(FIRST, 0), (SECOND, 99)])
def test_a_second_run_only_asks(
    plain_network: Network, objects: dict[str, str], tmp_path: Path, second: str, status: int
) -> None:
    network = plain_network
    applied(network, FIRST.format(**objects))
    (path := tmp_path / "second").write_text(second.format(**objects))
    words = (sys.executable, "-c", _READ_ONLY, "-n", network.name, "apply", str(path))
    done = run(*words, env=network.env)
    assert (done.status, done.out) == (status, "" if status else "unchanged\n"), done.err


def test_a_failure_is_taken_back(plain_network: Network, objects: dict[str, str]) -> None:
    network = plain_network
    text = "qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 1 bpf da obj {traffic}\n".format(**objects)
    applied(network, text)
    network.ok(
        "filter", "add", "dev", "em1", "ingress", *"pref 7 handle 9 protocol ip bpf bytecode".split(), "1,6 0 0 1"
    )
    before = state(network)
    # The kernel takes one protocol for each preference: in an empty place this is well, and here it is not.
    text = text.replace("traffic.o", "firewall.o") + "filter add dev em1 ingress pref 7 bpf bytecode '1,6 0 0 1'\n"
    failed = apply(network, text)
    assert failed.status == 1
    assert "desired:3\nNote: all that was done is taken back\n" in failed.err
    assert state(network) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filter del dev em1 ingress\n", 'A desired state consists of "add" or "replace"'),
        ("qdisc show dev em1\n", 'A desired state consists of "add" or "replace"'),
        ("qdisc add dev em1 clsact\nqdisc add dev em1 parent 9: handle 2: pfifo\n", "desired:2"),
        ("qdisc add dev em7 clsact\n", 'Cannot find device "em7"'),
        ("actions add action mirred egress mirror dev lo\n", "a desired action needs an index"),
    ],
)
def test_what_is_wrong_with_a_file_is_found_before_anything_is_done(network: Network, text: str, message: str) -> None:
    before = state(network)
    refused = apply(network, text)
    assert refused.status and message in refused.err
    assert state(network) == before


def test_foreign_filters_stay(plain_network: Network, objects: dict[str, str]) -> None:
    network = plain_network
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    other = f"filter add dev em1 ingress bpf da obj {objects['verdicts']} section tc/stolen owner other"
    network.ok(*other.split())
    text = "qdisc add dev em1 clsact\nfilter add dev em1 ingress bpf da obj {traffic}\n".format(**objects)
    applied(network, text, "owner", "web", "prune")
    assert applied(network, text, "owner", "web", "prune") == "unchanged\n"
    names = [
        one["options"]["bpf_name"]
        for one in network.json("filter", "show", "dev", "em1", "ingress")
        if "options" in one
    ]
    assert names == ["traffic.o:[classifier] owner web", "verdicts.o:[tc/stolen] owner other"]
    applied(network, "qdisc add dev em1 clsact\n", "owner", "web", "prune")
    assert "owner other" in network.tc("filter", "show", "dev", "em1", "ingress").out
    applied(network, "qdisc add dev em1 clsact\n", "prune", "all")
    assert network.tc("filter", "show", "dev", "em1", "ingress").out == ""


def program_id(network: Network) -> int:
    (shown,) = (one for one in network.json("filter", "show", "dev", "em1", "ingress") if "options" in one)
    number: int = shown["options"]["prog"]["id"]
    return number


def test_a_changed_program_goes_on_with_its_maps(
    plain_network: Network, build: Compiler, objects: dict[str, str]
) -> None:
    network = plain_network
    verdicts = objects["verdicts"]
    text = f"qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 1 bpf da obj {verdicts} section tc/count\n"
    applied(network, text)
    assert network.ping(peer=True)
    with Program.from_id(program_id(network)) as program:
        maps = program_map_ids(program.fd)
    with Map.from_id(maps[0]) as counts:
        before = [value for _, value in counts.items()]
    assert any(any(value) for value in before)
    # Another program of the same file that uses the same map would do as well; the other priority makes no new one.
    changed = text.replace("tc/count", "tc/count classid 1:7")
    assert applied(network, changed).startswith("~ filter dev em1 parent ingress")
    with Program.from_id(program_id(network)) as program:
        assert program_map_ids(program.fd) == maps


def test_what_json_lacks_is_compared_too(plain_network: Network) -> None:
    text = "qdisc add dev em1 root handle 1: tbf rate 1mbit burst 10k limit 20k peakrate {}mbit mtu 2000\n"
    applied(plain_network, text.format(2))
    assert applied(plain_network, text.format(4)).startswith("~ qdisc")
    assert "peakrate 4Mbit" in plain_network.tc("qdisc", "show", "dev", "em1").out


def test_a_chain_is_of_its_hook(plain_network: Network) -> None:
    text = "qdisc add dev em1 clsact\nchain add dev em1 ingress chain 4\n"
    assert applied(plain_network, text).count("+ chain dev em1 parent ingress chain 4") == 1
    assert applied(plain_network, text) == "unchanged\n"
    assert applied(plain_network, text.replace("ingress", "egress")).count("+ chain dev em1 parent egress chain 4") == 1


def test_the_numbers_of_hash_tables_do_not_count(plain_network: Network) -> None:
    """The kernel numbers them in the order in which preferences come up, which is another one here."""
    text = "qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 1 u32 match ip dport 1 0xffff\n"
    applied(plain_network, text)
    plain_network.ok(*"filter add dev em1 ingress pref 2 u32 match ip dport 2 0xffff".split())
    plain_network.ok(*"filter del dev em1 ingress pref 1".split())
    assert applied(plain_network, text).startswith("+ filter")
    assert applied(plain_network, text) == "unchanged\n"
    assert "pref 1 u32 chain 0 fh 802:" in plain_network.state()


#: Sends so many frames of EtherType 0x88b5 from one processor, and says when it has begun.
_FLOOD = """
import os, socket, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("em2", 0))
frame, left = b"\\xff" * 12 + b"\\x88\\xb5" + bytes(50), int(sys.argv[1])
print("begun", flush=True)
while left:
    try:
        sender.send(frame)
    except OSError:  # ENOBUFS: the frame has not been sent
        continue
    left -= 1
"""
_MOST_PACKETS = 1_000_000


def packets_counted(network: Network) -> int:
    """Return how many frames of EtherType 0x88b5 the filter's map has counted."""
    with Program.from_id(program_id(network)) as program:
        (number,) = program_map_ids(program.fd)
    with Map.from_id(number) as counts:
        return int.from_bytes([value for _, value in counts.items()][1], "little")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_packet_is_lost_while_a_program_is_upgraded(plain_network: Network, objects: dict[str, str]) -> None:
    """Each of them is counted, once, by the former program or the new one, in the same map."""
    network, programs = plain_network, set[int]()
    text = (
        f"qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 1 bpf da obj {objects['verdicts']} section tc/count"
    )
    applied(network, f"{text}\n")
    words = ["ip", "netns", "exec", network.peer, sys.executable, "-c", _FLOOD, str(_MOST_PACKETS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as flood:
        try:
            assert flood.stdout is not None and flood.stdout.readline() == "begun\n"
            while flood.poll() is None:
                applied(network, f"{text} classid 1:{len(programs) + 1:x}\n")
                programs.add(program_id(network))
            assert flood.wait() == 0
        finally:
            flood.kill()
    assert len(programs) > 1
    assert packets_counted(network) == _MOST_PACKETS
