"""``pytc map create``: maps of all common types, pinned, and nothing left where one cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf import Map
from tests.conftest import pins
from tests.network import Network

pytestmark = pytest.mark.kernel


def create(network: Network, path: str, words: str) -> dict[str, object]:
    [made] = network.json("map", "create", path, *words.split())
    return dict(made)


@pytest.mark.parametrize(
    ("type", "key", "value", "flags"),
    [
        ("hash", 4, 8, "no_prealloc"),
        ("lru_hash", 6, 16, ""),
        ("array", 4, 12, "rdonly_prog,mmapable"),
        ("percpu_array", 4, 8, ""),
        ("lpm_trie", 8, 4, "no_prealloc"),
        ("prog_array", 4, 4, ""),
        ("queue", 0, 4, ""),
        ("ringbuf", 0, 0, ""),
    ],
)
def test_a_map_is_what_the_words_say(network: Network, type: str, key: int, value: int, flags: str) -> None:
    entries = 4096
    words = f"type {type} key {key} value {value} max_entries {entries}" + (f" flags {flags}" if flags else "")
    made = create(network, "m:mine/one", words)
    assert made["pinned"] == str(Path(network.env["TC_BPF_MNT"]) / "tc/mine/one")
    with Map.from_pin(str(made["pinned"])) as map:
        about = map.description
        assert (about.id, about.name, about.key_size, about.value_size) == (made["id"], "one", key, value)
        assert about.max_entries == entries and made["type"] == type


def test_elements_are_set_and_read(network: Network) -> None:
    create(network, "m:one", "type hash key 4 value 8 max_entries 16 name mine")
    network.ok("map", "set", "pinned", "m:one", "key", "1", "value", "2")
    assert network.json("map", "dump", "pinned", "m:one") == [{"key": 1, "value": 2}]


def test_a_map_of_maps_takes_maps_like_the_inner_one(network: Network) -> None:
    create(network, "m:inner", "type array key 4 value 8 max_entries 2")
    create(network, "m:outer", "type hash_of_maps key 4 value 4 max_entries 2 inner pinned m:inner")
    network.ok("map", "set", "pinned", "m:outer", "key", "5", "value", "m:inner")
    [element] = network.json("map", "dump", "pinned", "m:outer")
    assert element["key"] == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("m:one type nosuch key 4 value 4 max_entries 1", "no type of map"),
        ("m:one type hash key 4 value 4", "max_entries"),
        ("m:one type hash key 4 value 4 max_entries 1 flags bogus", "flags"),
        ("m:one type hash key 4 value 4 max_entries 1 inner id 1", '"inner" goes with'),
        ("m:one type array key 8 value 4 max_entries 1", "cannot create it"),
        ("m:a.b type array key 4 value 4 max_entries 1", "cannot pin it"),
    ],
)
def test_a_wrong_map_is_not_made(network: Network, words: str, message: str) -> None:
    outcome = network.pytc("map", "create", *words.split())
    assert outcome.status and message in outcome.err
    assert pins(Path(network.env["TC_BPF_MNT"])) == []


def test_an_existing_pin_stays(network: Network) -> None:
    first = create(network, "m:one", "type hash key 4 value 8 max_entries 16")
    outcome = network.pytc("map", "create", "m:one", *"type hash key 4 value 8 max_entries 16".split())
    assert outcome.status and "exists" in outcome.err
    with Map.from_pin(str(first["pinned"])) as map:
        assert map.description.id == first["id"]
