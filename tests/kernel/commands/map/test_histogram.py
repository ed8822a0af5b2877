"""``map dump MAP hist``: bars."""

from __future__ import annotations

import json
import struct

import pytest

from pytc.bpf import MapType
from pytc.bpf.sys.cpus import possible_cpus
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


def test_the_longest_bar_is_the_largest_number(new_map: MapFactory) -> None:
    found = new_map(MapType.HASH)
    for key, value in ((10, 5), (9, 20), (2, 0), (1, 10)):
        found[word(key)] = word(value)
    assert printed("map", "dump", *fd_of(found), "hist").splitlines() == [
        f"key 1  |{'@' * 20:<40}| 10",
        f"key 9  |{'@' * 40:<40}| 20",
        f"key 10 |{'@' * 10:<40}| 5",
    ]
    assert len(json.loads(printed("-j", "map", "dump", *fd_of(found), "hist"))) == 4


def test_of_a_structure_it_is_the_first_number(new_map: MapFactory) -> None:
    found = new_map(MapType.HASH, 4, 16)
    found[word(7)] = struct.pack("=4sIQ", bytes([10, 0, 0, 1]), 6, 99)
    words = ("map", "dump", *fd_of(found), "valuetype", "{ip4 from, u32 packets, u64 bytes}", "hist")
    assert printed(*words) == f"key 7 |{'@' * 40}| 6\n"


def test_values_of_cpus_are_added(new_map: MapFactory) -> None:
    found = new_map(MapType.PERCPU_ARRAY, entries=2)
    found[word(1)] = struct.pack("=Q", 3) * possible_cpus()
    assert printed("map", "dump", *fd_of(found), "hist") == f"key 1 |{'@' * 40}| {3 * possible_cpus()}\n"


def test_only_the_largest_of_many_are_drawn(new_map: MapFactory) -> None:
    found = new_map(MapType.ARRAY, entries=1000)
    for key in range(1000):
        found[word(key)] = word(key)
    *lines, last = printed("map", "dump", *fd_of(found), "hist").splitlines()
    assert (len(lines), last) == (200, "(the largest 200)")
    assert lines[0].startswith("key 800 ") and lines[-1].startswith("key 999 ")


def test_zeros_are_told_from_nothing(new_map: MapFactory) -> None:
    assert printed("map", "dump", *fd_of(new_map(MapType.ARRAY)), "hist") == "(all values are 0)\n"
    assert printed("map", "dump", *fd_of(new_map(MapType.HASH)), "hist") == ""


def test_addresses_are_no_numbers(new_map: MapFactory) -> None:
    found = new_map(MapType.HASH)
    assert "have no number" in refused("map", "dump", *fd_of(found), "valuetype", "ip4", "hist")
