"""Elements of every type of map, beside what the type allows."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pytc.bpf import Map, MapSpec, MapType, PinRoot, load, read_object
from pytc.bpf.loader.program import select_program
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.constants import F_NO_PREALLOC
from pytc.bpf.sys.cpus import possible_cpus
from pytc.bpf.sys.pins import open_pin
from tests.conftest import EXAMPLES, Compiler
from tests.kernel.bpf.support import loaded, word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.kernel.exec_proxy.support import NOBODY, as_user
from tests.processes import json_of, printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]
CPUS = possible_cpus()


class TestTypes:
    @pytest.mark.parametrize("type", [MapType.HASH, MapType.LRU_HASH])
    def test_hashes(self, new_map: MapFactory, type: MapType) -> None:
        found = new_map(type, 4, 4, 64)
        printed("map", "set", *fd_of(found), "key", "1", "value", "2")
        assert json_of("map", "dump", *fd_of(found)) == [{"key": 1, "value": 2}]

    def test_arrays(self, new_map: MapFactory) -> None:
        found = new_map(MapType.ARRAY, entries=2)
        printed("map", "set", *fd_of(found), "key", "1", "value", "2")
        assert printed("map", "dump", *fd_of(found)) == "key 0 value 0\nkey 1 value 2\n"
        assert "max_entries is 2" in refused("map", "set", *fd_of(found), "key", "2", "value", "1", status=2)

    def test_an_array_of_one_needs_no_key(self, new_map: MapFactory) -> None:
        found = new_map(MapType.ARRAY, entries=1)
        printed("map", "set", *fd_of(found), "value", "7")
        printed("map", "set", *fd_of(found), "value", "+=", "1")
        assert printed("map", "get", *fd_of(found)) == "8\n"

    @pytest.mark.parametrize("type", [MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH])
    def test_values_of_each_cpu(self, new_map: MapFactory, type: MapType) -> None:
        found = new_map(type, 4, 12, 1 if type == MapType.PERCPU_ARRAY else 64)
        types = ("valuetype", "{u32 a, u32 b, u32 c}")
        each = [{"a": cpu + 1, "b": 10, "c": 0} for cpu in range(CPUS)]
        printed("map", "set", *fd_of(found), *types, "key", "0", "value", json.dumps(each))
        assert json_of("map", "dump", *fd_of(found), *types) == [{"key": 0, "values": each}]
        total = sum(range(1, CPUS + 1))
        assert printed("map", "get", *fd_of(found), *types, "key", "0", "sum") == f"{{ a {total} b {10 * CPUS} c 0 }}\n"
        assert printed("map", "get", *fd_of(found), *types, "key", "0", "value.a", "sum") == f"{total}\n"
        assert printed("map", "get", *fd_of(found), *types, "key", "0", "value[0].a") == "1\n"
        assert json_of("map", "dump", *fd_of(found), *types, "sum") == [
            {"key": 0, "value": {"a": total, "b": 10 * CPUS, "c": 0}}
        ]
        lines = printed("map", "dump", *fd_of(found), *types, "csv").splitlines()
        assert lines == ["key,cpu,value.a,value.b,value.c", *(f"0,{cpu},{cpu + 1},10,0" for cpu in range(CPUS))]
        printed("map", "set", *fd_of(found), *types, "key", "0", "value", "{", "a", "5", "}")
        assert printed("map", "dump", *fd_of(found), *types, "csv", "sum").splitlines()[1] == f"0,{5 * CPUS},0,0"
        printed("map", "set", *fd_of(found), *types, "key", "0", "value[0].a", "+=", "1")
        assert printed("map", "get", *fd_of(found), *types, "key", "0", "value.a", "sum") == f"{5 * CPUS + 1}\n"

    def test_a_part_of_which_cpus_value(self, new_map: MapFactory) -> None:
        said = refused("map", "get", *fd_of(new_map(MapType.PERCPU_ARRAY)), "key", "0", "value.x")
        assert "value[0].x is that of the first" in said

    def test_lpm_tries(self, new_map: MapFactory) -> None:
        found = new_map(MapType.LPM_TRIE, 8, 4, flags=F_NO_PREALLOC)
        printed(
            "map", "update-many", *fd_of(found), "key", "10.0.0.0/8", "value", "1", "key", "10.1.0.0/16", "value", "2"
        )
        assert printed("map", "get", *fd_of(found), "key", "10.1.2.3") == "2\n"
        assert printed("map", "get", *fd_of(found), "key", "10.2.0.0/16") == "1\n"
        assert {one["key"]: one["value"] for one in json_of("map", "dump", *fd_of(found))} == {
            "10.0.0.0/8": 1,
            "10.1.0.0/16": 2,
        }
        printed("map", "set", *fd_of(found), "key", "10.0.0.0/8", "value", "+=", "5")
        assert printed("map", "get", *fd_of(found), "key", "10.9.9.9") == "6\n"
        printed("map", "delete", *fd_of(found), "key", "10.0.0.0/8")
        assert "no element with key 11.0.0.0/8" in refused("map", "get", *fd_of(found), "key", "11.0.0.0/8", status=2)
        wide = new_map(MapType.LPM_TRIE, 20, 4, flags=F_NO_PREALLOC)
        printed("map", "set", *fd_of(wide), "key", "2001:db8::/32", "value", "1")
        assert printed("map", "dump", *fd_of(wide)) == "key 2001:db8::/32 value 1\n"

    @pytest.mark.parametrize(("type", "order"), [(MapType.QUEUE, "1 2 3"), (MapType.STACK, "3 2 1")])
    def test_queues_and_stacks(self, new_map: MapFactory, type: MapType, order: str) -> None:
        found = new_map(type, 0, 4, 3)
        printed("map", "push", *fd_of(found), "value", "1", "value", "2", "value", "3")
        assert "E2BIG" in refused("map", "push", *fd_of(found), "value", "4", status=2)
        assert printed("map", "peek", *fd_of(found)) == f"{order[0]}\n"
        assert printed("map", "pop", *fd_of(found)) == f"{order[0]}\n"
        assert json_of("map", "pop", *fd_of(found), "all") == [{"value": int(number)} for number in order.split()[1:]]
        assert "is empty" in refused("map", "pop", *fd_of(found), status=2)

    def test_a_full_queue_makes_room(self, new_map: MapFactory) -> None:
        found = new_map(MapType.QUEUE, 0, 4, 2)
        printed("map", "push", *fd_of(found), "value", "1", "value", "2", "value", "3", "exist")
        assert printed("map", "pop", *fd_of(found), "count", "5") == "2\n3\n"

    @pytest.mark.needs("map:bloom_filter")
    def test_bloom_filters(self, new_map: MapFactory) -> None:
        found = new_map(MapType.BLOOM_FILTER, 0, 4, 64)
        printed("map", "push", *fd_of(found), "value", "10.0.0.1", "valuetype", "ip4")
        assert printed("map", "get", *fd_of(found), "value", "10.0.0.1") == "true\n"
        assert "does not hold the value" in refused("map", "get", *fd_of(found), "value", "10.0.0.77", status=2)

    def test_maps_in_maps(self, new_map: MapFactory, bpffs: Path) -> None:
        inner = new_map(MapType.ARRAY, 4, 4, 1)
        inner.pin(str(bpffs / "inner"))
        spec = MapSpec("outer", MapType.HASH_OF_MAPS, 4, 4, 4)
        number = inner.description.id
        with create_map(spec, "outer", inner_fd=inner.fd) as outer:
            for key, reference in enumerate((str(number), str(bpffs / "inner"), f"fd:{inner.fd}", f"id:{number}")):
                printed("map", "set", *fd_of(outer), "key", str(key), "value", reference)
                assert printed("map", "get", *fd_of(outer), "key", str(key)) == f"{number}\n"
            assert json_of("map", "dump", *fd_of(outer)) == [
                {"key": key, "value": number} for key in sorted(range(4), key=_order(outer))
            ]
            assert refused("map", "set", *fd_of(outer), "key", "1", "value", "x") == (
                'value: "x" is none: a map is an id, a pin (/PATH or m:NAME), fd:N, map:NAME or name:NAME\n'
            )
            assert "ENOENT" in refused("map", "set", *fd_of(outer), "key", "1", "value", "4294967")

    def test_program_arrays(self, new_map: MapFactory, build: Compiler, bpffs: Path) -> None:
        found = new_map(MapType.PROG_ARRAY)
        with loaded(build("drop"), bpffs) as done:
            done.program.pin(str(bpffs / "program"))
            number = done.program.description.id
            references = (
                *(str(number), str(bpffs / "program"), f"fd:{done.program.fd}", f"id {number}"),
                *(f"pinned {bpffs / 'program'}", f"{{ pinned {bpffs / 'program'} }}"),
            )
            for reference in references:
                printed("map", "set", *fd_of(found), "key", "0", "value", *reference.split())
                printed("map", "update", *fd_of(found), "key", "1", "value", *reference.split())
                assert printed("map", "dump", *fd_of(found)) == f"key 0 value {number}\nkey 1 value {number}\n"
                printed("map", "delete", *fd_of(found), "key", "0")
            printed("map", "delete", *fd_of(found), "key", "1")
            assert "no element" in refused("map", "get", *fd_of(found), "key", "1", status=2)

    def test_a_program_array_that_nothing_else_holds_is_emptied(self, bpffs: Path, tmp_path: Path) -> None:
        program, file = bpffs / "program", tmp_path / "entries.json"
        spec = read_object(str(EXAMPLES / "tailcall.o")).unpinned()
        with load(spec, select_program(spec), pins=PinRoot(str(bpffs))) as done:
            done.program.pin(str(program))
            number, *_ = [
                one.description.id for one in done.maps.values() if one.description.type == MapType.PROG_ARRAY
            ]
        file.write_text(json.dumps([{"key": 1, "value": str(program)}]))
        array, entry = ("id", str(number)), ("key", "1", "value", str(program))
        for words in (
            ("map", "set", *array, *entry),
            ("map", "update-many", *array, *entry),
            ("map", "load", *array, str(file)),
        ):
            said = refused(*words)
            assert "the kernel has emptied it again" in said
            assert said.endswith(f'Hint: pin it first: "pytc map pin id {number} m:NAME"\n')
            assert printed("map", "dump", *array) == ""
        with Map.from_id(number) as held, open_pin(str(program)) as leaf:
            words = ("map", "set", *fd_of(held), "key", "1", "value", f"fd:{leaf.fd}")
            assert as_user(NOBODY, lambda: printed(*words)) == "", "without the privileges to open it by its id"
        printed("map", "pin", *array, str(bpffs / "array"))
        printed("map", "set", *array, *entry)
        assert printed("map", "dump", *array).startswith("key 1 value ")

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("map:x", ('value: "map:x" is none: a program is an id, a pin (/PATH or m:NAME), fd:N or name:NAME',)),
            ("{ }", ("value: a program is an id, a pin (/PATH or m:NAME), fd:N or name:NAME",)),
            ("1 2 3 4", ("value: bytes do not name a program, which is an id, a pin (/PATH or m:NAME), fd:N or",)),
            ("name:nowhere", ('there is no program with the name "nowhere"',)),
            ("fd:999", ("fd 999: Bad file descriptor (EBADF)",)),
            ("/dev/null", ('pinned object "/dev/null": bpf(OBJ_GET)', "is a file outside a bpffs")),
            (
                "OBJECT",
                ("is an object file outside a bpffs", 'Hint: "pytc exec bpf graft MAP key KEY obj OBJECT" loads'),
            ),
            ("obj OBJECT", ("value: a program is", 'Hint: "pytc exec bpf graft MAP key KEY obj OBJECT" loads')),
        ],
    )
    def test_what_names_no_program(
        self, new_map: MapFactory, build: Compiler, value: str, said: tuple[str, ...]
    ) -> None:
        found, object = new_map(MapType.PROG_ARRAY), build("drop")
        words = value.replace("OBJECT", object).split()
        refusal = refused("map", "set", *fd_of(found), "key", "0", "value", *words)
        for sentence in said:
            assert sentence.replace("OBJECT", object) in refusal

    def test_a_program_by_its_name(self, new_map: MapFactory, build: Compiler, bpffs: Path, tmp_path: Path) -> None:
        name = f"p{os.getpid()}"
        spec = read_object(build("drop"))
        program = spec.programs[0]._replace(name=name)
        found = new_map(MapType.PROG_ARRAY)
        with load(spec, program, pins=PinRoot(str(bpffs))) as done:
            hint = refused("map", "set", *fd_of(found), "key", "0", "value", name)
            assert hint.endswith(f"Hint: there is a program of that name: name:{name}\n")
            printed("map", "set", *fd_of(found), "key", "0", "value", f"name:{name}")
            assert printed("map", "get", *fd_of(found), "key", "0") == f"{done.program.description.id}\n"

    @pytest.mark.parametrize(("type", "size"), [(MapType.DEVMAP, 4), (MapType.DEVMAP_HASH, 4), (MapType.DEVMAP, 8)])
    def test_devices_by_name(self, new_map: MapFactory, type: MapType, size: int) -> None:
        found = new_map(type, 4, size)
        member = "value" if size == 4 else "value.device"
        value = ("lo",) if size == 4 else ("{", "device", "lo", "}")
        printed("map", "set", *fd_of(found), "key", "1", "value", *value)
        assert printed("map", "get", *fd_of(found), "key", "1", *([member] if size == 8 else [])) == "lo\n"
        assert [one["key"] for one in json_of("map", "dump", *fd_of(found))] == [1]
        wrong = ("nosuch",) if size == 4 else ("{", "device", "nosuch", "}")
        assert 'there is no device "nosuch"' in refused("map", "set", *fd_of(found), "key", "1", "value", *wrong)

    @pytest.mark.needs("map:sockmap")
    def test_sockets(self, new_map: MapFactory) -> None:
        import socket

        found = new_map(MapType.SOCKMAP, 4, 8)
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen()
            client.connect(server.getsockname())
            found[word(1)] = client.fileno().to_bytes(8, "little")
            (entry,) = json_of("map", "dump", *fd_of(found))
            assert entry["key"] == 1
            assert entry["value"] == struct.unpack("<Q", client.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


def _order(found: Map) -> Callable[[int], int]:
    order = [struct.unpack("<I", key)[0] for key in found]
    return order.index
