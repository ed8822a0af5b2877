"""The Map API on several types of maps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Map, MapSpec, MapType
from pytc.bpf.kernel.features import Features
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.constants import EXIST, NOEXIST
from pytc.bpf.sys.cpus import possible_cpus
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import map_by_id, program_by_id
from pytc.errors import BpfError, BpfSyscallError
from tests.conftest import Compiler
from tests.kernel.bpf.support import descriptor_of, loaded, word

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


def new_map(type: MapType, key: int = 4, value: int = 8, entries: int = 4, **more: int) -> Map:
    return create_map(MapSpec("numbers", type, key, value, entries, **more), "numbers")  # type: ignore[arg-type]


@pytest.fixture
def table() -> Iterator[Map]:
    """A hash with the keys 1 to 3."""
    with new_map(MapType.HASH) as found:
        for number in (1, 2, 3):
            found[word(number)] = bytes([number] * 8)
        yield found


class TestElements:
    def test_are_read_and_written_by_key(self, table: Map) -> None:
        table[word(2)] = b"12345678"
        assert table[word(2)] == b"12345678"
        assert table.get(word(2)) == b"12345678"

    def test_that_are_not_there_are_a_key_error(self, table: Map) -> None:
        with pytest.raises(KeyError):
            assert table[word(9)]
        with pytest.raises(KeyError):
            del table[word(9)]
        assert table.get(word(9)) is None
        assert table.get(word(9), b"none") == b"none"

    def test_can_be_removed(self, table: Map) -> None:
        del table[word(2)]
        assert sorted(table) == [word(1), word(3)]

    def test_come_with_keys_and_values(self, table: Map) -> None:
        assert sorted(table.items()) == [(word(n), bytes([n] * 8)) for n in (1, 2, 3)]
        assert sorted(table.keys()) == sorted(table)

    def test_can_be_removed_while_they_come(self, table: Map) -> None:
        for key in table:
            del table[key]
        assert list(table) == []

    def test_are_made_or_replaced_as_flags_say(self, table: Map) -> None:
        table.update(word(4), bytes(8), NOEXIST)
        table.update(word(4), bytes(8), EXIST)
        with pytest.raises(BpfSyscallError, match="EEXIST"):
            table.update(word(4), bytes(8), NOEXIST)
        with pytest.raises(BpfSyscallError, match="ENOENT"):
            table.update(word(5), bytes(8), EXIST)

    def test_that_are_too_many_are_refused(self, table: Map) -> None:
        table[word(4)] = bytes(8)
        with pytest.raises(BpfSyscallError, match=r'map "numbers": bpf.*E2BIG'):
            table[word(5)] = bytes(8)

    @pytest.mark.parametrize("key", [b"", b"123", b"12345"])
    def test_need_a_key_of_the_right_size(self, table: Map, key: bytes) -> None:
        wanted = f"a key of {len(key)} bytes; 4 expected"
        with pytest.raises(BpfError, match=wanted):
            table.get(key)
        with pytest.raises(BpfError, match=wanted):
            table[key] = bytes(8)
        with pytest.raises(BpfError, match=wanted):
            del table[key]

    @pytest.mark.parametrize("value", [b"", b"1234567", b"123456789"])
    def test_need_a_value_of_the_right_size(self, table: Map, value: bytes) -> None:
        with pytest.raises(BpfError, match=f"a value of {len(value)} bytes; 8 expected"):
            table[word(1)] = value


class TestTypes:
    def test_arrays_are_full_of_zeros(self) -> None:
        with new_map(MapType.ARRAY) as found:
            assert list(found.items()) == [(word(n), bytes(8)) for n in range(4)]
            with pytest.raises(KeyError):
                assert found[word(4)]
            with pytest.raises(BpfSyscallError, match="EINVAL"):
                del found[word(0)]

    @pytest.mark.parametrize("type", [MapType.PERCPU_ARRAY, MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH])
    def test_values_of_each_cpu_come_rounded_up_to_8_bytes(self, type: MapType) -> None:
        with new_map(type, value=6, entries=16) as found:
            assert found.value_bytes == 8 * possible_cpus()
            found[word(1)] = b"abcdef\0\0" * possible_cpus()
            assert found[word(1)] == b"abcdef\0\0" * possible_cpus()

    def test_queues_have_no_keys(self) -> None:
        with new_map(MapType.QUEUE, key=0) as found:
            found[b""] = b"12345678"
            assert found[b""] == b"12345678"
            with pytest.raises(BpfError, match="a key of 1 bytes; 0 expected"):
                assert found[b"x"]

    @pytest.mark.needs("map:bloom_filter")
    def test_a_bloom_filter_has_values_only(self) -> None:
        with new_map(MapType.BLOOM_FILTER, key=0, entries=64) as found:
            found[b""] = b"12345678"
            with pytest.raises(BpfSyscallError):
                list(found)

    def test_a_ring_buffer_has_no_elements(self) -> None:
        with new_map(MapType.RINGBUF, key=0, value=0, entries=1) as found:
            with pytest.raises(BpfSyscallError):
                list(found)
            with pytest.raises(BpfSyscallError):
                assert found[b""]

    def test_prefixes_are_matched_by_their_longest(self) -> None:
        with new_map(MapType.LPM_TRIE, key=8, flags=1) as found:
            found[word(8) + bytes([10, 0, 0, 0])] = b"10/8----"
            found[word(16) + bytes([10, 1, 0, 0])] = b"10.1/16-"
            assert found[word(32) + bytes([10, 1, 2, 3])] == b"10.1/16-"
            assert found[word(32) + bytes([10, 2, 2, 3])] == b"10/8----"
            assert len(list(found)) == 2

    def test_a_map_of_maps_gives_ids(self) -> None:
        spec = MapSpec("outer", MapType.HASH_OF_MAPS, 4, 4, 4)
        with new_map(MapType.ARRAY) as inner, create_map(spec, "outer", inner_fd=inner.fd) as outer:
            outer[word(1)] = word(inner.fd)
            with Map.from_id(int.from_bytes(outer[word(1)], "little")) as found:
                assert found.description == inner.description

    def test_keys_may_be_large(self) -> None:
        with new_map(MapType.HASH, key=300, value=4000) as found:
            found[b"k" * 300] = b"v" * 4000
            assert list(found.items()) == [(b"k" * 300, b"v" * 4000)]


class TestWhatTheKernelSays:
    def test_is_what_was_asked_for(self) -> None:
        with new_map(MapType.HASH, key=4, value=8, entries=100, flags=1) as found:
            description = found.description
            assert (
                description.type,
                description.key_size,
                description.value_size,
                description.max_entries,
                description.flags,
                description.name,
            ) == (1, 4, 8, 100, 1, "numbers")
            assert repr(found) == f"<Map 'numbers' hash id {description.id}>"

    def test_can_be_had_by_id(self, table: Map) -> None:
        with Map.from_id(table.description.id) as same:
            assert same.description == table.description
            assert same.name == "numbers"
            assert same[word(1)] == table[word(1)]

    def test_is_nothing_for_an_id_that_is_gone(self, table: Map) -> None:
        number = table.description.id
        table.close()
        for use in (map_by_id, program_by_id):
            with pytest.raises(BpfSyscallError, match=f"with id {number}: bpf.*ENOENT"):
                use(number)

    def test_is_nothing_for_a_descriptor_of_something_else(self, tmp_path: Path) -> None:
        descriptor = OwnedFd(os.open(tmp_path, os.O_RDONLY))
        with pytest.raises(BpfSyscallError, match=f"not a map but {tmp_path}"):
            Map(descriptor)
        assert descriptor.closed

    def test_a_long_name_is_cut_by_the_kernel_only(self, build: Compiler, bpffs: Path) -> None:
        with create_map(MapSpec("a_name_of_20_letters", 1, 4, 4, 1), "a_name_of_20_le") as found:
            assert (found.name, found.description.name) == ("a_name_of_20_letters", "a_name_of_20_le")

    def test_of_a_node_and_of_flags(self) -> None:
        with new_map(MapType.HASH, numa_node=0, flags=1) as found:
            assert found.description.flags == 1 | 1 << 2


class TestFreezing:
    def test_ends_writing_from_outside(self) -> None:
        with new_map(MapType.ARRAY) as found:
            found[word(0)] = b"12345678"
            found.freeze()
            assert found[word(0)] == b"12345678"
            with pytest.raises(BpfSyscallError, match="EPERM"):
                found[word(0)] = bytes(8)

    def test_is_refused_a_second_time(self) -> None:
        with new_map(MapType.ARRAY) as found:
            found.freeze()
            with pytest.raises(BpfSyscallError, match='map "numbers": freezing it'):
                found.freeze()


class TestWhatAnOlderKernelMayNotKnow:
    """A map is tried without what it can do without."""

    def test_types_that_do_not_fit_are_left_out(self, build: Compiler, bpffs: Path) -> None:
        spec = MapSpec("m", 1, 4, 8, 1, key_type_id=9999, value_type_id=9999)
        with loaded(build("modern_maps"), bpffs), create_map(spec, "m", btf_fd=descriptor_of("btf")) as found:
            assert found.description.btf_id == 0

    def test_a_kernel_without_names_gets_none(self) -> None:
        with create_map(MapSpec("m", 1, 4, 8, 1), "m", features=Features(frozenset({"map_names"}))) as found:
            assert (found.name, found.description.name) == ("m", "")
