"""Actions: dumps of many, shared maps, and refusals."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytc.bpf import Map
from pytc.bpf.sys.info import describe_map, map_by_id, program_by_id, program_map_ids
from tests.compat.lines import words_of
from tests.kernel.bpf.support import nothing_left
from tests.processes import pytc_here
from tests.vm.twins import alike, new_network, run_all, tc

pytestmark = [pytest.mark.kernel, pytest.mark.needs("filter:bpf", "action:bpf", "action:gact")]
Objects = Callable[[str], str]


def test_those_of_the_last_seconds() -> None:
    new_network()
    assert pytc_here("actions", "add", "action", "gact", "ok", "index", "1").status == 0
    time.sleep(6)
    assert pytc_here("actions", "add", "action", "gact", "ok", "index", "2").status == 0
    for milliseconds, expected in ((3000, [2]), (600_000, [1, 2])):
        words = ("actions", "ls", "action", "gact", "since", str(milliseconds))
        for run in (pytc_here, tc):
            [_, found] = json.loads(run("-j", *words).out)
            assert [action["index"] for action in found["actions"]] == expected


def test_more_than_32_in_a_dump() -> None:
    new_network()
    for number in range(1, 76, 25):
        words = [f"action gact ok index {index}" for index in range(number, number + 25)]
        assert pytc_here("actions", "add", *" ".join(words).split()).status == 0
    alike("actions ls action gact")
    records = json.loads(pytc_here("-j", "actions", "ls", "action", "gact").out)
    assert sum(record.get("total acts", 0) for record in records) == 75


class TestSharedMaps:
    """tc-bpf(8)'s own example: a classifier and two actions of one object, in one command."""

    COMMAND = (
        "filter add dev em1 parent 1: bpf obj OBJECT flowid 1:1 action bpf obj OBJECT sec action-mark "
        "action bpf obj OBJECT sec action-rand ok"
    )

    def test_packets_go_through_all_three(self, objects: Objects, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        new_network()
        assert tc("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb", "default", "1").status == 0
        done = pytc_here(*self.COMMAND.replace("OBJECT", objects("shared_maps")).split())
        assert (done.status, done.out, done.err) == (0, "", "")
        received = send_packets(10)
        [*_, shown] = json.loads(pytc_here("-j", "-s", "filter", "show", "dev", "em1").out)
        options = shown["options"]
        programs = [part["prog"]["id"] for part in (options, *options["actions"])]
        [seen] = {number for program in programs for number in maps_of(program, "seen")}
        assert array_of(seen) == [10, 10, 10, 10, 5, 0, 0, 0]
        assert received == 5
        with Map.from_pin(str(bpffs / "tc/globals/marks")) as marks:
            found = {int.from_bytes(key, "little"): int.from_bytes(value, "little") for key, value in marks.items()}
        assert found == {0: 10, 0xB1F: 10}
        names = [action["bpf_name"] for action in options["actions"]]
        assert names == ["shared_maps.o:[action-mark]", "shared_maps.o:[action-rand]"]
        assert [action["stats"]["packets"] for action in options["actions"]] == [10, 10]
        assert options["actions"][1]["stats"]["drops"] == 5

    def test_a_failure_leaves_nothing(self, objects: Objects, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        new_network()
        with nothing_left(bpffs):
            done = pytc_here(*self.COMMAND.replace("OBJECT", objects("shared_maps")).split())  # there is no qdisc 1:
        assert done.status == 2
        assert [path for path in bpffs.rglob("*") if path.name == "marks"] == []
        assert tc("-j", "actions", "ls", "action", "bpf").out.strip() == "[]"


class TestRefusals:
    """Exit codes as tc has them, and words that say what is wrong: newer kernels' || those of 5.10."""

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("actions get action gact index 66", "not found"),
            ("actions del action gact index 66", "not found"),
            ("actions flush action ife", "Cannot flush unknown TC action"),
            ("actions add action gact ok index 5", "File exists"),
            ("actions add action gact goto chain 7", "goto"),
            ("actions add action bpf index 5", "Invalid argument"),
            ("actions del action gact index 7", "Failed to delete TC action"),
            ("actions flush action gact", "Warning: Unable to flush all TC actions || Operation not permitted"),
            ("actions add action gact pipe skip_sw", "not supported || Attribute failed policy validation"),
        ],
    )
    def test_of_the_kernel(self, line: str, words: str) -> None:
        outcomes = []
        for run in (tc, pytc_here):
            new_network()
            used = "filter add dev em1 ingress bpf bytecode 1,6_0_0_1 action gact drop index 7"
            assert run_all(tc, [used, "actions add action gact ok index 5"]) == [0, 0]
            outcomes.append(run(*words_of(line)))
        expected, done = outcomes
        assert done.status == expected.status
        assert any(one in expected.err and one in done.err for one in words.split(" || ")), (expected.err, done.err)

    def test_more_than_32_are_said(self) -> None:
        """Kernels leave the others out, or refuse them in words of their own."""
        line = "filter add dev em1 ingress bpf bytecode 1,6_0_0_1 " + "action ok " * 33
        new_network()
        expected = tc(*words_of(line))
        new_network()
        done = pytc_here(*words_of(line))
        assert done.status == expected.status
        if expected.status:
            assert (
                expected.err.splitlines()[0]
                == done.err.splitlines()[0]
                == "Error: Only 32 actions supported per filter."
            )
        else:
            assert "takes 32 actions at a time; the last 1 of these 33" in done.err


FRAME = b"\xff" * 6 + bytes(6) + b"\x88\xb5" + bytes(50)  # of a local experimental EtherType


def send_packets(count: int, frame: bytes = FRAME) -> int:
    """Sends frames out of em1; returns how many em2 has received."""
    before = packets_in("em2")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("em1", 0))
        for _ in range(count):
            sender.send(frame)
    return packets_in("em2") - before


def packets_in(device: str) -> int:
    [found] = json.loads(
        subprocess.run(
            ["ip", "-j", "-s", "link", "show", "dev", device], check=True, capture_output=True, text=True
        ).stdout
    )
    number = found["stats64"]["rx"]["packets"]
    assert isinstance(number, int)
    return number


def maps_of(program: int, name: str) -> list[int]:
    """The ids of a program's maps of that name."""
    found = []
    with program_by_id(program) as descriptor:
        for number in program_map_ids(descriptor.fd):
            with map_by_id(number) as one:
                found += [number] if describe_map(one.fd).name == name else []
    return found


def array_of(number: int) -> list[int]:
    """The numbers in an array."""
    with Map(map_by_id(number)) as found:
        return [int.from_bytes(value, "little") for _, value in found.items()]
