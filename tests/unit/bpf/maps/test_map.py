"""What maps need to know before there is a kernel."""

from __future__ import annotations

import mmap

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import actual_entries, wants_btf
from pytc.bpf.sys.constants import map_type_name, program_type_name
from pytc.bpf.sys.cpus import count_cpus, cpu_list, number_set, possible_cpus


@pytest.mark.parametrize(("text", "count"), [("0\n", 1), ("0-3", 4), ("0-3,8", 5), ("0,2,4-5\n", 4), ("0-127", 128)])
def test_cpus_are_counted_and_holes_are_not(text: str, count: int) -> None:
    assert count_cpus(text) == count


@pytest.mark.parametrize("text", ["", "x", "-3", "0,,1"])
def test_a_list_of_cpus_that_makes_no_sense_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        count_cpus(text)


@pytest.mark.parametrize("text", ["0", "0-3", "1,3", "0-1,4,8-9"])
def test_lists_of_cpus_both_ways(text: str) -> None:
    assert cpu_list(sorted(number_set(text))) == text


def test_there_is_a_cpu() -> None:
    assert possible_cpus() >= 1


@pytest.mark.parametrize(
    ("type", "entries", "actual"),
    [
        (MapType.RINGBUF, 1, mmap.PAGESIZE),
        (MapType.RINGBUF, 5000, max(8192, mmap.PAGESIZE)),
        (MapType.RINGBUF, 1 << 16, 1 << 16),
        (MapType.RINGBUF, 0, 0),
        (MapType.USER_RINGBUF, 3 << 16, 1 << 18),
        (MapType.PERF_EVENT_ARRAY, 3, 3),
        (MapType.PERF_EVENT_ARRAY, 0, possible_cpus()),
        (MapType.HASH, 5, 5),
    ],
)
def test_the_kernel_gets_sizes_that_it_takes(type: MapType, entries: int, actual: int) -> None:
    assert actual_entries(MapSpec("m", type, 4, 4, entries)) == actual


@pytest.mark.parametrize(
    ("type", "wanted"),
    [
        (MapType.HASH, True),
        (MapType.ARRAY, True),
        (MapType.PROG_ARRAY, False),
        (MapType.RINGBUF, False),
        (MapType.ARRAY_OF_MAPS, False),
    ],
)
def test_types_go_with_maps_of_plain_values(type: MapType, wanted: bool) -> None:
    assert wants_btf(MapSpec("m", type, 4, 4, 1, value_type_id=7)) is wanted
    assert not wants_btf(MapSpec("m", type, 4, 4, 1))


def test_types_have_the_names_of_the_field() -> None:
    assert [map_type_name(n) for n in (1, 6, 13, 9999)] == ["hash", "percpu_array", "hash_of_maps", "9999"]
    assert [program_type_name(n) for n in (3, 4, 9999)] == ["sched_cls", "sched_act", "9999"]
