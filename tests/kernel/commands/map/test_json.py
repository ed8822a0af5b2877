"""JSON of maps: of all types, with none, one and 10,000 elements, and with values that want to be something else."""

from __future__ import annotations

import errno
import math
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Map, MapSpec, MapType
from pytc.bpf.maps.batch import Batch, read_batches, write_batch
from pytc.bpf.maps.map import create_map
from pytc.bpf.maps.raw import RawMap
from pytc.bpf.sys.constants import F_NO_PREALLOC
from pytc.bpf.sys.cpus import possible_cpus
from pytc.cli.main import main
from pytc.commands.shared import map_elements
from pytc.errors import BpfSyscallError
from tests import strict_json
from tests.kernel.bpf.support import small_program
from tests.processes import PYTC, SOURCE, printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]

MANY = 10_000
CPUS = possible_cpus()
SOCKETS = (MapType.SOCKMAP, MapType.SOCKHASH, MapType.REUSEPORT_SOCKARRAY)


class Shape(NamedTuple):
    """Bytes of a key and a value, and flags; ``most`` is how many elements there can be, ``always`` that they are there
    from the beginning. ``refused`` is what is said where elements cannot be listed."""

    key: int = 4
    value: int = 8
    flags: int = 0
    most: int = MANY
    always: bool = False
    refused: str = ""


NO_ELEMENTS = "has no elements to list"
SHAPES = {
    MapType.HASH: Shape(),
    MapType.ARRAY: Shape(always=True),
    MapType.PROG_ARRAY: Shape(value=4),
    MapType.PERF_EVENT_ARRAY: Shape(value=4, refused=NO_ELEMENTS),
    MapType.PERCPU_HASH: Shape(),
    MapType.PERCPU_ARRAY: Shape(always=True),
    MapType.STACK_TRACE: Shape(most=0),
    MapType.CGROUP_ARRAY: Shape(value=4, refused="only programs can read"),
    MapType.LRU_HASH: Shape(),
    MapType.LRU_PERCPU_HASH: Shape(),
    MapType.LPM_TRIE: Shape(key=8, flags=F_NO_PREALLOC),
    MapType.ARRAY_OF_MAPS: Shape(value=4),
    MapType.HASH_OF_MAPS: Shape(value=4),
    MapType.DEVMAP: Shape(value=4),
    MapType.DEVMAP_HASH: Shape(value=4),
    # A CPU of a map has a thread of its own.
    MapType.CPUMAP: Shape(value=4, most=1),
    MapType.SOCKMAP: Shape(),
    MapType.SOCKHASH: Shape(),
    MapType.REUSEPORT_SOCKARRAY: Shape(most=1),
    MapType.XSKMAP: Shape(value=4, refused="only programs can read"),
    MapType.QUEUE: Shape(key=0, refused=NO_ELEMENTS),
    MapType.STACK: Shape(key=0, refused=NO_ELEMENTS),
    MapType.BLOOM_FILTER: Shape(key=0, refused=NO_ELEMENTS),
    MapType.RINGBUF: Shape(key=0, value=0, refused=NO_ELEMENTS),
    MapType.USER_RINGBUF: Shape(key=0, value=0, refused=NO_ELEMENTS),
    MapType.CGROUP_STORAGE: Shape(key=16, most=0),
}
#: Which the kernel does not make without types or a program.
NOT_MADE = {
    MapType.UNSPEC,
    MapType.PERCPU_CGROUP_STORAGE,
    MapType.SK_STORAGE,
    MapType.STRUCT_OPS,
    MapType.INODE_STORAGE,
    MapType.TASK_STORAGE,
    MapType.CGRP_STORAGE,
    MapType.ARENA,
    MapType.INSN_ARRAY,
}


def pytc_json(*words: str, status: int = 0) -> bytes:
    """Run ``pytc -j`` in this process; return its output or, where it fails, its error messages."""
    text = refused("-j", *words, status=status) if status else printed("-j", *words)
    return text.encode("utf-8", "surrogateescape")


@pytest.fixture
def owned() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def map_of_kind(owned: ExitStack, kind: MapType, entries: int) -> Map:
    shape = SHAPES[kind]
    inner = _inner(owned) if kind in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS) else 0
    if kind in (MapType.RINGBUF, MapType.USER_RINGBUF):
        entries = os.sysconf("SC_PAGE_SIZE")
    elif kind in (MapType.LRU_HASH, MapType.LRU_PERCPU_HASH):
        entries *= 4  # nothing is to be driven out
    elif kind == MapType.CGROUP_STORAGE:
        entries = 0
    spec = MapSpec("many", kind, shape.key, shape.value, entries, flags=shape.flags)
    return owned.enter_context(create_map(spec, "many", inner_fd=inner))


def _inner(owned: ExitStack) -> int:
    return owned.enter_context(create_map(MapSpec("inner", MapType.ARRAY, 4, 4, 1), "inner")).fd


def value_for(owned: ExitStack, kind: MapType) -> bytes:
    """What an element may hold: a descriptor, a device, a number of packets."""
    if kind in SOCKETS:
        return _socket(owned, reused=kind == MapType.REUSEPORT_SOCKARRAY).to_bytes(8, "little")
    if kind in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS):
        return _inner(owned).to_bytes(4, "little")
    if kind == MapType.PROG_ARRAY:
        return owned.enter_context(small_program()).fd.to_bytes(4, "little")
    number = {MapType.DEVMAP: 1, MapType.DEVMAP_HASH: 1, MapType.CPUMAP: 64}.get(kind, 2**64 - 1)
    return number.to_bytes(SHAPES[kind].value, "little")


def _socket(owned: ExitStack, *, reused: bool) -> int:
    if reused:
        bound = owned.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", 0))
        return bound.fileno()
    listener = owned.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
    return owned.enter_context(closing(socket.create_connection(listener.getsockname()))).fileno()


def fill(found: Map, value: bytes, count: int) -> None:
    """Keys from 0 on; those of a trie are whole addresses."""
    prefix = struct.pack("<I", 32) if found.description.type == MapType.LPM_TRIE else b""
    keys = b"".join(prefix + struct.pack("<I", number) for number in range(count))
    each = value * CPUS if found.value_bytes != len(value) else value
    write_batch(found, Batch(keys, each * count, count))


LISTED = [kind for kind, shape in SHAPES.items() if not shape.refused]


def test_every_type_is_here() -> None:
    assert set(SHAPES) | NOT_MADE == set(MapType)


@pytest.mark.parametrize("count", [0, 1, MANY])
@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.name)
def test_elements(owned: ExitStack, kind: MapType, count: int) -> None:
    shape = SHAPES[kind]
    found = map_of_kind(owned, kind, max(min(count, shape.most), 1))
    expected = min(count, shape.most) if not shape.always else max(count, 1)
    if expected:
        fill(found, value_for(owned, kind), expected)
    dumped = [strict_json.value(pytc_json(*options, "map", "dump", "fd", str(found.fd))) for options in ((), ("-p",))]
    assert [len(one) for one in dumped] == [expected, expected]
    assert dumped[0] == dumped[1]
    member = "values" if "PERCPU" in kind.name and kind != MapType.PERCPU_CGROUP_STORAGE else "value"
    assert all(set(one) == {"key", member} for one in dumped[0])
    [shown] = strict_json.value(pytc_json("map", "show", "fd", str(found.fd)))
    assert shown["type"] == kind.name.lower()


@pytest.mark.parametrize("kind", [kind for kind, shape in SHAPES.items() if shape.refused], ids=lambda kind: kind.name)
def test_types_whose_elements_are_not_for_all_to_see(owned: ExitStack, kind: MapType) -> None:
    found = map_of_kind(owned, kind, 4)
    refused = SHAPES[kind].refused
    said = strict_json.value(pytc_json("map", "dump", "fd", str(found.fd), status=1 if refused == NO_ELEMENTS else 2))
    assert refused in " ".join([said["error"], *said["causes"]])
    [shown] = strict_json.value(pytc_json("-p", "map", "show", "fd", str(found.fd)))
    assert shown["type"] == kind.name.lower()


#: 16 bytes each, as text and as numbers.
HOSTILE = (
    b'"},{"key":"',
    b"\\",
    b'\\"',
    b"%s %d %(a)s %%",
    b"\n\r\t\b\f",
    bytes(range(1, 17)),
    bytes(range(0x78, 0x88)),
    "\u2028\u2029\ufeff\uffff".encode(),
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xc0\x80\xf8\x88\x80\x80\x80",
    "\U0001f600'$(x)".encode(),
    b"</script>",
    b"\x1b[31m\x07",
    b"a\0b",
    b"\xff" * 16,
    b"NaN",
    b"null",
    b"",
    struct.pack("<dd", math.nan, math.inf),
    struct.pack("<dd", -math.inf, -0.0),
    struct.pack("<dd", 5e-324, 1.7976931348623157e308),
    struct.pack("<ffff", math.nan, -math.inf, 3.4028234663852886e38, 1e-45),
    struct.pack("<QQ", 2**64 - 1, 2**53 + 1),
    struct.pack("<qq", -(2**63), -1),
)
FORMATS = (
    "str",
    "str[16]",
    "char[16]",
    "char[4][4]",
    "hex",
    "{str[8] a, hex b}",
    "f64[2]",
    "f32[4]",
    "u64[2]",
    "s64[2]",
    "u8[16]",
    "bool[16]",
    "ip6",
    "{mac a, mac b, be32 c}",
    "{u64 n, f64 x}",
    "{char a[7], bool b, f64 c}",
    "{ip4 a, pad[4], be64 c}",
)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", [MapType.HASH, MapType.PERCPU_HASH], ids=lambda kind: kind.name)
def test_hostile_keys_and_values(owned: ExitStack, kind: MapType, form: str) -> None:
    found = owned.enter_context(create_map(MapSpec("odd", kind, 16, 16, 64), "odd"))
    rows = [row.ljust(16, b"\0") for row in HOSTILE]
    for row in rows:
        found[row] = row * (CPUS if kind == MapType.PERCPU_HASH else 1)
    words = ("map", "dump", "fd", str(found.fd), "keytype", form, "valuetype", form)
    dumped = strict_json.value(pytc_json(*words))
    assert len(dumped) == len(rows)
    for options in (("-p",), ("-s", "-d", "-o", "-color")):
        assert strict_json.value(pytc_json(*options, *words)) == dumped
    for one in dumped:
        assert one["values" if kind == MapType.PERCPU_HASH else "value"] in (one["key"], [one["key"]] * CPUS)
    if form == "u64[2]":
        assert [2**64 - 1, 2**53 + 1] in [one["key"] for one in dumped]
    watched = strict_json.values(pytc_json("map", "watch", "fd", str(found.fd), *words[4:], "count", "1"))
    assert [one["key"] for one in watched] == [one["key"] for one in dumped]


#: Runs a command, and says how much memory it took: a process has for its own what its parent had when it was made.
MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def peak(output: Path, *words: str) -> float:
    """The MB of memory that a command takes."""
    with output.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-ISc", MEASURED, *PYTC, *words],
            stdout=file,
            stderr=subprocess.PIPE,
            env={**os.environ, **SOURCE},
            timeout=60,
            check=True,
        )
    return int(done.stderr) / 1024


@pytest.mark.parametrize(("count", "options"), [(1_000_000, ()), (30_000, ("-p",))])
def test_a_long_dump_takes_no_more_memory(
    bpffs: Path, tmp_path: Path, owned: ExitStack, count: int, options: tuple[str, ...]
) -> None:
    needed = {}
    for entries in (1, count):
        with create_map(MapSpec("many", MapType.ARRAY, 4, 8, entries), "many") as found:
            found.pin(str(bpffs / f"many{entries}"))
        needed[entries] = peak(tmp_path / "out", "-j", *options, "map", "dump", "pinned", str(bpffs / f"many{entries}"))
    assert needed[count] < needed[1] + 16
    if not options:  # pretty text is looked at in the other
        with (tmp_path / "out").open("rb") as file:
            assert sum(1 for _ in file) == count
    else:
        assert len(strict_json.value((tmp_path / "out").read_bytes())) == count


def test_sockets_are_read_as_cookies(owned: ExitStack) -> None:
    found = owned.enter_context(create_map(MapSpec("short", MapType.SOCKMAP, 4, 4, 1), "short"))
    said = strict_json.value(pytc_json("map", "dump", "fd", str(found.fd), status=2))
    assert "value size of 8" in said["causes"][0]


@pytest.mark.parametrize("options", [(), ("-p",)])
@pytest.mark.parametrize("read", [0, 1])
def test_what_has_begun_is_closed_when_the_kernel_refuses_more(
    owned: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    options: tuple[str, ...],
    read: int,
) -> None:
    found = map_of_kind(owned, MapType.HASH, 4)
    fill(found, bytes(8), 3)

    def refused(map: RawMap, flags: int = 0) -> Iterator[Batch]:
        yield from islice(read_batches(map, flags), read)
        raise BpfSyscallError("MAP_LOOKUP_BATCH", errno.ENOMEM)

    monkeypatch.setattr(map_elements, "read_batches", refused)
    assert main(("-j", *options, "map", "dump", "fd", str(found.fd))) == 2
    said = capfdbinary.readouterr()
    assert [len(one) for one in strict_json.values(said.out)] == ([3] if read else [])
    assert strict_json.value(said.err)["errno"] == "ENOMEM"
