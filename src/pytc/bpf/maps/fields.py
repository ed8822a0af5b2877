"""The kernel's rules for values that hold something of its own: locks, timers, pointers, lists.

From map_check_btf in kernel/bpf/syscall.c, btf_parse_fields in kernel/bpf/btf.c and the map_check_btf function of each
type of map. What newer kernels refuse is a problem; older ones refuse more. No kernel is asked.
"""

from __future__ import annotations

from collections import Counter

from pytc.bpf.btf import types as b
from pytc.bpf.maps.rules import Problem, a_map
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.constants import MapType as M
from pytc.bpf.sys.constants import map_type_name
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.object.spec import MapSpec

_STORAGES = (M.SK_STORAGE, M.INODE_STORAGE, M.TASK_STORAGE, M.CGRP_STORAGE)
_HASHES_AND_ARRAYS = (M.HASH, M.LRU_HASH, M.ARRAY)
_LOCKS = ("bpf_spin_lock", "bpf_res_spin_lock")
_TREES = ("bpf_list_head", "bpf_rb_root")
_POINTER = "pointer to an object of the kernel (kptr)"
_USER_POINTER = "pointer to memory of a process (uptr)"
_POINTER_TAGS = {
    "kptr": _POINTER,
    "kptr_untrusted": _POINTER,
    "percpu_kptr": _POINTER,
    "uptr": _USER_POINTER,
}
#: The types of maps whose values may hold each.
_ALLOWED: dict[str, tuple[M, ...]] = {
    **dict.fromkeys(_LOCKS, (M.HASH, M.ARRAY, M.CGROUP_STORAGE, *_STORAGES)),
    **dict.fromkeys(("bpf_timer", "bpf_wq", "bpf_task_work", *_TREES), _HASHES_AND_ARRAYS),
    **dict.fromkeys(
        (_POINTER, "bpf_refcount"),
        (*_HASHES_AND_ARRAYS, M.PERCPU_HASH, M.LRU_PERCPU_HASH, M.PERCPU_ARRAY, *_STORAGES),
    ),
    _USER_POINTER: (M.TASK_STORAGE,),
}
_SINGLE = (*_LOCKS, "bpf_timer", "bpf_wq", "bpf_task_work", "bpf_refcount")
_MAX_DEPTH = 8


def field_problems(spec: MapSpec, btf: Btf | None) -> list[Problem]:
    """Return why the kernel refuses a map for the types of its keys and values."""
    if btf is None or not spec.value_type_id:
        return []
    try:
        return list(_problems(spec, _fields(btf, spec.value_type_id, {}), btf))
    except ObjectError:
        return []  # types that make no sense are reported where they are read


def _problems(spec: MapSpec, fields: Counter[str], btf: Btf) -> Iterator[Problem]:
    for name in fields:
        if spec.type not in _ALLOWED[name]:
            names = [map_type_name(type) for type in _ALLOWED[name]]
            yield Problem(
                "fields",
                f"{a_map(spec.type)} takes no values with a {name}; maps that do: {', '.join(names)}",
            )
        if fields[name] > 1 and name in _SINGLE:
            yield Problem("fields", f"a value may hold one {name}, not several")
    locks = [name for name in _LOCKS if name in fields]
    if len(locks) > 1:
        yield Problem("fields", f"a value may hold a {locks[0]} or a {locks[1]}, not both")
    for name in _TREES:
        if name in fields and not locks:
            yield Problem("fields", f"values with a {name} need a bpf_spin_lock beside it")
    if fields and spec.flags & (c.F_RDONLY_PROG | c.F_WRONLY_PROG):
        flag = "BPF_F_RDONLY_PROG" if spec.flags & c.F_RDONLY_PROG else "BPF_F_WRONLY_PROG"
        yield Problem("fields", f"values with a {next(iter(fields))} exclude the flag {flag}")
    needs_number = spec.type in _STORAGES or (fields and spec.type in (M.ARRAY, M.PERCPU_ARRAY))
    if needs_number and spec.key_type_id and not _is_number(btf, spec.key_type_id):
        yield Problem("types", f"the type of {a_map(spec.type)}'s key must be an integer of 4 bytes")


def _is_number(btf: Btf, type_id: int) -> bool:
    number = btf.resolve(type_id)
    return btf.kind(number) == b.INT and btf.integer(number).bits == 32


def _fields(btf: Btf, type_id: int, known: dict[int, Counter[str]], depth: int = 0) -> Counter[str]:
    """Count what a type holds for the kernel, which looks into structs, and at one element of arrays.

    ``known`` has the types that were counted: a file may hold a few that contain one another a million times.
    """
    current = btf.resolve(type_id)
    if current in known:
        return known[current]
    fields = known[current] = Counter()
    kind = btf.kind(current)
    inside: list[int] = []
    if kind == b.STRUCT and btf.name(current) in _ALLOWED:
        fields[btf.name(current)] = 1
    elif kind == b.PTR:
        tagged = btf.referred(current)
        if btf.kind(tagged) == b.TYPE_TAG and btf.name(tagged) in _POINTER_TAGS:
            fields[_POINTER_TAGS[btf.name(tagged)]] = 1
    elif depth == _MAX_DEPTH:
        return fields
    elif kind == b.ARRAY:
        inside = [btf.array(current).element]
    elif kind == b.STRUCT:
        inside = [member.type_id for member in btf.members(current)]
    elif kind == b.DATASEC:
        inside = [variable.type_id for variable in btf.section_variables(current)]
    for held in inside:
        fields.update(_fields(btf, held, known, depth + 1))
    return fields
