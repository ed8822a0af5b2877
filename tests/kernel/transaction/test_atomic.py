"""``--atomic``: when a line fails, all is as it was before the batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.kernel.transaction.atomic_state import FAILING, TAKEN_BACK, atomic, changed, furnish, state
from tests.network import Network
from tests.tiers import some_in_guests

pytestmark = pytest.mark.kernel

UNTOUCHED = "Note: nothing has been done\n"
BYTECODE = "bpf bytecode '1,6 0 0 {}' flowid 1:{}"


@pytest.fixture
def furnished(network: Network) -> Network:
    """em1 with something of each sort; see there."""
    furnish(network)
    return network


CHANGES = [
    "qdisc add dev em1 parent 1:20 handle 20: bfifo",
    "qdisc replace dev em1 parent 1:20 handle 20: pfifo limit 3",
    "qdisc add dev em1 parent 1:20 handle 20: tbf rate 1mbit burst 10k latency 5ms",
    "qdisc change dev em1 handle 10: pfifo limit 9",
    "qdisc replace dev em1 parent 1:10 handle 10: pfifo limit 9",
    "qdisc replace dev em1 clsact",
    "qdisc del dev em1 parent 1:30",
    "class add dev em1 parent 1:1 classid 1:11 htb rate 1mbit",
    "class replace dev em1 parent 1:1 classid 1:11 htb rate 1mbit",
    "class change dev em1 parent 1: classid 1:1 htb rate 1mbit ceil 2gbit burst 1k cburst 2k prio 1",
    "class replace dev em1 parent 1:1 classid 1:10 htb rate 40gbit quantum 1500",
    "class del dev em1 classid 1:20",
    f"filter add dev em1 ingress pref 10 handle 3 {BYTECODE.format(7, 7)}",
    f"filter add dev em1 ingress {BYTECODE.format(7, 7)}",
    f"filter add dev em1 egress pref 10 protocol ipv6 {BYTECODE.format(7, 7)}",
    f"filter replace dev em1 ingress pref 10 handle 1 {BYTECODE.format(7, 7)}",
    f"filter change dev em1 ingress pref 20 protocol ip handle 1 {BYTECODE.format(7, 7)}",
    "filter replace dev em1 ingress pref 10 handle 2 bpf da obj OBJECT",
    "filter replace dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 9' action mirred egress mirror dev lo",
    "filter del dev em1 ingress pref 10 handle 2 bpf",
    "filter del dev em1 ingress pref 10",
    "filter del dev em1 ingress pref 20 protocol ip",
    "filter del dev em1 ingress chain 3",
    "filter add dev em1 ingress pref 10 bpf da obj OBJECT",
    "filter add dev em1 egress bpf da obj PINNED",
    "filter add dev em1 parent 1: pref 1 bpf da expression 'tcp port 80'",
    "filter add dev em1 ingress pref 30 u32 match ip dport 81 0xffff flowid 1:1",
    "filter add dev em1 ingress pref 31 u32 match ip dport 81 0xffff flowid 1:1",
    "filter add dev em1 ingress pref 32 handle 2: u32 divisor 4",
    "filter add dev em1 egress u32 match u32 0 0 flowid 1:1",
    "filter add dev em1 ingress pref 30 u32",
    "filter add dev em1 ingress chain 5 pref 30 u32 match u32 0 0",
    "filter add dev em1 egress pref 30 u32",
    "filter add dev em1 ingress pref 31 u32",
    "filter add dev em1 ingress u32",
    f"filter add dev em1 ingress chain 9 {BYTECODE.format(7, 7)}",
    "filter add dev em1 egress u32 match u32 0 0 action mirred egress redirect dev lo index 5",
    "filter add dev em1 egress u32 match u32 0 0 action mirred egress redirect dev lo index 6",
    "filter add dev em1 ingress chain 4 pref 77 u32 match u32 0 0 action mirred egress redirect dev lo",
    "chain add dev em1 ingress chain 5",
    "chain add dev em1 egress",
    "actions add action mirred egress redirect dev lo index 8 action mirred egress redirect dev lo",
    "actions replace action mirred egress redirect dev lo index 8",
]
PREPARATION = [
    "class add dev em1 parent 1: classid 1:20 htb rate 1mbit",
    "class add dev em1 parent 1: classid 1:30 htb rate 1mbit",
    "qdisc add dev em1 parent 1:30 handle 30: pfifo limit 5",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_taken_back(furnished: Network, build: Compiler, change: str) -> None:
    line = change.replace("OBJECT", build("drop")).replace("PINNED", build("legacy_pin_global"))
    before = state(furnished, statistics=True)
    done = atomic(furnished, [*PREPARATION, line, FAILING])
    assert (done.status, done.out) == (1, "")
    assert done.err.endswith(f"Command failed -:5\n{TAKEN_BACK}")
    assert "9:1" in done.err or "RTNETLINK" in done.err, "the line that has to fail is what failed"
    assert changed(before, furnished, statistics=True) == ""


def test_what_succeeds_is_what_it_is_without(furnished: Network, build: Compiler) -> None:
    lines = [
        *PREPARATION,
        f"filter add dev em1 egress bpf da obj {build('legacy_pin_global')}",
        "",
        "filter show dev em1 egress",
        "filter del dev em1 ingress pref 10  # two of them",
        "class change dev em1 parent 1: classid 1:1 \\",
        "htb rate 1mbit",
    ]
    before = state(furnished)
    done = atomic(furnished, lines)
    assert done.status == 0, done.err
    assert "legacy_pin_global.o:[classifier]" in done.out
    after = state(furnished)
    assert after != before
    assert "tc/globals/pinned_global" in dict(after.pinned)


REFUSED = {
    "qdisc del dev em1 root": "qdisc dev em1 parent root handle 1: kind htb would be deleted, and its counters cannot "
    "be restored",
    "qdisc del dev em1 clsact": "kind clsact would be deleted",
    "qdisc replace dev em1 root handle 2: pfifo": "handle 1: kind htb would lose its place",
    "qdisc replace dev em1 root handle 1: htb default 20": "handle 1: kind htb already exists, and its present options",
    "qdisc replace dev em1 parent 1:1 handle 10: pfifo limit 5": "handle 10: kind pfifo would lose its place",
    "qdisc replace dev em1 ingress": "kind clsact would lose its place",
    "qdisc change dev em1 parent 1:10 handle 10: est 1sec 4sec pfifo limit 9": "estimator",
    "class del dev em1 classid 1:10": "classid 1:10 kind htb would be deleted",
    "class replace dev em1 parent 1:1 classid 1:10 est 1sec 4sec htb rate 1mbit": "estimator",
    "class add dev em1 parent 1:10 classid 1:11 htb rate 1mbit": "qdisc dev em1 parent 1:10 handle 10: kind pfifo "
    "is deleted",
    "filter del dev em1 ingress": "the kernel does not tell how it was made",
    "filter del dev em1 ingress pref 30": "pref 30",
    "filter del dev em1 ingress pref 50": "with actions",
    "filter replace dev em1 ingress pref 30 handle 800::800 u32 match u32 0 0 indev em1": "indev cannot be unset again",
    "filter del dev em1 ingress pref 10 handle 1 bpf": "back in its place",
    "filter add dev em1 egress fw": "fw filter without a handle",
    "filter del dev em1 ingress pref 30 handle 800::800 u32": "the kernel does not tell how it was made",
    "filter change dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 9' "
    "action mirred egress mirror dev lo": "overwrites existing actions",
    "chain add dev em1 ingress chain 4": "chain 4 already exists",
    "chain add dev em1 ingress chain 3": "chain 3",
    "chain del dev em1 ingress chain 4": "chain 4 already exists",
    "actions del action mirred index 5": "action mirred index 5",
    "actions flush action mirred": "its counters cannot be restored",
    "actions replace action mirred egress redirect dev lo index 5 action mirred egress mirror dev lo": "of its own",
    "filter add dev em1 egress bpf da obj OBJECT export /nonexistent": 'maps would be exported to "/nonexistent"',
    "tcx attach dev em1 ingress obj OBJECT": "--atomic is for",
    "map set name x key 1 value 1": "--atomic is for",
    "monitor": "--atomic is for",
    "exec bpf debug": "--atomic is for",
    "object show OBJECT": "--atomic is for",
}


@pytest.mark.parametrize("line", some_in_guests(REFUSED))
def test_what_would_be_lost_is_refused_before_anything_is_done(
    furnished: Network, build: Compiler, line: str, tmp_path: Path
) -> None:
    before, batch = state(furnished, statistics=True), tmp_path / "batch"
    batch.write_text(f"filter show dev em1 ingress\n\n# two\n{line.replace('OBJECT', build('drop'))}\n")
    done = atomic(furnished, [], path=str(batch))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("This could not be taken back: ")
    assert REFUSED[line] in done.err
    assert done.err.endswith(f"Command failed {batch}:4\n{UNTOUCHED}")
    assert changed(before, furnished, statistics=True) == ""


@pytest.mark.parametrize(
    ("lines", "number", "what"),
    [
        (["filter add dev em1 ingress pref nosense"], 2, "nosense"),
        (["", "# x", "qdisc add dev 'em1 clsact"], 4, "nterminated"),
        (["filter add dev em1 egress bpf da obj /nonexistent"], 2, "/nonexistent"),
        (["filter add dev em8 egress u32 match u32 0 0"], 2, "em8"),
    ],
)
def test_all_lines_are_read_first(furnished: Network, lines: list[str], number: int, what: str) -> None:
    before = state(furnished)
    done = atomic(furnished, ["filter show dev em1 ingress", *lines])
    assert (done.status, done.out) == (1, ""), "the first line was not run"
    assert what in done.err
    assert done.err.endswith(f"Command failed -:{number}\n{UNTOUCHED}")
    assert changed(before, furnished) == ""


def test_empty_batches_and_files_that_are_not_there(furnished: Network, tmp_path: Path) -> None:
    assert atomic(furnished, []) == (0, "", "")
    assert atomic(furnished, ["", "# nothing"]) == (0, "", "")
    done = atomic(furnished, [], path=str(tmp_path / "none"))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith('Cannot open file "')


def test_json(furnished: Network) -> None:
    done = atomic(furnished, [PREPARATION[0], FAILING], "-j")
    error, failed, note = map(json.loads, done.err.splitlines())
    assert error["errno"]
    assert failed == {"note": "Command failed -:2"}
    assert note == {"note": TAKEN_BACK.strip()}


def test_without_privileges_a_dry_run_says_what_would_be_refused(furnished: Network) -> None:
    before = state(furnished)
    done = atomic(furnished, [PREPARATION[0], "qdisc del dev em1 root"], "--dry-run")
    assert "RTM_NEWTCLASS" in done.out
    assert done.err.endswith(f"Command failed -:2\n{UNTOUCHED}")
    done = atomic(furnished, [PREPARATION[0], "filter del dev em1 ingress pref 10"], "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert changed(before, furnished) == ""


def test_clsact_that_comes_along_goes_too(network: Network) -> None:
    before = state(network)
    done = atomic(network, ["filter add dev em1 ingress u32 match u32 0 0 flowid 1:1", FAILING], "--create-clsact")
    assert done.err.endswith(TAKEN_BACK)
    assert changed(before, network) == ""
