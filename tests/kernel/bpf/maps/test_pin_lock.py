"""Commands that load objects with the same pins at the same time."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pytc.bpf.maps import pin_lock
from pytc.bpf.maps.pin_lock import PinLock
from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.sys.info import describe_map, program_by_id, program_map_ids
from pytc.bpf.sys.pins import open_pin
from pytc.errors import PinError
from tests.conftest import EXAMPLES, pins
from tests.network import Network
from tests.processes import Outcome
from tests.tiers import rounds

pytestmark = pytest.mark.kernel

AT_ONCE = 50


def add(network: Network, pref: int) -> Outcome:
    words = f"filter add dev em1 ingress pref {pref} handle 1 bpf da obj {EXAMPLES / 'firewall.o'}"
    return network.pytc(*words.split())


def pinned_maps(mount: Path) -> dict[str, int]:
    """Return the ids of the pinned maps by their names."""
    found = {}
    for path in (mount / "tc" / "globals").iterdir():
        with open_pin(str(path)) as descriptor:
            found[path.name] = describe_map(descriptor.fd).id
    return found


@pytest.mark.timeout(9000)
@pytest.mark.parametrize("rounds", [2, pytest.param(rounds(20), marks=pytest.mark.slow)])
def test_commands_that_fail_leave_the_pins_of_others(clsact: Network, bpffs: Path, rounds: int) -> None:
    """Every other command fails, for its preference and handle are in use."""
    clsact.ok("filter", "add", "dev", "em1", "ingress", "pref", "1", "handle", "1", "bpf", "bytecode", "1,6 0 0 0")
    prefs = [1 if number % 2 else 2 + number for number in range(AT_ONCE)]
    for _ in range(rounds):
        with ThreadPoolExecutor(AT_ONCE) as threads:
            outcomes = [*threads.map(partial(add, clsact), prefs)]
        statuses = [0, 2] * (AT_ONCE // 2)
        assert [outcome for outcome, status in zip(outcomes, statuses, strict=True) if outcome.status != status] == []
        expected = pinned_maps(bpffs)
        shown = json.loads(clsact.ok("filter", "show", "dev", "em1", "ingress", options=("-j",)))
        programs = [one["options"]["prog"]["id"] for one in shown if "prog" in one.get("options", {})]
        assert len(programs) == AT_ONCE // 2
        for number in programs:
            with program_by_id(number) as program:
                assert set(expected.values()) <= set(program_map_ids(program.fd))
        for number in range(0, AT_ONCE, 2):
            clsact.ok("filter", "del", "dev", "em1", "ingress", "pref", str(2 + number))
        shutil.rmtree(bpffs / "tc")


def test_a_lock_that_another_process_holds_is_reported(bpffs: Path) -> None:
    (bpffs / "tc").mkdir()
    with PinLock() as held, PinLock(seconds=0.1) as wanted:
        assert held.acquire(str(bpffs / "tc"))
        with pytest.raises(PinError, match="in use by another command") as refused:
            wanted.acquire(str(bpffs / "tc"))
    assert refused.value.hints == (f"process {os.getpid()} holds it",)


def test_a_lock_that_many_commands_hold_in_turn_is_waited_for(bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bpffs / "tc").mkdir()
    holders = ["one", "two", "three", "four", "four", "five"]
    monkeypatch.setattr(pin_lock, "_holder", lambda fd: (f"process {holders.pop(0)} holds it",))
    with PinLock() as held, PinLock(seconds=0.01) as wanted:
        assert held.acquire(str(bpffs / "tc"))
        with pytest.raises(PinError, match="in use by another command") as refused:
            wanted.acquire(str(bpffs / "tc"))
    assert (refused.value.hints, holders) == (("process four holds it",), ["five"])


def test_a_directory_that_its_maker_removes_is_made_again(bpffs: Path) -> None:
    first, second = PinRoot(str(bpffs)), PinLock()
    first.lock()
    with second:
        directory = str(bpffs / "tc")
        waiting = os.open(directory, os.O_RDONLY)
        first.undo()
        assert not os.path.exists(directory)
        os.close(waiting)
        with pytest.raises(FileNotFoundError):
            second.acquire(directory)
    other = PinRoot(str(bpffs))
    other.lock()
    assert pins(bpffs) == ["tc"]
    other.undo()
    assert pins(bpffs) == []


@pytest.mark.parametrize("path", ["tc", "tc/globals"])
def test_directories_of_other_users_are_refused(clsact: Network, bpffs: Path, path: str) -> None:
    (bpffs / "tc" / "globals").mkdir(parents=True)
    os.chown(bpffs / path, 65534, 65534)
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(EXAMPLES / "firewall.o"))
    refused = clsact.pytc(*words)
    assert refused.status == 1
    assert f'"{bpffs / path}" belongs to nobody (user 65534)' in refused.err
    assert pins(bpffs) == ["tc", "tc/globals"]


def test_pins_of_other_users_are_refused(clsact: Network, bpffs: Path) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(EXAMPLES / "firewall.o"))
    clsact.ok(*words)
    pin = bpffs / "tc" / "globals" / "settings"
    os.chown(pin, 65534, 65534)
    refused = clsact.pytc(*words)
    assert refused.status == 1
    assert f'"{pin}" belongs to nobody (user 65534)' in refused.err


def test_a_map_that_is_named_must_not_be_another_users_either(clsact: Network, bpffs: Path) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(EXAMPLES / "firewall.o"))
    clsact.ok(*words)
    pin = bpffs / "mine"
    clsact.ok("map", "pin", "pinned", str(bpffs / "tc/globals/settings"), str(pin))
    clsact.ok(*words, "map", "settings", "pinned", str(pin))
    os.chown(pin, 65534, 65534)
    for options in ((), ("--dry-run",)):
        refused = clsact.pytc(*words, "map", "settings", "pinned", str(pin), options=options)
        assert refused.status == 1
        assert f'"{pin}" belongs to nobody (user 65534)' in refused.err
        assert f"Hint: rm {pin} removes the pin\n" in refused.err


@pytest.mark.parametrize("path", ["", "tc", "tc/globals"])
def test_directories_that_all_users_can_write_to_are_refused(clsact: Network, bpffs: Path, path: str) -> None:
    (bpffs / "tc" / "globals").mkdir(parents=True)
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(EXAMPLES / "firewall.o"))
    (bpffs / path).chmod(0o777)
    refused = clsact.pytc(*words)
    assert refused.status == 1
    assert f'"{bpffs / path}" can be written to by all users' in refused.err
    assert f"Hint: chmod o-w {bpffs / path}, or chmod +t {bpffs / path}, ends that\n" in refused.err
    assert pins(bpffs) == ["tc", "tc/globals"]
    (bpffs / path).chmod(0o1777)
    clsact.ok(*words)


def test_a_command_that_pins_twice_waits_for_nobody(clsact: Network, bpffs: Path) -> None:
    """Its maps, and the link: both with the one lock of the command."""
    words = "tcx attach dev em1 ingress link m:firewall obj".split()
    clsact.ok(*words, str(EXAMPLES / "firewall.o"))
    assert "tc/firewall" in pins(bpffs) and "tc/globals/settings" in pins(bpffs)
