"""``pytc map`` on every type of map, beside what bpftool sees."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Map, MapSpec, MapType
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.constants import F_NO_PREALLOC
from pytc.bpf.sys.cpus import possible_cpus
from tests.conftest import Compiler
from tests.kernel.bpf.support import loaded, verdict, word
from tests.processes import PYTC, SOURCE, cannot, must, printed, refused, run

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]

SUMS = "{u64 packets, u64 bytes}"
#: An IPv4 packet from 10.0.0.1, TCP.
PACKET = bytes(12) + b"\x08\0" + b"\x45" + bytes(8) + b"\x06" + bytes(2) + b"\x0a\0\0\1" + b"\x0a\0\0\2" + bytes(30)
CPUS = possible_cpus()

Maker = Callable[..., Map]


@pytest.fixture
def made() -> Iterator[Maker]:
    """Makes maps, and closes them."""
    maps: list[Map] = []

    def make(type: MapType, key: int = 4, value: int = 4, entries: int = 8, **more: Any) -> Map:
        maps.append(create_map(MapSpec("numbers", type, key, value, entries, **more), "numbers"))
        return maps[-1]

    yield make
    for one in maps:
        one.close()


def at(found: Map) -> tuple[str, str]:
    return "fd", str(found.fd)


class TestElements:
    def test_are_set_and_read_by_format(self, made: Maker) -> None:
        found = made(MapType.HASH, 4, 16)
        types = ("keytype", "ip4", "valuetype", SUMS)
        printed("map", "set", *at(found), *types, "key", "10.0.0.1", "value", "{", "packets", "3", "bytes", "180", "}")
        assert found[b"\x0a\0\0\1"] == struct.pack("<QQ", 3, 180)
        assert printed("map", "get", *at(found), *types, "key", "10.0.0.1") == "{ packets 3 bytes 180 }\n"
        assert printed("map", "get", *at(found), *types, "key", "10.0.0.1", "value.bytes") == "180\n"
        assert json.loads(printed("-j", "map", "get", *at(found), *types, "key", "10.0.0.1")) == [
            {"key": "10.0.0.1", "value": {"packets": 3, "bytes": 180}}
        ]
        assert json.loads(printed("-j", "map", "get", *at(found), *types, "key", "10.0.0.1", "value.bytes")) == [
            {"key": "10.0.0.1", "value": 180}
        ]

    def test_without_types_are_numbers_and_hex(self, made: Maker) -> None:
        found = made(MapType.HASH, 2, 3)
        printed("map", "set", *at(found), "key", "258", "value", "0a0b0c")
        assert found[b"\2\1"] == b"\x0a\x0b\x0c"
        assert printed("map", "dump", *at(found)) == "key 258 value 0a0b0c\n"

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
    def test_are_changed_by_operators(self, made: Maker, operator: str, operand: str, result: int) -> None:
        found = made(MapType.HASH)
        found[word(1)] = word(5)
        printed("map", "set", *at(found), "key", "1", "value", operator, operand)
        assert found[word(1)] == word(result)

    def test_are_changed_in_parts(self, made: Maker) -> None:
        found = made(MapType.HASH, 4, 16)
        found[word(1)] = struct.pack("<QQ", 5, 6)
        changes = ("value.packets", "+=", "1", "value.bytes", "=", "0")
        printed("map", "set", *at(found), "valuetype", SUMS, "key", "1", *changes)
        assert found[word(1)] == struct.pack("<QQ", 6, 0)

    def test_flags(self, made: Maker) -> None:
        found = made(MapType.HASH)
        said = refused("map", "set", *at(found), "key", "1", "value", "1", "exist", status=2)
        assert "key 1" in said
        assert "the element does not exist, and exist was given" in said
        printed("map", "set", *at(found), "key", "1", "value", "1", "noexist")
        assert "the element already exists" in refused(
            "map", "set", *at(found), "key", "1", "value", "1", "noexist", status=2
        )

    def test_several_at_once(self, made: Maker) -> None:
        found = made(MapType.HASH)
        printed("map", "update-many", *at(found), "key", "1", "value", "2", "key", "3", "value", "4")
        assert dict(found.items()) == {word(1): word(2), word(3): word(4)}

    def test_are_deleted(self, made: Maker) -> None:
        found = made(MapType.HASH)
        for number in range(5):
            found[word(number)] = word(number)
        printed("map", "delete", *at(found), "key", "1", "key", "2")
        assert sorted(found) == [word(0), word(3), word(4)]
        printed("map", "delete", *at(found), "all")
        assert not list(found)

    def test_next_walks_through_all_keys(self, made: Maker) -> None:
        found = made(MapType.HASH)
        for number in range(3):
            found[word(number)] = word(number)
        seen = [printed("map", "next", *at(found))]
        while len(seen) < 3:
            seen.append(printed("map", "next", *at(found), "key", seen[-1].strip()))
        assert sorted(seen) == ["0\n", "1\n", "2\n"]
        assert "no further key" in refused("map", "next", *at(found), "key", seen[-1].strip(), status=2)


class TestErrors:
    def test_a_key_that_is_not_there(self, made: Maker) -> None:
        found = made(MapType.HASH)
        for line in (("get",), ("set", "value", "+=", "1"), ("delete",)):
            verb, *rest = line
            said = refused("map", verb, *at(found), "key", "7", *rest, status=2)
            assert said == 'map "numbers": there is no element with key 7\n'
        error = json.loads(refused("-j", "map", "get", *at(found), "key", "7", status=2))
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
    def test_values_that_cannot_be_set(self, made: Maker, words: tuple[str, ...], said: str) -> None:
        found = made(MapType.HASH)
        found[word(1)] = word(0)
        assert said in refused("map", "set", *at(found), *words, status=2 if said == "EINVAL" else 1)
        assert dict(found.items()) == {word(1): word(0)}

    def test_a_full_map(self, made: Maker) -> None:
        found = made(MapType.HASH, entries=1)
        found[word(1)] = word(1)
        assert "max_entries is 1" in refused("map", "set", *at(found), "key", "2", "value", "1", status=2)

    def test_a_frozen_map(self, made: Maker) -> None:
        found = made(MapType.ARRAY)
        found.freeze()
        assert "the map is frozen" in refused("map", "set", *at(found), "key", "1", "value", "1", status=2)
        assert printed("map", "get", *at(found), "key", "1") == "0\n"
        assert "frozen" in printed("map", "show", *at(found))

    def test_a_read_only_descriptor(self, made: Maker, bpffs: Path) -> None:
        found = made(MapType.HASH)
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

    def test_a_pin_that_may_only_be_read(self, made: Maker, bpffs: Path) -> None:
        """Without CAP_DAC_OVERRIDE, the file's mode counts."""
        found = made(MapType.HASH)
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

    @pytest.mark.parametrize("type", [MapType.QUEUE, MapType.RINGBUF, MapType.BLOOM_FILTER, MapType.PERF_EVENT_ARRAY])
    def test_maps_without_elements_to_list(self, made: Maker, type: MapType) -> None:
        sizes = {MapType.QUEUE: (0, 4, 8), MapType.RINGBUF: (0, 0, 4096), MapType.BLOOM_FILTER: (0, 4, 8)}
        assert "no elements" in refused("map", "dump", *at(made(type, *sizes.get(type, (4, 4, 2)))), status=1)

    def test_verbs_for_other_types(self, made: Maker) -> None:
        table, queue = made(MapType.HASH), made(MapType.QUEUE, 0)
        assert "is a hash, not a queue or stack" in refused("map", "pop", *at(table), status=1)
        assert "has no keys" in refused("map", "get", *at(queue), "key", "1", status=1)
        assert "has no keys: use push" in refused("map", "load", *at(queue), "/dev/null", status=1)
        assert "is not a bloom filter" in refused("map", "get", *at(table), "value", "1", status=1)
        assert "not a ring buffer or a perf event array" in refused("map", "events", *at(table), status=1)
        assert "sum works only on per-CPU maps" in refused("map", "dump", *at(table), "sum", status=1)


class TestNames:
    def test_of_maps(self, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name = f"only_{os.getpid()}"[:15]
        with create_map(MapSpec(name, MapType.ARRAY, 4, 4, 1), name) as found:
            found[word(0)] = word(42)
            found.pin(str(bpffs / "here"))
            monkeypatch.setenv("BPF_MAP3", str(found.fd))
            monkeypatch.setenv("BPF_MAP_a_b", str(found.fd))
            monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
            printed("map", "pin", *at(found), "m:globals/there")
            for words in (
                ("map", "3"),
                ("map", "a.b"),
                ("name", name),
                ("id", str(found.description.id)),
                ("pinned", str(bpffs / "here")),
                ("pinned", "m:globals/there"),
            ):
                assert printed("map", "get", *words) == "42\n"
            with create_map(MapSpec(name, MapType.ARRAY, 4, 4, 1), name) as twin:
                said = refused("map", "get", "name", name, status=1)
                assert f'there are 2 maps "{name}"' in said
                assert {str(found.description.id), str(twin.description.id)} <= set(said.replace(":", "").split())
            monkeypatch.setenv("BPF_MAP3", "none")
            assert '$BPF_MAP3 is "none"' in refused("map", "get", "map", "3", status=1)

    def test_show(self, made: Maker) -> None:
        found = made(MapType.HASH, 4, 8, 16)
        text = printed("map", "show", *at(found))
        assert text.startswith(f"map {found.description.id} hash name numbers key 4 value 8 max_entries 16")
        every = json.loads(printed("-j", "map", "show"))
        (own,) = [one for one in every if one["id"] == found.description.id]
        assert (own["type"], own["key_size"], own["value_size"], own["frozen"]) == ("hash", 4, 8, False)
        assert json.loads(printed("-j", "map", "show", *at(found))) == [own]

    def test_pins(self, made: Maker, bpffs: Path, tmp_path: Path) -> None:
        found = made(MapType.ARRAY)
        path = bpffs / "pin"
        printed("map", "pin", *at(found), str(path))
        assert path.exists()
        assert "File exists" in refused("map", "pin", *at(found), str(path), status=1)
        assert "a pin must be in a bpffs" in refused("map", "pin", *at(found), str(tmp_path / "x"), status=1)
        (tmp_path / "file").write_text("mine")
        (bpffs / "link").symlink_to(path)
        for wrong in (tmp_path / "file", bpffs, bpffs / "link", bpffs / "nothing"):
            refused("map", "unpin", str(wrong), status=1)
        assert (tmp_path / "file").exists()
        printed("map", "unpin", str(path))
        assert not path.exists()

    def test_m_pins_stay_below_tcs_directory(self, made: Maker, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
        assert "leads out of" in refused("map", "pin", *at(made(MapType.ARRAY)), "m:../x", status=1)


class TestTypes:
    @pytest.mark.parametrize("type", [MapType.HASH, MapType.LRU_HASH])
    def test_hashes(self, made: Maker, type: MapType) -> None:
        found = made(type, 4, 4, 64)
        printed("map", "set", *at(found), "key", "1", "value", "2")
        assert json.loads(printed("-j", "map", "dump", *at(found))) == [{"key": 1, "value": 2}]

    def test_arrays(self, made: Maker) -> None:
        found = made(MapType.ARRAY, entries=2)
        printed("map", "set", *at(found), "key", "1", "value", "2")
        assert printed("map", "dump", *at(found)) == "key 0 value 0\nkey 1 value 2\n"
        assert "max_entries is 2" in refused("map", "set", *at(found), "key", "2", "value", "1", status=2)

    def test_an_array_of_one_needs_no_key(self, made: Maker) -> None:
        found = made(MapType.ARRAY, entries=1)
        printed("map", "set", *at(found), "value", "7")
        printed("map", "set", *at(found), "value", "+=", "1")
        assert printed("map", "get", *at(found)) == "8\n"

    @pytest.mark.parametrize("type", [MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH])
    def test_values_of_each_cpu(self, made: Maker, type: MapType) -> None:
        found = made(type, 4, 12, 1 if type == MapType.PERCPU_ARRAY else 64)
        types = ("valuetype", "{u32 a, u32 b, u32 c}")
        each = [{"a": cpu + 1, "b": 10, "c": 0} for cpu in range(CPUS)]
        printed("map", "set", *at(found), *types, "key", "0", "value", json.dumps(each))
        assert json.loads(printed("-j", "map", "dump", *at(found), *types)) == [{"key": 0, "values": each}]
        total = sum(range(1, CPUS + 1))
        assert printed("map", "get", *at(found), *types, "key", "0", "sum") == f"{{ a {total} b {10 * CPUS} c 0 }}\n"
        assert printed("map", "get", *at(found), *types, "key", "0", "value.a", "sum") == f"{total}\n"
        assert printed("map", "get", *at(found), *types, "key", "0", "value[0].a") == "1\n"
        assert json.loads(printed("-j", "map", "dump", *at(found), *types, "sum")) == [
            {"key": 0, "value": {"a": total, "b": 10 * CPUS, "c": 0}}
        ]
        lines = printed("map", "dump", *at(found), *types, "csv").splitlines()
        assert lines == ["key,cpu,value.a,value.b,value.c", *(f"0,{cpu},{cpu + 1},10,0" for cpu in range(CPUS))]
        printed("map", "set", *at(found), *types, "key", "0", "value", "{", "a", "5", "}")
        assert printed("map", "dump", *at(found), *types, "csv", "sum").splitlines()[1] == f"0,{5 * CPUS},0,0"
        printed("map", "set", *at(found), *types, "key", "0", "value[0].a", "+=", "1")
        assert printed("map", "get", *at(found), *types, "key", "0", "value.a", "sum") == f"{5 * CPUS + 1}\n"

    def test_a_part_of_which_cpus_value(self, made: Maker) -> None:
        said = refused("map", "get", *at(made(MapType.PERCPU_ARRAY)), "key", "0", "value.x", status=1)
        assert "value[0].x is that of the first" in said

    def test_lpm_tries(self, made: Maker) -> None:
        found = made(MapType.LPM_TRIE, 8, 4, flags=F_NO_PREALLOC)
        printed("map", "update-many", *at(found), "key", "10.0.0.0/8", "value", "1", "key", "10.1.0.0/16", "value", "2")
        assert printed("map", "get", *at(found), "key", "10.1.2.3") == "2\n"
        assert printed("map", "get", *at(found), "key", "10.2.0.0/16") == "1\n"
        assert {one["key"]: one["value"] for one in json.loads(printed("-j", "map", "dump", *at(found)))} == {
            "10.0.0.0/8": 1,
            "10.1.0.0/16": 2,
        }
        printed("map", "set", *at(found), "key", "10.0.0.0/8", "value", "+=", "5")
        assert printed("map", "get", *at(found), "key", "10.9.9.9") == "6\n"
        printed("map", "delete", *at(found), "key", "10.0.0.0/8")
        assert "no element with key 11.0.0.0/8" in refused("map", "get", *at(found), "key", "11.0.0.0/8", status=2)
        wide = made(MapType.LPM_TRIE, 20, 4, flags=F_NO_PREALLOC)
        printed("map", "set", *at(wide), "key", "2001:db8::/32", "value", "1")
        assert printed("map", "dump", *at(wide)) == "key 2001:db8::/32 value 1\n"

    @pytest.mark.parametrize(("type", "order"), [(MapType.QUEUE, "1 2 3"), (MapType.STACK, "3 2 1")])
    def test_queues_and_stacks(self, made: Maker, type: MapType, order: str) -> None:
        found = made(type, 0, 4, 3)
        printed("map", "push", *at(found), "value", "1", "value", "2", "value", "3")
        assert "E2BIG" in refused("map", "push", *at(found), "value", "4", status=2)
        assert printed("map", "peek", *at(found)) == f"{order[0]}\n"
        assert printed("map", "pop", *at(found)) == f"{order[0]}\n"
        assert json.loads(printed("-j", "map", "pop", *at(found), "all")) == [
            {"value": int(number)} for number in order.split()[1:]
        ]
        assert "is empty" in refused("map", "pop", *at(found), status=2)

    def test_a_full_queue_makes_room(self, made: Maker) -> None:
        found = made(MapType.QUEUE, 0, 4, 2)
        printed("map", "push", *at(found), "value", "1", "value", "2", "value", "3", "exist")
        assert printed("map", "pop", *at(found), "count", "5") == "2\n3\n"

    def test_bloom_filters(self, made: Maker) -> None:
        found = made(MapType.BLOOM_FILTER, 0, 4, 64)
        printed("map", "push", *at(found), "value", "10.0.0.1", "valuetype", "ip4")
        assert printed("map", "get", *at(found), "value", "10.0.0.1") == "true\n"
        assert "does not hold the value" in refused("map", "get", *at(found), "value", "10.0.0.77", status=2)

    def test_maps_in_maps(self, made: Maker, bpffs: Path) -> None:
        inner = made(MapType.ARRAY, 4, 4, 1)
        inner.pin(str(bpffs / "inner"))
        spec = MapSpec("outer", MapType.HASH_OF_MAPS, 4, 4, 4)
        number = inner.description.id
        with create_map(spec, "outer", inner_fd=inner.fd) as outer:
            for key, reference in enumerate((str(number), str(bpffs / "inner"), f"fd:{inner.fd}", f"id:{number}")):
                printed("map", "set", *at(outer), "key", str(key), "value", reference)
                assert printed("map", "get", *at(outer), "key", str(key)) == f"{number}\n"
            assert json.loads(printed("-j", "map", "dump", *at(outer))) == [
                {"key": key, "value": number} for key in sorted(range(4), key=_order(outer))
            ]
            assert "neither an id nor a pin" in refused("map", "set", *at(outer), "key", "1", "value", "x", status=1)
            assert "ENOENT" in refused("map", "set", *at(outer), "key", "1", "value", "4294967", status=1)

    def test_program_arrays(self, made: Maker, build: Compiler, bpffs: Path) -> None:
        found = made(MapType.PROG_ARRAY)
        with loaded(build("drop"), bpffs) as done:
            done.program.pin(str(bpffs / "program"))
            number = done.program.description.id
            for key, reference in enumerate((str(number), str(bpffs / "program"), f"fd:{done.program.fd}")):
                printed("map", "set", *at(found), "key", str(key), "value", reference)
            assert printed("map", "dump", *at(found)) == "".join(f"key {key} value {number}\n" for key in range(3))
            printed("map", "delete", *at(found), "key", "1")
            assert "no element" in refused("map", "get", *at(found), "key", "1", status=2)
            assert "named by its id, pin or descriptor" in refused(
                "map", "set", *at(found), "key", "0", "value", "name:x", status=1
            )

    @pytest.mark.parametrize(("type", "size"), [(MapType.DEVMAP, 4), (MapType.DEVMAP_HASH, 4), (MapType.DEVMAP, 8)])
    def test_devices_by_name(self, made: Maker, type: MapType, size: int) -> None:
        found = made(type, 4, size)
        member = "value" if size == 4 else "value.device"
        value = ("lo",) if size == 4 else ("{", "device", "lo", "}")
        printed("map", "set", *at(found), "key", "1", "value", *value)
        assert printed("map", "get", *at(found), "key", "1", *([member] if size == 8 else [])) == "lo\n"
        assert [one["key"] for one in json.loads(printed("-j", "map", "dump", *at(found)))] == [1]
        wrong = ("nosuch",) if size == 4 else ("{", "device", "nosuch", "}")
        assert 'there is no device "nosuch"' in refused("map", "set", *at(found), "key", "1", "value", *wrong, status=1)

    def test_sockets(self, made: Maker) -> None:
        import socket

        found = made(MapType.SOCKMAP, 4, 8)
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen()
            client.connect(server.getsockname())
            found[word(1)] = client.fileno().to_bytes(8, "little")
            (entry,) = json.loads(printed("-j", "map", "dump", *at(found)))
            assert entry["key"] == 1
            assert entry["value"] == struct.unpack("<Q", client.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


def _order(found: Map) -> Callable[[int], int]:
    order = [struct.unpack("<I", key)[0] for key in found]
    return order.index


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", "key,value.packets,value.bytes\n10.0.0.1,1,2\n10.0.0.2,3,4\n"),
            ("a.csv", "value.bytes,value.packets,key\r\n2,1,10.0.0.1\r\n0x4,3,10.0.0.2\r\n"),
            ("a.csv", 'key,value\n10.0.0.1,"{""packets"":1,""bytes"":2}"\n10.0.0.2,"{""packets"":3,""bytes"":4}"\n'),
            (
                "a.json",
                '[{"key":"10.0.0.1","value":{"packets":1,"bytes":2}},\n'
                '{"key":"10.0.0.2","value":{"packets":3,"bytes":4}}]',
            ),
            (
                "a.json",
                '[ {\n "key":"10.0.0.1","value":{"packets":1,"bytes":"2"}\n},\n'
                '{"key":"10.0.0.2","value":{"bytes":4,"packets":3}}]\n',
            ),
            ("a.json", '{"10.0.0.1":{"packets":1,"bytes":2},"10.0.0.2":{"packets":3,"bytes":4}}'),
            (
                "a.json",
                '{"key":"10.0.0.1","value":{"packets":1,"bytes":2}}\n'
                '{"key":"10.0.0.2","value":{"packets":3,"bytes":4}}',
            ),
        ],
    )
    def test_are_loaded(self, made: Maker, tmp_path: Path, name: str, text: str) -> None:
        found = made(MapType.HASH, 4, 16)
        (tmp_path / name).write_text(text, newline="")
        printed("map", "load", *at(found), "keytype", "ip4", "valuetype", SUMS, str(tmp_path / name))
        assert dict(found.items()) == {b"\x0a\0\0\1": struct.pack("<QQ", 1, 2), b"\x0a\0\0\2": struct.pack("<QQ", 3, 4)}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "the first line must name"),
            ("key\n1\n", "the first line must name"),
            ("value,key\n1\n", "line 2 has 1 cells"),
            ("key,value\n1,2,3\n4\n", "line 2 has 3 cells, the header 2"),
            ("key,value,bogus\n1,2,3\n", 'column "bogus"'),
            ("key,value,value\n1,2,3\n", "the same name"),
            ("key,value\n1,2\n3,x\n", 'line 3: value: "x" is not a number'),
            ("key,value\n1,4294967296\n", "line 2: value: 4294967296 does not fit"),
            ("key,value.x\n1,2\n", 'column "value.x"'),
            ('key,value\n"1,2\n', "this is not CSV"),
            ("key,value\n\n1,2\n", "line 2 has 1 cells"),
            ("[", "this is not JSON"),
            ("[1]", "entry 1 has no key"),
            ('[{"key":1}]', "entry 1 has no value"),
            ('[{"key":1,"value":2},{"key":1,"value":[]}]', "entry 2: value"),
            ('{"key":1}', "entry 1 has no value"),
            ('[{"key":"x","value":1}]', 'entry 1: key: "x" is not a number'),
            ("[" * 100_000, "this is not JSON"),
            ('[{"key":1,"value":1.5}]', "entry 1: value"),
            ('{"1":null}', "entry 1: value"),
            ("{}x", "this is not JSON"),
            ("key,value\n\ufffd,1\n", "is not a number"),
            ('[\n{"key":1,"value":2},\n{"key":1}]', "entry 2 has no value"),
        ],
    )
    def test_that_are_wrong(self, made: Maker, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "file").write_text(text, newline="")
        assert said in refused("map", "load", *at(made(MapType.HASH)), str(tmp_path / "file"), status=1)

    def test_that_are_no_text_or_not_there(self, made: Maker, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"key,value\n\xff,1\n")
        assert "not UTF-8 text" in refused("map", "load", *at(made(MapType.HASH)), str(tmp_path / "file"), status=1)
        assert "cannot read" in refused("map", "load", *at(made(MapType.HASH)), str(tmp_path / "none"), status=1)

    def test_a_refused_element_is_named(self, made: Maker, tmp_path: Path) -> None:
        found = made(MapType.HASH, entries=2)
        (tmp_path / "file").write_text("key,value\n1,1\n2,2\n3,3\n")
        assert "key 3: bpf(MAP_UPDATE_ELEM): Argument list too long" in refused(
            "map", "load", *at(found), str(tmp_path / "file"), status=2
        )

    def test_values_of_each_cpu(self, made: Maker, tmp_path: Path) -> None:
        found = made(MapType.PERCPU_HASH, 4, 4)
        rows = [(key, cpu, 10 * key + cpu) for key in (1, 2) for cpu in range(CPUS)]
        (tmp_path / "a.csv").write_text("key,cpu,value\n" + "".join(f"{k},{c},{v}\n" for k, c, v in rows))
        printed("map", "load", *at(found), str(tmp_path / "a.csv"))
        values = {one["key"]: one["values"] for one in json.loads(printed("-j", "map", "dump", *at(found)))}
        assert values == {key: [10 * key + cpu for cpu in range(CPUS)] for key in (1, 2)}
        (tmp_path / "b.csv").write_text("key,value\n3,7\n")
        (tmp_path / "c.json").write_text('[{"key":4,"value":8},{"key":5,"values":%s}]' % json.dumps([9] * CPUS))
        for name in ("b.csv", "c.json"):
            printed("map", "load", *at(found), str(tmp_path / name))
        for key, value in ((3, 7), (4, 8), (5, 9)):
            assert printed("map", "get", *at(found), "key", str(key)) == f"[ {f'{value} ' * CPUS}]\n"
        (tmp_path / "d.csv").write_text(f"key,cpu,value\n1,{CPUS},1\n")
        said = refused("map", "load", *at(found), str(tmp_path / "d.csv"), status=1)
        assert f'line 2: cpu: "{CPUS}" is not a CPU' in said

    @pytest.mark.parametrize("style", ["csv", "json"])
    def test_many_entries_come_back(self, made: Maker, tmp_path: Path, style: str) -> None:
        """More than a batch, and enough for the writer to work beside the reader."""
        count = 50_000
        found, copy = made(MapType.HASH, 4, 16, count), made(MapType.HASH, 4, 16, count)
        for number in range(count):
            found[word(number)] = struct.pack("<QQ", number * 3, 1 << 63 | number)
        words = ("valuetype", SUMS)
        text = (
            printed("map", "dump", *at(found), *words, "csv")
            if style == "csv"
            else printed("-j", "map", "dump", *at(found), *words)
        )
        assert len(text) > 1 << 20
        (tmp_path / "file").write_text(text)
        printed("map", "load", *at(copy), *words, str(tmp_path / "file"))
        assert dict(copy.items()) == dict(found.items())
        printed("map", "delete", *at(found), "all")
        assert not list(found)
        (tmp_path / "file").write_text(text.replace("\n49999,", "\nx49999,").replace('"key":49999,', '"key":"x49999",'))
        assert '"x49' in refused("map", "load", *at(copy), *words, str(tmp_path / "file"), status=1)

    def test_standard_input(self, made: Maker) -> None:
        found = made(MapType.HASH)
        done = subprocess.run(
            [*PYTC, "map", "load", "map", "0", "-"],
            input="key,value\n1,2\n",
            text=True,
            timeout=60,
            check=False,
            pass_fds=[found.fd],
            capture_output=True,
            env={**os.environ, "BPF_MAP0": str(found.fd), **SOURCE},
        )
        assert done.returncode == 0, done.stderr
        assert dict(found.items()) == {word(1): word(2)}

    def test_pretty(self, made: Maker) -> None:
        found = made(MapType.HASH)
        assert printed("-j", "-p", "map", "dump", *at(found)) == "[ ]\n"
        assert printed("-j", "map", "dump", *at(found)) == "[]\n"
        found[word(1)] = word(2)
        assert json.loads(printed("-j", "-p", "map", "dump", *at(found))) == [{"key": 1, "value": 2}]
        assert '\n        "key": 1,' in printed("-j", "-p", "map", "dump", *at(found))


class TestTypedByBtf:
    """The maps of typed_values.c: every sort of value."""

    def test_every_sort_of_value(self, build: Compiler, bpffs: Path, tmp_path: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            verdicts, flows = done.maps["verdicts"], done.maps["flows"]
            value = {
                "action": "DROP",
                "note": "hello",
                "tag": {"octets": [1, 2, 3, 4]},
                "low": 3,
                "high": 100,
                "rest": 4095,
                "deltas": [-1, -2, 3],
                "on": True,
                "inner": {"peer": {"address": "10.1.1.1", "port": 53}},
            }
            printed("map", "set", *at(verdicts), "key", "10.0.0.1", "value", json.dumps(value))
            (entry,) = json.loads(printed("-j", "map", "dump", *at(verdicts)))
            assert entry["key"] == "10.0.0.1"
            assert entry["value"] == {
                **value,
                "hits": 0,
                "bytes": 0,
                "tag": {"word": 0x04030201, "octets": [1, 2, 3, 4]},
                "inner": {"first": 0, "peer": {"address": "10.1.1.1", "port": 53, "protocol": 0}},
            }
            printed(
                "map",
                "set",
                *at(verdicts),
                "key",
                "10.0.0.1",
                "value.high",
                "^=",
                "1",
                "value.action",
                "=",
                "NEVER",
                "value.inner.peer.port",
                "+=",
                "1",
                "value.note",
                "=",
                "a b",
            )
            assert printed("map", "get", *at(verdicts), "key", "10.0.0.1", "value.high") == "101\n"
            assert printed("map", "get", *at(verdicts), "key", "10.0.0.1", "value.note") == "'a b'\n"
            for style, name in (("csv", "a.csv"), ("json", "a.json")):
                said = (
                    printed("map", "dump", *at(verdicts), "csv")
                    if style == "csv"
                    else printed("-j", "map", "dump", *at(verdicts))
                )
                (tmp_path / name).write_text(said)
                before = dict(verdicts.items())
                printed("map", "delete", *at(verdicts), "all")
                printed("map", "load", *at(verdicts), str(tmp_path / name))
                assert dict(verdicts.items()) == before
            assert "DROP" not in printed("map", "dump", *at(verdicts))
            key = ("{", "address", "10.0.0.1", "port", "53", "protocol", "6", "}")
            printed("map", "set", *at(flows), "key", *key, "value", "9")
            assert printed("map", "dump", *at(flows)) == "key { address 10.0.0.1 port 53 protocol 6 } value 9\n"
            said = refused("map", "set", *at(flows), "key", "{", "x", "1", "}", "value", "1", status=1)
            assert 'no member "x"; the members are address, port, protocol' in said
            shown = printed("map", "show", *at(flows))
            assert "key type struct endpoint\n  value type __u64\n" in shown

    def test_bpftool_sees_the_same(self, build: Compiler, bpffs: Path) -> None:
        if shutil.which("bpftool") is None:
            cannot("bpftool is not installed")
        with loaded(build("typed_values"), bpffs) as done:
            chosen = done.maps["settings"]
            printed("map", "set", *at(chosen), "value", "{", "enabled", "true", "protocol", "6", "ports", "80,443", "}")
            (entry,) = json.loads(must("bpftool", "-j", "map", "dump", "id", str(chosen.description.id)))
            assert entry["formatted"]["value"] == {"enabled": True, "protocol": 6, "ports": [80, 443, 0, 0]}
            (own,) = json.loads(printed("-j", "map", "dump", *at(chosen)))
            assert own == entry["formatted"]

    def test_names_of_types_in_formats(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            flows = done.maps["flows"]
            printed(
                "map",
                "set",
                *at(flows),
                "keytype",
                "struct",
                "endpoint",
                "valuetype",
                "{u32 a, u32 b}",
                "key",
                "{",
                "port",
                "1",
                "}",
                "value",
                "{",
                "b",
                "7",
                "}",
            )
            assert printed("map", "dump", *at(flows), "keytype", "hex") == f"key 0000000000010000 value {7 << 32}\n"
            assert 'unknown type "struct nosuch"' in refused(
                "map", "dump", *at(flows), "keytype", "struct", "nosuch", status=1
            )

    def test_locks(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("spinlock"), bpffs) as done:
            totals = done.maps["totals"]
            printed("map", "set", *at(totals), "key", "1", "value", "{", "packets", "5", "}")
            printed("map", "set", *at(totals), "key", "1", "value.packets", "+=", "1", "lock")
            assert printed("map", "get", *at(totals), "key", "1", "lock") == "{ packets 6 bytes 0 }\n"
            assert printed("map", "dump", *at(totals), "lock") == "key 1 value { packets 6 bytes 0 }\n"
        with loaded(build("typed_values"), bpffs) as done:
            assert "lock cannot be used" in refused("map", "get", *at(done.maps["settings"]), "lock", status=1)

    def test_data_sections(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("modern_globals"), bpffs) as done:
            data = next(found for found in done.maps.values() if found.name == ".data")
            values = json.loads(printed("-j", "map", "get", *at(data)))[0]["value"]
            name = next(name for name, value in values.items() if isinstance(value, int))
            printed("map", "set", *at(data), f"value.{name}", "=", "77")
            assert printed("map", "get", *at(data), f"value.{name}") == "77\n"

    def test_a_process_that_may_not_read_types_gets_numbers(self, build: Compiler, bpffs: Path) -> None:
        """An inherited descriptor works without privileges; type information does not."""
        formats = ("valuetype", "{bool a, u8 b, u16 p[4]}")
        with loaded(build("typed_values"), bpffs) as done:
            found = done.maps["settings"]
            found[word(0)] = b"\1\x06" + struct.pack("<4H", 80, 443, 0, 0)
            for words, expected in (
                (("get", "map", "settings"), "01065000bb0100000000\n"),
                (("get", "map", "settings", *formats, "value.p[1]"), "443\n"),
                (("set", "map", "settings", *formats, "value.b", "=", "17"), ""),
            ):
                finished = subprocess.run(
                    ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *PYTC, "map", *words],
                    pass_fds=[found.fd],
                    text=True,
                    capture_output=True,
                    timeout=60,
                    check=False,
                    env={**os.environ, "BPF_MAP_settings": str(found.fd), **SOURCE},
                )
                assert (finished.returncode, finished.stdout) == (0, expected), finished.stderr
            assert found[word(0)][1] == 17


class TestEvents:
    def test_of_a_ring_buffer(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            for _ in range(200):  # more than the buffer holds, in turns
                assert verdict(done.program, PACKET) == 0
                said = printed("map", "events", *at(done.maps["notices"]), "type", "struct", "event", "count", "1")
                assert said == f"{{ address 10.0.0.1 length {len(PACKET)} action COUNT_ONLY note hello }}\n"
            for _ in range(3):
                verdict(done.program, PACKET)
            lines = printed(
                "-j",
                "map",
                "events",
                *at(done.maps["notices"]),
                "type",
                "{ip4 from, u32 n, hex rest}",
                "timeout",
                "10ms",
            ).splitlines()
            assert len(lines) == 3
            assert json.loads(lines[0])["value"]["from"] == "10.0.0.1"
            assert json.loads(lines[0])["value"]["rest"].startswith("07000000")
            assert printed("map", "events", *at(done.maps["notices"]), "timeout", "1ms") == ""

    def test_types_from_an_object_file(self, build: Compiler, bpffs: Path) -> None:
        path = build("typed_values")
        with loaded(path, bpffs) as done:
            _enable(done.maps)
            verdict(done.program, PACKET)
            said = printed("map", "events", *at(done.maps["notices"]), "type", "event", "object", path, "count", "1")
            assert said.startswith("{ address 10.0.0.1 ")
            assert "neither a format nor" in refused(
                "map", "events", *at(done.maps["notices"]), "type", "nosuch", "object", path, status=1
            )
            assert 'unknown type "u33"' in refused("map", "events", *at(done.maps["notices"]), "type", "u33", status=1)

    def test_without_a_type_are_hex_and_short_ones_too(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            for words in ((), ("type", "u64[99]")):
                verdict(done.program, PACKET)
                said = printed("map", "events", *at(done.maps["notices"]), *words, "count", "1")
                assert said.startswith("0a000001")
                assert len(said) == 2 * 28 + 1

    @pytest.mark.needs("perf_events")
    def test_of_perf(self, build: Compiler, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            samples = done.maps["samples"]
            made_by = PerfBuffer.events

            def provoked(self: PerfBuffer, timeout: float | None = None) -> Any:
                """Packets that come while somebody listens."""
                for _ in range(3):
                    verdict(done.program, PACKET)
                return made_by(self, timeout)

            monkeypatch.setattr(PerfBuffer, "events", provoked)
            lines = printed(
                "-j", "map", "events", *at(samples), "type", "struct", "event", "timeout", "20ms"
            ).splitlines()
            assert len(lines) == 3
            event = json.loads(lines[0])
            assert event["value"]["address"] == "10.0.0.1"
            assert 0 <= event["cpu"] < CPUS
            text = printed("map", "events", *at(samples), "type", "event", "count", "1")
            assert text.startswith("cpu ")

    @pytest.mark.needs("perf_events")
    def test_many_perf_events_wrap_around(self, build: Compiler, bpffs: Path) -> None:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            with PerfBuffer(done.maps["samples"], pages=1) as buffer:
                for count in (50, 50, 50, 200):
                    for _ in range(count):
                        verdict(done.program, PACKET)
                    found = list(buffer.events(0))
                    whole = [event for event in found if not event.lost]
                    assert all(event.data[:4] == b"\x0a\0\0\1" for event in whole)
                    assert len(whole) == count or count == 200
                verdict(done.program, PACKET)
                assert sum(event.lost for event in found + list(buffer.events(0))) + len(whole) == 200


def _enable(maps: Any) -> None:
    maps["settings"].typed[0] = {"enabled": True}
    maps["verdicts"].typed["10.0.0.1"] = {"action": "COUNT_ONLY", "note": "hello"}


class TestWatch:
    def test_says_what_changes(self, made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        found = made(MapType.HASH)
        found[word(1)] = word(1)
        found[word(2)] = word(2)
        steps = [lambda: found.update(word(1), word(5)), lambda: found.__delitem__(word(2)), lambda: None]
        monkeypatch.setattr(time, "sleep", lambda seconds: steps.pop(0)())
        lines = printed("map", "watch", *at(found), "count", "4", "interval", "1ms").splitlines()
        assert sorted(lines[:2]) == ["key 1 value 1", "key 2 value 2"]
        assert lines[2:] == ["key 1 value 5", "deleted key 2"]
        said = [json.loads(line) for line in printed("-j", "map", "watch", *at(found), "count", "1").splitlines()]
        assert said == [{"event": "new", "key": 1, "value": 5}]
