"""``monitor``: the real tc and pytc listen to the same changes, and print the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from tests.network import Network
from tests.processes import PYTC
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

CHANGES = [
    "qdisc add dev em1 clsact",
    "qdisc add dev em1 root handle 1: htb default 1",
    "class add dev em1 parent 1: classid 1:1 htb rate 1mbit",
    "class change dev em1 parent 1: classid 1:1 htb rate 2mbit",
    "filter add dev em1 ingress pref 5 protocol ip bpf bytecode 1,6_0_0_7 flowid 1:1",
    "filter replace dev em1 ingress pref 5 handle 1 protocol ip bpf bytecode 1,6_0_0_8 flowid 1:1",
    "filter del dev em1 ingress pref 5",
    "chain add dev em1 ingress chain 7",
    "chain del dev em1 ingress chain 7",
    "qdisc replace dev em1 root handle 2: htb",
    "class add dev em1 parent 2: classid 2:1 htb rate 1mbit",
    "class del dev em1 parent 2: classid 2:1",
    "actions add action mirred egress redirect dev lo index 5",
    "actions del action mirred index 5",
    "qdisc del dev em1 root",
    "qdisc del dev em1 clsact",
]
#: Of the last change, as JSON.
LAST = '"deleted":true,"kind":"clsact"'
STAMP = re.compile(r"Timestamp: \w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4} \d+ usec\n|\[\d{4}-\d\d-\d\dT[\d:.]{15}\] ")


@contextmanager
def listening(network: Network, output: Path, *command: str) -> Iterator[None]:
    """A monitor that writes into a file; the block begins when its socket is bound."""
    words = ["ip", "netns", "exec", network.name, *command]
    with (
        output.open("wb") as file,
        subprocess.Popen(words, stdout=file, stderr=subprocess.PIPE, env={**os.environ, **network.env}) as process,
    ):
        try:
            until(lambda: listens(process.pid))
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=PATIENCE)
            finally:
                process.kill()


def listens(pid: int) -> bool:
    """Whether a process has a netlink socket in a group (proc(5), /proc/net/netlink)."""
    try:
        own = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        rows = [row.split() for row in Path(f"/proc/{pid}/net/netlink").read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(int(row[3], 16) and f"socket:[{row[-1]}]" in own for row in rows)


def change(network: Network) -> None:
    for line in CHANGES:
        words = [word.replace("_", " ") if "," in word else word for word in line.split()]
        done = network.tc(*words)
        assert done.status == 0, (line, done.err)


@pytest.mark.parametrize("options", [(), ("-s",), ("-d",), ("-t",), ("-ts",)], ids=" ".join)
def test_prints_what_tc_prints(network: Network, tmp_path: Path, options: tuple[str, ...]) -> None:
    by_tc, by_pytc = tmp_path / "tc", tmp_path / "pytc"
    with (
        listening(network, by_tc, "stdbuf", "-oL", "tc", *options, "monitor"),
        listening(network, by_pytc, *PYTC, *options, "monitor"),
    ):
        change(network)
        until(lambda: all("deleted qdisc clsact" in path.read_text() for path in (by_tc, by_pytc)))
    expected, found = (masked(path.read_text()) for path in (by_tc, by_pytc))
    assert found == expected
    stamps = len(STAMP.findall(by_pytc.read_text()))
    assert (stamps > len(CHANGES)) == ("-t" in options or "-ts" in options)


def masked(text: str) -> str:
    return re.sub(r"(installed|used) \d+ sec", r"\1 N sec", STAMP.sub("", text))


def test_json_is_an_object_on_a_line(network: Network, tmp_path: Path) -> None:
    output = tmp_path / "pytc"
    with listening(network, output, *PYTC, "-j", "-ts", "monitor"):
        change(network)
        until(lambda: LAST in output.read_text())
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(records) >= len(CHANGES)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", record["timestamp"]) for record in records)
    assert [record["event"] for record in records if "event" in record] == ["added", "deleted"]
    [replaced] = [record for record in records if record.get("replaced")]
    assert replaced["options"]["bytecode"]["insns"][0]["k"] == 8


def test_what_rtmon_has_written(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "record"
    rtmon = ["ip", "netns", "exec", network.name, "rtmon", "file", str(path)]
    with subprocess.Popen(rtmon, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(lambda: listens(process.pid))
            change(network)
            until(lambda: LAST in network.ok("monitor", "file", str(path), options=("-j",)))
        finally:
            process.terminate()
    done = network.pytc("monitor", "file", str(path))
    assert done.status == 0, done.err
    oneline = network.ok("monitor", "file", str(path), options=("-o",))
    assert len(oneline.splitlines()) == len(network.ok("monitor", "file", str(path), options=("-j",)).splitlines())
    assert oneline.replace("\n", "\\") == done.out.replace("\n", "\\")


@pytest.mark.parametrize(
    ("words", "said"),
    [("monitor foo", "foo"), ("monitor file /nonexistent", "/nonexistent"), ("monitor file", "not complete")],
)
def test_wrong_words(network: Network, words: str, said: str) -> None:
    expected, found = network.tc(*words.split()), network.pytc(*words.split())
    assert found.status == expected.status == 255
    assert said in found.err


def test_a_file_that_holds_something_else(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"\xff" * 100)
    done = network.pytc("monitor", "file", str(path))
    assert (done.status, "does not hold what rtmon writes" in done.err) == (255, True)
