"""Maps as mappings: every type, batches, changes meanwhile, and what wrong keys and values are told."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator

import pytest

import pytc
from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from pytc.errors import ArgumentError, CodecError, ElementNotFoundError, MapElementError
from tests.conftest import EXAMPLES, Compiler

pytestmark = pytest.mark.kernel


@pytest.fixture
def types(root: None, build: Compiler) -> Iterator[pytc.Object]:
    """An object with a map of every type."""
    with pytc.load(build("all_types"), pin=False) as loaded:
        yield loaded


@pytest.fixture
def values(root: None, build: Compiler) -> Iterator[pytc.Object]:
    """An object whose maps have structures, enumerators and addresses."""
    with pytc.load(build("typed_values"), pin=False) as loaded:
        yield loaded


@pytest.mark.parametrize("name", ["hash", "lru_hash", "array"])
def test_mappings(types: pytc.Object, name: str) -> None:
    numbers = types.maps[name]
    numbers[1] = 10
    assert numbers.update_many({2: 20, 3: 30}) == 2
    numbers.update([(4, 40)])
    assert {key: value for key, value in numbers.items() if value} == {1: 10, 2: 20, 3: 30, 4: 40}
    assert numbers.get(2) == 20
    assert 3 in numbers
    assert sorted(value for value in numbers.values() if value) == [10, 20, 30, 40]
    assert numbers.type == name
    if name == "array":
        assert len(numbers) == numbers.max_entries
        assert numbers.get(999) is None
        numbers.clear()
        assert set(numbers.values()) == {0}
        return
    assert len(numbers) == 4
    assert sorted(numbers) == sorted(numbers.keys()) == [1, 2, 3, 4]
    del numbers[1]
    numbers.delete_many([2, 77])
    assert numbers.pop(3) == 30
    assert numbers.pop(3, "gone") == "gone"
    assert dict(numbers.items()) == {4: 40}
    assert numbers.setdefault(4, 5) == 40
    assert numbers.setdefault(5, 6) == 6
    assert not numbers.insert(5, 7)
    assert numbers.insert(6, 7)
    numbers.replace(6, 8)
    for missing in (lambda: numbers[9], lambda: numbers.pop(9), lambda: numbers.replace(9, 1)):
        with pytest.raises(ElementNotFoundError, match="no such element"):
            missing()
    with pytest.raises(KeyError):
        del numbers[9]
    numbers.clear()
    assert not list(numbers)


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_items_in_batches(types: pytc.Object, batch: int) -> None:
    types.maps.lru_hash.update_many((number, number) for number in range(20))
    assert sorted(types.maps.lru_hash.items(batch=batch)) == [(number, number) for number in range(20)]


@pytest.mark.parametrize("name", ["percpu_hash", "lru_percpu_hash", "percpu_array"])
def test_values_of_cpus(types: pytc.Object, name: str) -> None:
    counters = types.maps[name]
    counters[1] = [1, 2]
    assert counters[1][:2] == [1, 2]
    assert counters.summed[1] == 3
    assert dict(counters.summed.items())[1] == 3
    with pytest.raises(CodecError, match="cannot be set"):
        counters.summed[1] = 4
    with pytest.raises(CodecError, match="only on per-CPU maps"):
        assert types.maps.hash.summed


def test_queues_and_stacks(types: pytc.Object) -> None:
    for name, order in (("queue", [1, 2, 3]), ("stack", [3, 2, 1])):
        waiting = types.maps[name]
        for number in (1, 2, 3):
            waiting.push(number)
        assert waiting.peek() == order[0]
        assert [waiting.pop() for _ in range(3)] == order
        assert waiting.pop(default=None) is None
        with pytest.raises(ElementNotFoundError, match="is empty"):
            waiting.pop()
        with pytest.raises(ElementNotFoundError, match="is empty"):
            waiting.peek()
        with pytest.raises(pytc.PytcError, match="no keys"):
            list(waiting)
        for number in range(waiting.max_entries):
            waiting.push(number)
        with pytest.raises(MapElementError):
            waiting.push(99)
        waiting.push(99, displace=True)


def test_bloom_filters(types: pytc.Object) -> None:
    seen = types.maps.bloom_filter
    seen.push(42)
    assert 42 in seen
    assert 43 not in seen


def test_prefixes(types: pytc.Object) -> None:
    trie = types.maps.lpm_trie
    trie["10.0.0.0/8"] = 8
    trie["10.9.0.0/16"] = 16
    assert trie["10.9.1.1/32"] == 16
    assert trie["10.1.1.1/32"] == 8
    assert sorted(trie) == ["10.0.0.0/8", "10.9.0.0/16"]


@pytest.mark.parametrize("name", ["array_of_maps", "hash_of_maps"])
def test_maps_in_maps(types: pytc.Object, name: str) -> None:
    outer = types.maps[name]
    template = types.spec.maps[name].inner
    assert template is not None
    with create_map(template, "inner") as raw:
        outer[1] = pytc.Map(raw)
        outer[2] = raw.fd
        with outer[1] as inner, outer[2] as same:
            assert inner.id == same.id == raw.description.id
            inner[0] = 5
            assert pytc.Map(raw)[0] == 5
    with pytest.raises(CodecError, match="is no map"):
        outer[1] = "inner"


def test_maps_are_created(types: pytc.Object) -> None:
    with pytc.create_map("hash", key="{ip4 source, be16 port}", value="u64", max_entries=3, name="flows") as flows:
        flows[{"source": "192.0.2.7", "port": 80}] = 5
        assert dict(one for one in ((key["port"], value) for key, value in flows.items())) == {80: 5}
        assert (flows.name, flows.type, flows.max_entries) == ("flows", "hash", 3)
    template = types.spec.maps["array_of_maps"].inner
    assert template is not None
    with (
        pytc.create_map("array", value=f"u{8 * template.value_size}", max_entries=template.max_entries) as inner,
        pytc.create_map("hash_of_maps", key="u64", max_entries=2, inner=inner) as outer,
    ):
        outer[7] = inner
        types.maps.array_of_maps[1] = inner
        with outer[7] as one, types.maps.array_of_maps[1] as other:
            assert one.id == other.id == inner.id
    with pytc.create_map("percpu_array", value="u64") as counts:
        counts[0] = [1, 2]
        assert counts.summed[0] == 3
    with pytc.create_map("queue", value="mac", max_entries=2) as waiting:
        waiting.push("02:00:00:00:00:01")
        assert waiting.pop() == "02:00:00:00:00:01"
    with pytc.create_map("ringbuf", max_entries=4096) as buffer, buffer.events(timeout=0) as events:
        assert list(events) == []
    with pytc.create_map("lpm_trie", key="ip4/", value="u8", max_entries=2) as trie:
        trie["10.0.0.0/8"] = 1
        assert trie["10.1.2.3/32"] == 1
    with pytest.raises(ArgumentError, match="no type of maps"):
        pytc.create_map("table")
    with pytest.raises(ArgumentError, match="a map of maps, and no other"):
        pytc.create_map("array_of_maps")
    with pytest.raises(pytc.errors.BpfSyscallError):
        pytc.create_map("hash", max_entries=0)


def test_programs_in_arrays(types: pytc.Object) -> None:
    jumps = types.maps.prog_array
    with pytc.load(EXAMPLES / "traffic.o") as traffic:
        jumps[3] = traffic.programs.drop_icmp
        with jumps[3] as program:
            assert program.id == traffic.programs.drop_icmp.id
            assert program.run("eth ip icmp type 8").verdict == "TC_ACT_SHOT"
        del jumps[3]
        assert 3 not in jumps


def test_structures_enumerators_and_addresses(values: pytc.Object) -> None:
    verdicts = values.maps.verdicts
    verdicts["192.0.2.7"] = {"action": "DROP", "note": "scanner"}
    assert verdicts["192.0.2.7"]["action"] == "DROP"
    assert verdicts["192.0.2.7"]["note"] == "scanner"
    assert verdicts["192.0.2.7"]["bytes"] == 0
    verdicts.change("192.0.2.7", ".bytes", 9)
    assert verdicts["192.0.2.7"]["bytes"] == 9
    flow = {"address": "192.0.2.7", "port": 53, "protocol": 17}
    values.maps.flows[flow] = 4
    assert values.maps.flows[flow] == 4
    assert list(values.maps.flows) == [flow]
    with pytest.raises(CodecError, match="the key lacks port, protocol"):
        assert values.maps.flows[{"address": "192.0.2.7"}]
    with pytest.raises(CodecError, match='no member "acton"; the members are '):
        verdicts["192.0.2.8"] = {"acton": "DROP"}
    with pytest.raises(CodecError, match="not an IP address"):
        verdicts["nowhere"] = {}
    by_hand = verdicts.with_types(key="be32", value="hex")
    assert list(by_hand) == [0xC0000207]


def test_full_maps_say_so(types: pytc.Object) -> None:
    numbers = types.maps.hash
    numbers.update_many((number, 0) for number in range(8))
    with pytest.raises(MapElementError, match='map "hash", key 9: Argument list too long'):
        numbers[9] = 0


def test_iteration_survives_changes(root: None) -> None:
    """Another thread deletes and adds all the time; what stays is always there, and once."""
    spec = MapSpec("churn", MapType.HASH, 4, 4, 4096)
    with pytc.Map(create_map(spec, "churn")) as churn:
        churn.update_many((number, 1) for number in range(1000))
        stop = threading.Event()

        def change() -> None:
            number = 0
            while not stop.is_set():
                churn[1000 + number % 1000] = 2
                churn.pop(1000 + (number + 500) % 1000, None)
                number += 1

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for reading in range(10):
                keys = list(churn) if reading % 2 else [key for key, _ in churn.items(batch=64)]
                assert len(keys) == len(set(keys))
                assert {key for key in keys if key < 1000} == set(range(1000))
        finally:
            stop.set()
            thread.join()


def test_keys_that_come_again_are_left_out(types: pytc.Object) -> None:
    """Where keys are read one by one, and the last one is deleted meanwhile, the kernel starts again from the first."""
    keys = [bytes([number, 0, 0, 0]) for number in range(3)]
    assert list(types.maps.hash._unique([*keys, *keys, keys[0]])) == keys
    assert list(types.maps.hash._unique(itertools.cycle(keys))) == keys


def test_changes_are_watched(types: pytc.Object) -> None:
    numbers = types.maps.hash
    numbers[1] = 1

    def changes() -> Iterator[str]:
        for number, change in enumerate(numbers.watch(interval=0, count=3)):
            yield f"{change.kind} {change.key} {change.value} {change.before}"
            if number == 0:
                numbers[2] = 2
            elif number == 1:
                numbers[1] = 5
            elif number == 2:
                del numbers[2]

    assert list(changes()) == ["new 1 1 None", "new 2 2 None", "changed 1 5 1", "deleted 2 None 2"]

    async def first() -> str:
        async for change in numbers.watch(interval=0, count=0):
            return f"{change.kind} {change.key}"
        return ""

    assert asyncio.run(first()) == "new 1"


def test_maps_are_found_by_id_and_descriptor(types: pytc.Object) -> None:
    types.maps.hash[1] = 2
    with pytc.Map.from_id(types.maps.hash.id) as by_id, pytc.Map.from_fd(types.maps.hash.fd) as by_descriptor:
        assert by_id[1] == by_descriptor[1] == 2
        assert by_id != by_descriptor
        assert by_id  # empty or not


def test_eight_threads(types: pytc.Object) -> None:
    """A map, and an object, may be shared: ten thousand operations, none of which is lost."""
    numbers = types.maps.hash
    failures: list[BaseException] = []

    def work(own: int) -> None:
        try:
            for count in range(1250):
                numbers[own] = count
                assert numbers[own] == count
                if count % 250 == 0:
                    assert own in dict(numbers.items())
                    assert types.programs.values()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(own,)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert dict(numbers.items()) == dict.fromkeys(range(8), 1249)
