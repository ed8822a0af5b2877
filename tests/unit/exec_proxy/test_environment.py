"""Ids and names of maps, as variables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.exec_proxy.environment import NamedDescriptor, assign_ids, shell_name, variables, with_maps

WANTED = st.lists(st.none() | st.integers(0, 12) | st.just(0xFFFFFFFF), max_size=40)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([None, None, None], [0, 1, 2]),
        ([0, 0, 0], [0, 1, 2]),
        ([None, 0, 1], [2, 0, 1]),
        ([5, None, 5, 0, 1], [5, 2, 3, 0, 1]),
        ([42, 42], [42, 0]),
        ([], []),
    ],
)
def test_ids(wanted: list[int | None], given: list[int]) -> None:
    assert assign_ids(wanted) == given


@given(WANTED, st.sets(st.integers(0, 5)))
def test_ids_are_unique_and_kept_where_they_can_be(wanted: list[int | None], taken: set[int]) -> None:
    found = assign_ids(wanted, taken)
    assert len(found) == len(wanted) == len({*found}) and not {*found} & taken
    for number in {n for n in wanted if n is not None} - taken:
        assert found[wanted.index(number)] == number, "whoever comes first keeps it"


def test_three_maps() -> None:
    maps = [NamedDescriptor(0, "map_proto", 5), NamedDescriptor(1, "map_queue", 6), NamedDescriptor(2, "", 7)]
    assert variables(maps) == {
        "BPF_NUM_MAPS": "3",
        "BPF_MAP0": "5",
        "BPF_MAP1": "6",
        "BPF_MAP2": "7",
        "BPF_MAP_map_proto": "5",
        "BPF_MAP_map_queue": "6",
    }


def test_maps_with_one_name_or_id() -> None:
    maps = [NamedDescriptor(0, "m", 3), NamedDescriptor(0, "m", 4), NamedDescriptor(0, "m_2", 5)]
    assert variables(maps) == {
        "BPF_NUM_MAPS": "3",
        "BPF_MAP0": "3",
        "BPF_MAP1": "4",
        "BPF_MAP2": "5",
        "BPF_MAP_m": "3",
        "BPF_MAP_m_2": "4",
        "BPF_MAP_m_2_2": "5",
    }


@given(st.text(max_size=20))
def test_names_are_those_of_shell_variables(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]*", shell_name(name))
    assert shell_name("traffic.bss") == "traffic_bss"


@given(st.lists(st.builds(NamedDescriptor, st.integers(0, 0xFFFFFFFF), st.text(max_size=15), st.integers(3, 1000))))
def test_each_map_can_be_found(maps: list[NamedDescriptor]) -> None:
    found = variables(maps)
    assert found["BPF_NUM_MAPS"] == str(len(maps))
    by_id = {value for name, value in found.items() if re.fullmatch(r"BPF_MAP\d+", name, re.ASCII)}
    by_name = {value for name, value in found.items() if name.startswith("BPF_MAP_")}
    assert by_id == {str(one.fd) for one in maps}
    assert by_name == {str(one.fd) for one in maps if one.name}
    assert len(found) == 1 + len(maps) + sum(bool(one.name) for one in maps)


def test_an_import_within_an_import_starts_afresh() -> None:
    outer = with_maps({"PATH": "/bin", "BPF_MAP_FILE": "/x"}, [NamedDescriptor(7, "old", 3)])
    assert outer["BPF_MAP_FILE"] == "/x", "a variable of somebody else's"
    inner = with_maps(outer, [NamedDescriptor(1, "new", 4)])
    assert inner == {"PATH": "/bin", "BPF_MAP_FILE": "/x", "BPF_NUM_MAPS": "1", "BPF_MAP1": "4", "BPF_MAP_new": "4"}
