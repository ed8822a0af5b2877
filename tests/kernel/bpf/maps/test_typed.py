"""Maps with Python values, and many elements at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Map, MapSpec, MapType, TypedMap
from pytc.bpf.maps import batch as map_batches
from pytc.bpf.maps.batch import Batch, delete_batch, read_batches, write_batch
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.constants import EXIST, NOEXIST
from pytc.bpf.sys.cpus import possible_cpus
from pytc.errors import BpfError, BpfSyscallError, CodecError
from tests.conftest import Compiler
from tests.kernel.bpf.support import loaded, word

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


@pytest.fixture
def table() -> Iterator[Map]:
    with create_map(MapSpec("numbers", MapType.HASH, 4, 8, 1000), "numbers") as found:
        yield found


def entries(count: int) -> Batch:
    return Batch(b"".join(map(word, range(count))), b"".join(word(n) * 2 for n in range(count)), count)


def read(found: Map) -> dict[bytes, bytes]:
    """All elements, batch by batch; each comes once."""
    seen: list[tuple[bytes, bytes]] = []
    for keys, values, count in read_batches(found):
        assert (len(keys), len(values)) == (4 * count, 8 * count)
        seen += [(keys[4 * i : 4 * i + 4], values[8 * i : 8 * i + 8]) for i in range(count)]
    assert len(seen) == len(dict(seen))
    return dict(seen)


class TestTyped:
    def test_by_the_maps_own_types(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            verdicts = done.maps["verdicts"]
            verdicts["10.0.0.1"] = {"action": "DROP", "high": 9}
            value = verdicts["10.0.0.1"]
            assert isinstance(value, dict)
            assert (value["action"], value["high"], value["note"]) == ("DROP", 9, "")
            assert verdicts[b"\x0a\0\0\1"][:4] == word(1)
            assert list(verdicts.typed) == ["10.0.0.1"]
            verdicts.typed.change("10.0.0.1", ".inner.peer.port", 53)
            assert value | {
                "inner": {"first": 0, "peer": {"address": "0.0.0.0", "port": 53, "protocol": 0}}
            } == verdicts.typed.get("10.0.0.1")
            del verdicts.typed["10.0.0.1"]
            assert verdicts.typed.get("10.0.0.1", "none") == "none"
            for action in (
                lambda: verdicts["10.0.0.1"],
                lambda: verdicts.typed.__delitem__("10.0.0.1"),
                lambda: verdicts.typed.change("10.0.0.1", ".hits", 1),
            ):
                with pytest.raises(KeyError):
                    action()

    def test_by_formats(self, table: Map) -> None:
        typed = TypedMap(table, key="be32", value="{u16 a, u16 b, u8 c[4]}")
        typed[1] = {"a": 2, "c": [1, 2, 3, 4]}
        assert table[b"\0\0\0\1"] == b"\2\0\0\0\1\2\3\4"
        assert dict(typed.items()) == {1: {"a": 2, "b": 0, "c": [1, 2, 3, 4]}}
        with pytest.raises(CodecError, match="no member"):
            typed[1] = {"x": 1}
        with pytest.raises(CodecError, match="bytes; 4 expected"):
            TypedMap(table, key="u64")

    def test_each_cpus_value(self) -> None:
        with create_map(MapSpec("numbers", MapType.PERCPU_ARRAY, 4, 4, 1), "numbers") as found:
            found[0] = list(range(possible_cpus()))
            assert found[0] == list(range(possible_cpus()))

    def test_many(self, table: Map) -> None:
        assert table.typed.update_many(((n, n * n) for n in range(1000)), NOEXIST) == 1000
        assert dict(table.typed.items()) == {n: n * n for n in range(1000)}
        with pytest.raises(BpfSyscallError, match="E2BIG"):
            table.typed.update_many([(1, 1), (5000, 1)])


class TestBatches:
    def test_both_ways(self, table: Map) -> None:
        write_batch(table, entries(1000))
        assert read(table) == {word(n): word(n) * 2 for n in range(1000)} == dict(table.items())
        delete_batch(table, b"".join(map(word, range(10, 1000))), 990)
        assert sorted(read(table)) == sorted(map(word, range(10)))

    def test_small_batches_grow_where_many_keys_share_a_bucket(
        self, table: Map, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_batch(table, entries(1000))
        monkeypatch.setattr(map_batches, "_ENTRIES", 1)
        sizes = [batch.entries for batch in read_batches(table)]
        assert sum(sizes) == 1000
        assert max(sizes) > 1
        assert len(read(table)) == 1000

    def test_of_nothing(self, table: Map) -> None:
        assert list(read_batches(table)) == []
        write_batch(table, Batch(b"", b"", 0))
        assert list(table) == []

    def test_a_refused_element_has_an_index(self, table: Map) -> None:
        with pytest.raises(BpfSyscallError) as error:
            write_batch(table, entries(1001))
        assert (error.value.entry, len(read(table))) == (1000, 1000)

    @pytest.mark.parametrize(("flags", "refused"), [(NOEXIST, 5), (EXIST, 0)])
    def test_flags(self, table: Map, flags: int, refused: int) -> None:
        table[word(5)] = bytes(8)
        with pytest.raises(BpfSyscallError) as error:
            write_batch(table, entries(10), flags)
        assert error.value.entry == refused

    def test_removing_what_is_gone_already(self, table: Map) -> None:
        write_batch(table, entries(10))
        delete_batch(table, b"".join(map(word, (3, 77, 4))), 3)
        assert sorted(read(table)) == [word(n) for n in (0, 1, 2, 5, 6, 7, 8, 9)]

    @pytest.mark.parametrize(
        "type",
        [
            MapType.ARRAY,
            MapType.LRU_HASH,
            pytest.param(MapType.LPM_TRIE, marks=pytest.mark.needs("prompt_memory")),
            MapType.DEVMAP_HASH,
        ],
    )
    def test_of_other_types(self, type: MapType) -> None:
        """Not all of them have batches."""
        key, value = (8, 4) if type == MapType.LPM_TRIE else (4, 4)
        flags = 1 if type == MapType.LPM_TRIE else 0
        with create_map(MapSpec("numbers", type, key, value, 8, flags), "numbers") as found:
            keys = [word(n) if key == 4 else word(32) + word(n) for n in range(3)]
            write_batch(found, Batch(b"".join(keys), word(1) * 3, 3))
            there = dict(found.items())
            assert {one: there[one] for one in keys} == dict.fromkeys(keys, word(1))
            if type != MapType.ARRAY:
                delete_batch(found, b"".join(keys), 3)
                assert not list(found)

    def test_maps_that_have_no_elements_to_list(self) -> None:
        with create_map(MapSpec("numbers", MapType.QUEUE, 0, 4, 8), "numbers") as found, pytest.raises(BpfError):
            list(found.batches())


def test_a_ring_buffer_is_read_only_where_it_is_one(table: Map) -> None:
    from pytc.bpf.maps.perf_buffer import PerfBuffer
    from pytc.bpf.maps.ring_buffer import RingBuffer

    for reader, said in ((RingBuffer, "not a ring buffer"), (PerfBuffer, "not a perf event array")):
        with pytest.raises(BpfError, match=said):
            reader(table)


def test_events_that_were_read_are_gone(build: Compiler, bpffs: Path) -> None:
    from pytc.bpf.maps.ring_buffer import RingBuffer
    from tests.kernel.bpf.support import PACKET, verdict

    with loaded(build("ringbuf"), bpffs) as done, RingBuffer(done.maps["records"]) as buffer:
        assert list(buffer.events(0)) == []
        for count in (1, 3, 400, 5000):  # 5000 do not fit
            for _ in range(count):
                verdict(done.program)
            events = list(buffer.events(0))
            assert len(events) == count or count == 5000
            assert {event.data for event in events} == {word(len(PACKET)) + word(0x0008)}
        assert 4000 <= len(events) < 5000
        assert list(itertools.islice(buffer.events(0), 1)) == []
