"""The rules for values with locks, timers and their like say what this kernel says."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import product

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.features import Features
from pytc.bpf.kernel.versions import is_older
from pytc.bpf.loader.btf_upload import upload
from pytc.bpf.maps.fields import field_problems
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys import constants as c
from pytc.errors import BpfSyscallError
from tests.btf_writer import BtfWriter

pytestmark = pytest.mark.kernel

TYPES = (
    *(MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH),
    *(MapType.ARRAY, MapType.PERCPU_ARRAY),
    *(MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE),
)
STORAGES = TYPES[6:]
FIELDS = {
    "bpf_spin_lock": 4,
    "bpf_timer": 16,
    "bpf_wq": 16,
    "bpf_refcount": 4,
    "bpf_task_work": 8,
    "uptr": 8,
    "kptr": 8,
}


def value(writer: BtfWriter, name: str) -> int:
    """Add a struct with a number and the field."""
    number, long = writer.integer(), writer.integer("long", 8)
    size = FIELDS[name]
    if name in ("uptr", "kptr"):
        target = writer.structure("inner" if name == "uptr" else "task_struct", 8, [("a", long, 0)])
        tag = writer.add(b.TYPE_TAG, "uptr" if name == "uptr" else "kptr_untrusted", target)
        field = writer.pointer(tag)
    else:
        field = writer.structure(name, size, [("opaque", number, 0)])
    return writer.structure("value", 8 + size, [("n", number, 0), ("field", field, 64)])


def cases() -> Iterator[tuple[MapType, str, int]]:
    """Each type with each field, and a flag that excludes all of them."""
    yield from ((type, name, 0) for type, name in product(TYPES, FIELDS))
    yield from ((MapType.ARRAY, name, c.F_RDONLY_PROG) for name in FIELDS)


def test_the_kernel_refuses_what_the_rules_refuse_and_nothing_else(root: None) -> None:
    if is_older("6.18"):
        pytest.skip("older kernels do not know all of them, and take values with what they do not know")
    wrong, features = [], Features()
    for type, name, flags in cases():
        writer = BtfWriter()
        type_id = value(writer, name)
        image, size = writer.data(), 8 + FIELDS[name]
        entries, more = (0, c.F_NO_PREALLOC) if type in STORAGES else (1, 0)
        spec = MapSpec("m", type, 4, size, entries, flags=flags | more, key_type_id=1, value_type_id=type_id)
        refusal = 0
        with upload(image, features) as types:
            try:
                create_map(spec, "m", btf_fd=types.fd, features=features).close()
            except BpfSyscallError as error:
                refusal = error.errno or 0
        problems = field_problems(spec, Btf(image))
        if bool(problems) != (refusal in (errno.EOPNOTSUPP, errno.EACCES)):
            wrong.append((type.name, name, flags, errno.errorcode.get(refusal), problems))
    assert not wrong


@pytest.mark.parametrize(
    ("type", "names", "said"),
    [
        (MapType.PERCPU_ARRAY, ["bpf_spin_lock"], "a percpu array takes no values with a bpf_spin_lock"),
        (MapType.HASH, ["bpf_timer", "bpf_timer"], "a value may hold one bpf_timer, not several"),
        (MapType.HASH, ["bpf_spin_lock", "bpf_res_spin_lock"], "a bpf_spin_lock or a bpf_res_spin_lock, not both"),
        (MapType.HASH, ["bpf_list_head"], "values with a bpf_list_head need a bpf_spin_lock beside it"),
        (MapType.ARRAY, ["bpf_list_head", "bpf_spin_lock"], ""),
        (MapType.LRU_HASH, ["bpf_timer"], ""),
    ],
)
def test_what_is_wrong_is_named(type: MapType, names: list[str], said: str) -> None:
    writer = BtfWriter()
    number = writer.integer()
    members = [(f"f{at}", writer.structure(name, 16, [("o", number, 0)]), at * 128) for at, name in enumerate(names)]
    outer = writer.structure("outer", 16 * len(names), members)
    array = writer.array(outer, 1)  # the kernel looks into arrays and structs
    value_type = writer.structure("value", 16 * len(names), [("inside", array, 0)])
    spec = MapSpec("m", type, 4, 16 * len(names), 1, key_type_id=1, value_type_id=value_type)
    problems = field_problems(spec, Btf(writer.data()))
    assert [said in problem.text for problem in problems] == [True] * bool(said)


def test_keys_of_arrays_with_locks_are_numbers() -> None:
    writer = BtfWriter()
    number = writer.integer()
    key = writer.structure("key", 4, [("n", number, 0)])
    lock = writer.structure("bpf_spin_lock", 4, [("val", number, 0)])
    spec = MapSpec("m", MapType.ARRAY, 4, 4, 1, key_type_id=key, value_type_id=lock)
    (problem,) = field_problems(spec, Btf(writer.data()))
    assert problem.text == "the type of an array's key must be an integer of 4 bytes"
    assert field_problems(spec._replace(value_type_id=number), Btf(writer.data())) == []


def test_time_does_not_grow_with_how_often_types_contain_one_another() -> None:
    writer = BtfWriter()
    inner = writer.structure("bpf_timer", 16, [("o", writer.integer(), 0)])
    for level in range(7):
        inner = writer.structure(f"s{level}", 16, [(f"m{at}", inner, 0) for at in range(1000)])
    spec = MapSpec("m", MapType.HASH, 4, 16, 1, key_type_id=1, value_type_id=inner)
    assert [problem.field for problem in field_problems(spec, Btf(writer.data()))] == ["fields"]
