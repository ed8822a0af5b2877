"""Lines of a batch that are made ready before their turn: nobody can tell but by the clock."""

from __future__ import annotations

import random
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from tests.network import Network
from tests.processes import PYTC, ROOT

pytestmark = pytest.mark.kernel

FILTER = "filter add dev em1 ingress pref {} bpf bytecode '1,6 0 0 {}' flowid 1:{:x}"
#: What a line behind each line shows.
MARK = b"qdisc pfifo 7: root refcnt 2 limit 77p\n"
#: Lines that depend on one another, right and wrong.
LINES = [
    "qdisc add dev em1 clsact",
    "qdisc del dev em1 clsact",
    "qdisc add dev em1 root handle 1: htb",
    "qdisc del dev em1 root",
    "class add dev em1 parent 1: classid 1:1 htb rate 1mbit",
    *(FILTER.format(pref, pref, pref) for pref in (1, 2, 3)),
    "filter replace dev em1 ingress pref 1 handle 1 bpf bytecode '1,6 0 0 9' flowid 1:9",
    "filter del dev em1 ingress pref 2",
    "filter del dev em1 ingress",
    "filter add dev em1 parent 1: matchall flowid 1:1",
    "filter add dev em1 parent 1: pref 7 handle 5 fw classid 1:1",
    "filter show dev em1 ingress",
    "filter get dev em1 ingress pref 1 handle 1 bpf",
    "chain add dev em1 ingress chain 3",
    "filter add dev em1 ingress chain 3 pref 4 bpf bytecode '1,6 0 0 4'",
    "filter add dev nosuch ingress bpf bytecode '1,6 0 0 4'",
    "filter add dev em1 ingress bpf bytecode '2,6 0 0 4'",
    "filter add dev em1 ingress foo",
    "qdisc show dev em1",
    "foo",
    "filter add dev em1 ingress pref 9 bpf bytecode-file /nonexistent",
]


def state(network: Network) -> list[str]:
    shown = [
        network.ok(*words.split())
        for words in (
            "qdisc show dev em1",
            "class show dev em1",
            "filter show dev em1 ingress",
            "filter show dev em1",
            "chain show dev em1 ingress",
        )
    ]
    return [re.sub(r"\b(id|tag|direct_packets_stat) \S+", "", one) for one in shown]


def cleared(network: Network) -> None:
    for place in ("clsact", "root"):
        network.tc("qdisc", "del", "dev", "em1", place)


def outcome(text: str) -> str:
    """Without what differs by nature."""
    return re.sub(r"\b(id|tag|direct_packets_stat) \S+", "", text)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("force", [True, False])
def test_lines_that_come_at_once_and_one_by_one(network: Network, tmp_path: Path, seed: int, force: bool) -> None:
    chosen = random.Random(seed)
    lines = ["qdisc add dev em1 clsact", *chosen.choices(LINES if force else LINES[:-7], k=150)]
    (tmp_path / "batch").write_text("".join(f"{line}\n" for line in lines))
    options = ["-force"] if force else []
    cleared(network)
    found = network.pytc(*options, "-batch", str(tmp_path / "batch"))
    left = state(network)
    cleared(network)
    status, out, err = by_turns(network, options, lines)
    assert (found.status, outcome(found.out)) == (status, outcome(out))
    assert found.err.replace(str(tmp_path / "batch"), "-") == err
    assert left == state(network)
    cleared(network)
    expected = network.tc(*options, "-batch", str(tmp_path / "batch"))
    failed = re.compile(r"Command failed \S+:\d+")
    assert (found.status, failed.findall(found.err)) == (expected.status, failed.findall(expected.err))
    assert outcome(found.out) == outcome(expected.out)


@pytest.mark.parametrize("force", [True, False])
def test_lines_that_are_alike_are_run_one_by_one(network: Network, tmp_path: Path, force: bool) -> None:
    """Of those that are sent together, one that the kernel refuses has its own number, and its remark its place."""
    prefs = [*range(1, 90), 40, 41, *range(90, 130), 1, 200]
    lines = ["qdisc add dev em1 clsact"]
    for pref in prefs:  # a remark where a program returns another class than that of its filter
        returned = 0xFFFFFFFF if pref % 30 else 0x10007
        lines.append(FILTER.format(pref, returned, 1).replace(" bpf", " handle 1 bpf"))
        if pref % 50 == 0:
            lines.append("filter show dev em1 ingress pref 9")
    path = tmp_path / "batch"
    path.write_text("".join(f"{line}\n" for line in lines))
    options = ["-force"] if force else []
    cleared(network)
    found = network.pytc(*options, "-batch", str(path))
    left = state(network)
    cleared(network)
    status, out, err = by_turns(network, options, lines)
    assert (found.status, outcome(found.out)) == (status, outcome(out))
    assert found.err.replace(str(path), "-") == err
    assert found.err.count("returns 65543") == (4 if force else 2)
    assert left == state(network)
    failing = [number for number, line in enumerate(lines, 1) if line in lines[: number - 1] and " add " in line]
    assert re.findall(r"failed \S+:(\d+)", found.err) == list(map(str, failing if force else failing[:1]))


def by_turns(network: Network, options: list[str], lines: list[str]) -> tuple[int, str, str]:
    """What becomes of lines of which each comes when the one before it has been run: a line behind each,
    which shows something, says that it has."""
    if network.execute("ip", "link", "add", "mark", "type", "bridge").status == 0:
        network.ok("qdisc", "add", "dev", "mark", "root", "handle", "7:", "pfifo", "limit", "77")
    process = start(network, *options, "-batch", "-")
    assert process.stdin is not None and process.stdout is not None
    out = b""
    for line in lines:
        process.stdin.write(f"{line}\nqdisc show dev mark\n".encode())
        process.stdin.flush()
        answer = b""
        while not answer.endswith(MARK):
            piece = process.stdout.read1()  # type: ignore[attr-defined]
            if not piece:
                break
            answer += piece
        out += answer.removesuffix(MARK)
        if not answer.endswith(MARK):  # it has ended, whether or not it can be waited for yet
            break
    process.stdin.close()
    err = process.stderr.read().decode() if process.stderr is not None else ""
    status = process.wait(timeout=PATIENCE)
    return status, out.decode(), re.sub(r":(\d+)$", lambda found: f":{(int(found[1]) + 1) // 2}", err, flags=re.M)


def start(network: Network, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PYTC, "-n", network.name, *words],
        cwd=ROOT,
        env=network.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_line_does_not_wait_for_the_next_one(network: Network) -> None:
    process = start(network, "-batch", "-")
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(
            b"qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 5 bpf bytecode '1,6 0 0 0'\n"
            b"filter show dev em1 ingress\nfilter add dev em1 ingr"
        )
        process.stdin.flush()
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        assert b"pref 5" in process.stdout.read1()  # type: ignore[attr-defined]
        process.stdin.write(b"ess pref 6 bpf bytecode '1,6 0 0 0'\n")
        process.stdin.flush()
        until = time.monotonic() + PATIENCE
        while "pref 6" not in network.ok("filter", "show", "dev", "em1", "ingress"):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert process.poll() is None
    finally:
        process.stdin.close()
        assert process.wait(timeout=PATIENCE) == 0
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()


def test_a_line_that_cannot_be_read_comes_after_those_before_it(network: Network, tmp_path: Path) -> None:
    (tmp_path / "batch").write_text(
        "qdisc add dev em1 clsact\n"
        "filter add dev em1 ingress pref 5 bpf bytecode '1,6 0 0 0'\n"
        "filter show dev 'em1\nqdisc del dev em1 clsact\n"
    )
    done = network.pytc("-batch", str(tmp_path / "batch"))
    assert (done.status, "Unterminated quoted string" in done.err) == (1, True)
    assert "pref 5" in network.ok("filter", "show", "dev", "em1", "ingress")


def test_a_device_that_takes_the_place_of_another_one(network: Network) -> None:
    """The name is looked up when the line is run."""
    process = start(network, "-batch", "-")
    assert process.stdin is not None
    network.execute("ip", "link", "add", "br1", "type", "bridge")
    lines = f"qdisc add dev br1 clsact\n{FILTER.format(1, 0xFFFFFFFF, 1).replace('em1', 'br1')}\n".encode()
    for _ in range(2):
        process.stdin.write(lines)
        process.stdin.flush()
        until = time.monotonic() + PATIENCE
        while "pref 1" not in network.ok("filter", "show", "dev", "br1", "ingress"):
            assert time.monotonic() < until
            time.sleep(0.05)
        network.execute("ip", "link", "del", "br1")
        network.execute("ip", "link", "add", "br1", "type", "bridge")
    assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert process.returncode == 0
