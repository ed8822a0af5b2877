"""The rules for attributes of maps say what this kernel says."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.kernel.features import Features
from pytc.bpf.kernel.versions import is_older, map_flags, map_type_since
from pytc.bpf.loader.btf_upload import upload
from pytc.bpf.maps.causes import map_causes
from pytc.bpf.maps.map import Map, actual_entries, create_map
from pytc.bpf.maps.rules import _RULES, map_problems, member_problems
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.errors import BpfSyscallError
from tests.btf_writer import BtfWriter

pytestmark = pytest.mark.kernel

KEYS = (0, 1, 3, 4, 5, 8, 16, 20, 24, 260, 261, 512)
VALUES = (0, 1, 3, 4, 6, 7, 8, 12, 20, 32, 64, 1016, 1024, 4064, 4096, 32768, 32769, 65535, 70000, 5 << 20)
ENTRIES = (0, 1, 3, 4096, 5000, 8192, (1 << 20) + 1)
FLAGS = (*(1 << bit for bit in range(13)), c.F_SEGV_ON_FAULT, c.F_NO_USER_CONV, 0x18, 0x180, 0x88)
EXTRA = (1, 15, 16, 4096, 0xFFFF_F000)
STORAGES = (MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE)
TYPE = MapSpec("m", 0, 4, 4, 1)
GOOD = {
    MapType.LPM_TRIE: TYPE._replace(key_size=8, flags=c.F_NO_PREALLOC),
    MapType.STACK_TRACE: TYPE._replace(value_size=64),
    MapType.ARENA: TYPE._replace(key_size=0, value_size=0, flags=c.F_MMAPABLE),
    **dict.fromkeys((MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER), TYPE._replace(key_size=0)),
    **dict.fromkeys((MapType.RINGBUF, MapType.USER_RINGBUF), TYPE._replace(key_size=0, value_size=0, max_entries=4096)),
    **dict.fromkeys((MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE), TYPE._replace(key_size=16, max_entries=0)),
    **dict.fromkeys(STORAGES, TYPE._replace(max_entries=0, flags=c.F_NO_PREALLOC, key_type_id=1, value_type_id=1)),
    **dict.fromkeys(
        (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS), TYPE._replace(inner=TYPE._replace(type=MapType.ARRAY))
    ),
}


def good(type: int) -> MapSpec:
    """A map of a type as any kernel takes it."""
    return GOOD.get(MapType(type), TYPE)._replace(type=type)


def variants(spec: MapSpec) -> Iterator[MapSpec]:
    """The map with another number in one of its attributes each."""
    yield from (spec._replace(key_size=size) for size in KEYS)
    if spec.type not in STORAGES:  # their types have one size
        yield from (spec._replace(value_size=size) for size in VALUES)
    yield from (spec._replace(max_entries=count) for count in ENTRIES)
    yield from (spec._replace(flags=flags | more) for flags in FLAGS for more in (0, spec.flags))
    yield from (spec._replace(map_extra=extra) for extra in EXTRA)
    yield spec._replace(numa_node=0)
    yield spec._replace(key_type_id=0, value_type_id=0)


@pytest.fixture(scope="module")
def features() -> Features:
    return Features()


@pytest.fixture(scope="module")
def types(features: Features) -> Iterator[OwnedFd]:
    """Type 1 is an int."""
    writer = BtfWriter()
    writer.integer(encoding=1)
    with upload(writer.data(), features) as descriptor:
        yield descriptor


@pytest.fixture(scope="module")
def inner(features: Features) -> Iterator[Map]:
    with create_map(TYPE._replace(type=MapType.ARRAY), "inner", features=features) as template:
        yield template


@pytest.mark.parametrize("type", [MapType(type) for type in _RULES], ids=lambda type: type.name.lower())
def test_the_kernel_refuses_what_the_rules_refuse_and_nothing_else(
    root: None, features: Features, types: OwnedFd, inner: Map, type: MapType
) -> None:
    def refusal(spec: MapSpec) -> BpfSyscallError | None:
        try:
            create_map(spec, "m", btf_fd=types.fd, inner_fd=inner.fd if spec.inner else 0, features=features).close()
        except BpfSyscallError as error:
            return error
        return None

    reason = refusal(good(type))
    if reason is not None:
        lacks = is_older(map_type_since(type)) or "that is built with" in reason.hints[0]
        assert lacks or reason.errno != errno.EINVAL, reason.hints
        pytest.skip(f"this kernel has no maps of type {type.name.lower()}")
    wrong: list[tuple[MapSpec, BpfSyscallError | None, tuple[str, ...]]] = []
    for spec in variants(good(type)):
        if any(is_older(flag.since) for flag in map_flags(spec.flags)):
            continue
        error = refusal(spec)
        causes = map_causes(spec, actual_entries(spec), error.errno or 0) if error is not None else ()
        if error is not None and error.errno in (errno.ENOMEM, errno.E2BIG):
            continue  # the largest sizes are not those of all versions
        if error is not None and not map_problems(spec, actual_entries(spec)) and "this kernel" in causes[0]:
            wrong.append((spec, error, causes))
        if error is None and map_problems(spec, actual_entries(spec)):
            wrong.append((spec, error, tuple(problem.text for problem in map_problems(spec))))
    assert not wrong


def test_a_numa_node_that_is_not_there_is_named(root: None, features: Features) -> None:
    nodes = Path("/sys/devices/system/node/online")
    with pytest.raises(BpfSyscallError) as error:
        create_map(good(MapType.HASH)._replace(numa_node=1000), "m", features=features)
    there = nodes.read_text().strip() if nodes.exists() else "0"
    assert error.value.hints == (f"numa_node is 1000; this machine has: {there}",)
    spec = good(MapType.HASH)._replace(numa_node=0)
    assert "1 entries, numa_node 0 and flags 0x4" in map_causes(spec, 1, errno.EINVAL)[0]


def test_a_cpumap_that_is_too_large_for_this_kernel_or_for_all() -> None:
    spec = good(MapType.CPUMAP)
    (problem,) = map_problems(spec, 9000)
    assert problem.text == "max_entries of a cpumap is 9000; kernels are built for 8192 CPUs at most"
    (problem,) = map_problems(spec, 9000, cpus=256)
    assert problem.text == "max_entries of a cpumap is 9000; the running kernel is built for 256 CPUs"
    assert not map_problems(spec, 300)


def test_the_kernel_refuses_members_that_differ_from_the_template(root: None, features: Features, inner: Map) -> None:
    spec = good(MapType.ARRAY_OF_MAPS)
    template = TYPE._replace(type=MapType.ARRAY)
    with create_map(spec, "outer", inner_fd=inner.fd, features=features) as outer:
        for change in ({}, {"value_size": 8}, {"max_entries": 2}, {"type": MapType.HASH}):
            changed = template._replace(**change)
            with create_map(changed, "member", features=features) as member:
                try:
                    outer.update(bytes(4), member.fd.to_bytes(4, "little"))
                except BpfSyscallError:
                    assert len(member_problems(spec._replace(inner=template), changed)) == len(change) > 0
                else:
                    assert not change
    assert member_problems(spec._replace(inner=template), template._replace(value_size=8)) == (
        'value_size of "m" is 8, that of the maps "m" holds 4',
    )


def test_maps_of_maps_hold_no_maps_of_maps() -> None:
    outer = good(MapType.ARRAY_OF_MAPS)
    (problem,) = map_problems(outer._replace(inner=outer))
    assert problem.text == "a map of maps cannot hold maps of maps"
    (problem,) = map_problems(outer._replace(inner=TYPE._replace(type=MapType.ARRAY, key_size=8)))
    assert problem.text == "the maps that it holds: the key of an array must have 4 bytes, not 8"
