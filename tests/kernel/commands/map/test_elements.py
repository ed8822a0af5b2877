"""``map get``, ``set``, ``delete`` and ``next``, and what they refuse."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest

from pytc.bpf import MapType
from pytc.bpf.sys.cpus import possible_cpus
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import PYTC, SOURCE, json_of, printed, refused, run

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]

SUMS = "{u64 packets, u64 bytes}"
CPUS = possible_cpus()


class TestElements:
    def test_are_set_and_read_by_format(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH, 4, 16)
        types = ("keytype", "ip4", "valuetype", SUMS)
        printed(
            "map", "set", *fd_of(found), *types, "key", "10.0.0.1", "value", "{", "packets", "3", "bytes", "180", "}"
        )
        assert found[b"\x0a\0\0\1"] == struct.pack("<QQ", 3, 180)
        assert printed("map", "get", *fd_of(found), *types, "key", "10.0.0.1") == "{ packets 3 bytes 180 }\n"
        assert printed("map", "get", *fd_of(found), *types, "key", "10.0.0.1", "value.bytes") == "180\n"
        assert json_of("map", "get", *fd_of(found), *types, "key", "10.0.0.1") == [
            {"key": "10.0.0.1", "value": {"packets": 3, "bytes": 180}}
        ]
        assert json_of("map", "get", *fd_of(found), *types, "key", "10.0.0.1", "value.bytes") == [
            {"key": "10.0.0.1", "value": 180}
        ]

    def test_without_types_are_numbers_and_hex(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH, 2, 3)
        printed("map", "set", *fd_of(found), "key", "258", "value", "0a0b0c")
        assert found[b"\2\1"] == b"\x0a\x0b\x0c"
        assert printed("map", "dump", *fd_of(found)) == "key 258 value 0a0b0c\n"

    def test_in_words_of_bpftool(self, new_map: MapFactory) -> None:
        found, each = new_map(MapType.HASH, 4, 2), new_map(MapType.PERCPU_ARRAY, 4, 4, 1)
        printed("map", "update", *fd_of(found), *"key 1 0 0 0 value 0xe8 0x03".split())
        assert found[word(1)] == b"\xe8\x03"
        assert printed("map", "lookup", *fd_of(found), *"key hex 1 0 0 0".split()) == "1000\n"
        assert "bytes" in refused("map", "update", *fd_of(found), *"key 1 0 0 value 1 0".split())
        printed("map", "update", *fd_of(each), *"key 0 0 0 0 value 7 0 0 0".split())
        assert set(json_of("map", "get", *fd_of(each))[0]["values"]) == {7}

    @pytest.mark.parametrize("words", [("value",), ("value", "=")])
    def test_values_of_each_cpu(self, new_map: MapFactory, words: tuple[str, ...]) -> None:
        found = new_map(MapType.PERCPU_ARRAY)
        for value, values in (("5", [5] * CPUS), (f"[ {' '.join(map(str, range(CPUS)))} ]", list(range(CPUS)))):
            printed("map", "set", *fd_of(found), "key", "1", *words, *value.split())
            assert json_of("map", "get", *fd_of(found), "key", "1")[0]["values"] == values
        said = refused("map", "set", *fd_of(found), "key", "1", *words, "[", *["7"] * (CPUS - 1), "]")
        assert f"value: {CPUS - 1} value" in said and f" for {CPUS} CPUs: each has its own" in said
        assert json_of("map", "get", *fd_of(found), "key", "1")[0]["values"] == list(range(CPUS))

    def test_numbers_for_arrays_of_unsigned_bytes_are_elements(self, new_map: MapFactory) -> None:
        found, types = new_map(MapType.ARRAY), ("valuetype", "{u8 a[4]}", "key", "1")
        for words, expected in (
            (("value.a", "=", "7"), b"\7\0\0\0"),
            (("value", "{", "a", "8", "}"), b"\x08\0\0\0"),
            (("value", '{"a":9}'), b"\x09\0\0\0"),
            (("value.a", "=", "on"), b"on\0\0"),
        ):
            printed("map", "set", *fd_of(found), *types, *words)
            assert found[word(1)] == expected
        assert "300 does not fit: 0 to 255" in refused("map", "set", *fd_of(found), *types, "value.a", "=", "300")

    @pytest.mark.parametrize(
        ("operator", "operand", "result"),
        [
            ("=", "9", 9),
            ("+=", "9", 14),
            ("-=", "2", 3),
            ("|=", "0x8", 13),
            ("&=", "4", 4),
            ("^=", "1", 4),
        ],
    )
    def test_are_changed_by_operators(self, new_map: MapFactory, operator: str, operand: str, result: int) -> None:
        found = new_map(MapType.HASH)
        found[word(1)] = word(5)
        printed("map", "set", *fd_of(found), "key", "1", "value", operator, operand)
        assert found[word(1)] == word(result)

    def test_are_changed_in_parts(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH, 4, 16)
        found[word(1)] = struct.pack("<QQ", 5, 6)
        changes = ("value.packets", "+=", "1", "value.bytes", "=", "0")
        printed("map", "set", *fd_of(found), "valuetype", SUMS, "key", "1", *changes)
        assert found[word(1)] == struct.pack("<QQ", 6, 0)

    def test_flags(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        said = refused("map", "set", *fd_of(found), "key", "1", "value", "1", "exist", status=2)
        assert "key 1" in said
        assert "the element does not exist, and exist was given" in said
        printed("map", "set", *fd_of(found), "key", "1", "value", "1", "noexist")
        assert "the element already exists" in refused(
            "map", "set", *fd_of(found), "key", "1", "value", "1", "noexist", status=2
        )

    def test_several_at_once(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        printed("map", "update-many", *fd_of(found), "key", "1", "value", "2", "key", "3", "value", "4")
        assert dict(found.items()) == {word(1): word(2), word(3): word(4)}

    def test_are_deleted(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        for number in range(5):
            found[word(number)] = word(number)
        printed("map", "delete", *fd_of(found), "key", "1", "key", "2")
        assert sorted(found) == [word(0), word(3), word(4)]
        printed("map", "delete", *fd_of(found), "all")
        assert not list(found)

    def test_next_walks_through_all_keys(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        for number in range(3):
            found[word(number)] = word(number)
        seen = [printed("map", "next", *fd_of(found))]
        while len(seen) < 3:
            seen.append(printed("map", "next", *fd_of(found), "key", seen[-1].strip()))
        assert sorted(seen) == ["0\n", "1\n", "2\n"]
        assert "no further key" in refused("map", "next", *fd_of(found), "key", seen[-1].strip(), status=2)


class TestErrors:
    def test_a_key_that_is_not_there(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        for line in (("get",), ("set", "value", "+=", "1"), ("delete",)):
            verb, *rest = line
            said = refused("map", verb, *fd_of(found), "key", "7", *rest, status=2)
            assert said == 'map "numbers": there is no element with key 7\n'
        error = json.loads(refused("-j", "map", "get", *fd_of(found), "key", "7", status=2))
        assert (error["errno"], error["exit_status"]) == ("ENOENT", 2)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("key", "x", "value", "1"), 'key: "x" is not a number'),
            (("key", "1", "value", "4294967296"), "does not fit"),
            (("key", "hex", "0102", "value", "1"), "2 bytes for a value of 4"),
            (("value", "1"), "which key?"),
            (("key", "1", "value.x", "=", "1"), "value.x: not a structure"),
            (("key", "1", "value", "1", "valuetype", "u64"), 'format "u64" has 8 bytes; 4 expected'),
            (("key", "1", "value", "1", "keytype", "bogus"), 'no type "bogus"'),
            (("key", "1", "value", "1", "lock"), "EINVAL"),
            (("key", "1", "value", "-=", "1"), "value: -1 does not fit"),
            (("key", "1", "value", "+=", "x"), '"x" is not a number'),
            (("key", "1", "value[0]", "=", "1"), "not an array"),
        ],
    )
    def test_values_that_cannot_be_set(self, new_map: MapFactory, words: tuple[str, ...], said: str) -> None:
        found = new_map(MapType.HASH)
        found[word(1)] = word(0)
        assert said in refused("map", "set", *fd_of(found), *words, status=2 if said == "EINVAL" else 1)
        assert dict(found.items()) == {word(1): word(0)}

    def test_how_a_structure_is_given(self, new_map: MapFactory) -> None:
        table, each = new_map(MapType.HASH, 8, 16), new_map(MapType.PERCPU_ARRAY, 4, 16)
        types = ("keytype", "{ip4 ip, u16 port}", "valuetype", SUMS)
        said = refused("map", "get", *fd_of(table), *types, "key", "5")
        assert said == (
            'map "numbers": key: "5" is not a structure with the members ip, port\n'
            "Hint: name its members: { ip VALUE port VALUE }\n"
        )
        for found, words in ((table, (*types, "key", "{", "port", "1", "}")), (each, (*types[2:], "key", "1"))):
            said = refused("map", "set", *fd_of(found), *words, "value", "5")
            assert said.startswith('value: "5" is not a structure with the members packets, bytes\n')
            assert said.endswith("Hint: name its members: { packets VALUE bytes VALUE }\n")

    def test_a_full_map(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH, entries=1)
        found[word(1)] = word(1)
        assert "max_entries is 1" in refused("map", "set", *fd_of(found), "key", "2", "value", "1", status=2)

    def test_a_frozen_map(self, new_map: MapFactory) -> None:
        found = new_map(MapType.ARRAY)
        found.freeze()
        assert "the map is frozen" in refused("map", "set", *fd_of(found), "key", "1", "value", "1", status=2)
        assert printed("map", "get", *fd_of(found), "key", "1") == "0\n"
        assert "frozen" in printed("map", "show", *fd_of(found))

    def test_a_read_only_descriptor(self, new_map: MapFactory, bpffs: Path) -> None:
        found = new_map(MapType.HASH)
        found[word(1)] = word(5)
        found.pin(str(bpffs / "one"))
        code = f"""
import ctypes, os
from pytc.bpf.sys.abi import ObjectPathAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.syscall import bpf
from pytc.cli.main import main
path = ctypes.create_string_buffer({str(bpffs / "one").encode()!r})
fd = bpf(Command.OBJ_GET, ObjectPathAttr(pathname=pointer(path), file_flags=1 << 3))
assert main(["map", "get", "fd", str(fd), "key", "1"]) == 0
raise SystemExit(main(["map", "set", "fd", str(fd), "key", "1", "value", "1"]))
"""
        done = run(sys.executable, "-c", code, env=SOURCE)
        assert (done.status, done.out) == (2, "5\n"), done.err
        assert "Hint: the descriptor is read-only" in done.err

    def test_a_pin_that_may_only_be_read(self, new_map: MapFactory, bpffs: Path) -> None:
        """Without CAP_DAC_OVERRIDE, the file's mode counts."""
        found = new_map(MapType.HASH)
        found[word(1)] = word(5)
        found.pin(str(bpffs / "one"))
        (bpffs / "one").chmod(0o444)
        less = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *PYTC)
        for (verb, *words), status, said in (
            (("get", "key", "1"), 0, "5\n"),
            (("set", "key", "1", "value", "6"), 2, "read-only"),
        ):
            done = run(*less, "map", verb, "pinned", str(bpffs / "one"), *words, env=SOURCE)
            assert done.status == status, done.err
            assert said in done.out + done.err

    @pytest.mark.parametrize(
        ("words", "said", "status"),
        [
            (("id", "4294967"), "ENOENT", 1),
            (("fd", "999"), "no descriptor 999", 1),
            (("fd", "x"), "invalid fd", 255),
            (("pinned", "/nowhere"), 'cannot open the pinned map "/nowhere"', 1),
            (("name", "nosuch"), "there is no map", 1),
            (("map", "77"), "$BPF_MAP77 is not in the environment", 1),
            (("map", "a.b"), "$BPF_MAP_a_b is not in the environment", 1),
            (("fd", "0"), "is not a map", 1),
            (("id", "99999999999"), "invalid id", 255),
        ],
    )
    def test_maps_that_are_not_there(self, words: tuple[str, ...], said: str, status: int) -> None:
        assert said in refused("map", "dump", *words, status=status)

    @pytest.mark.parametrize(
        "type",
        [
            MapType.QUEUE,
            MapType.RINGBUF,
            pytest.param(MapType.BLOOM_FILTER, marks=pytest.mark.needs("map:bloom_filter")),
            MapType.PERF_EVENT_ARRAY,
        ],
    )
    def test_maps_without_elements_to_list(self, new_map: MapFactory, type: MapType) -> None:
        sizes = {MapType.QUEUE: (0, 4, 8), MapType.RINGBUF: (0, 0, 4096), MapType.BLOOM_FILTER: (0, 4, 8)}
        assert "no elements" in refused("map", "dump", *fd_of(new_map(type, *sizes.get(type, (4, 4, 2)))))

    def test_verbs_for_other_types(self, new_map: MapFactory) -> None:
        table, queue = new_map(MapType.HASH), new_map(MapType.QUEUE, 0)
        assert "is a hash, not a queue or a stack" in refused("map", "pop", *fd_of(table))
        assert "has no keys" in refused("map", "get", *fd_of(queue), "key", "1")
        assert "has no keys: use push" in refused("map", "load", *fd_of(queue), "/dev/null")
        said = 'map "numbers" is a queue, which has no keys: use "map pop ... all"'
        assert said in refused("map", "delete", *fd_of(queue), "all")
        ring = new_map(MapType.RINGBUF, 0, 0, 4096)
        assert "is a ringbuf: it has no elements to delete" in refused("map", "delete", *fd_of(ring), "all")
        assert "is not a bloom filter" in refused("map", "get", *fd_of(table), "value", "1")
        assert "not a ring buffer or a perf event array" in refused("map", "events", *fd_of(table))
        assert "sum works only on per-CPU maps" in refused("map", "dump", *fd_of(table), "sum")
