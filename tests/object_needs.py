"""What the test objects need from the kernel, in the words of tests/needs.py."""

from __future__ import annotations

_TYPES = ("kernel_btf",)
_FUNCTIONS = ("jit", "kernel_btf")
#: By object, or by OBJECT-PROGRAM. Objects that are not here load everywhere.
_NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "core_array core_bitfield core_enum core_field core_flavor core_many core_memsize core_missing "
            "core_missing_guarded core_offsets core_pointer_chase core_signed core_subprog core_types "
            "ksym_typed ksym_typeless ksym_weak"
        ).split(),
        _TYPES,
    ),
    **dict.fromkeys(
        (
            "guarded-by_type guarded-by_field guarded-by_symbol guarded-by_helper guarded-by_either "
            "guarded-in_functions guarded-twice guarded-otherwise guarded-once_without"
        ).split(),
        _TYPES,
    ),
    **dict.fromkeys(("calls_across-cls_main", "global_func", "modern_subprogs", "tags"), ("context_arguments",)),
    "all_types": ("map:bloom_filter", "map:stack_trace", "map:user_ringbuf", "map:task_storage"),
    "attached/cgroup_unix": ("cgroup_unix",),
    "callback": ("helper:for_each_map_elem", "jit"),
    "callback_loop": ("helper:loop", "jit"),
    "core_kern_ctx": (*_FUNCTIONS, "kfunc:bpf_cast_to_kern_ctx"),
    "kconfig": ("configuration",),
    "kfunc": (*_FUNCTIONS, "kfunc:bpf_cast_to_kern_ctx"),
    "kfunc_call": (*_FUNCTIONS, "kfunc:bpf_kfunc_call_test1"),
    "kfunc_iter": (*_FUNCTIONS, "kfunc:bpf_iter_num_new"),
    "kfunc_weak": (*_FUNCTIONS, "kfunc:bpf_cast_to_kern_ctx"),
    "kptr": (*_FUNCTIONS, "kfunc:bpf_task_acquire"),
    "kptr_local": (*_FUNCTIONS, "kfunc:bpf_obj_drop_impl"),
    "list_head": (*_FUNCTIONS, "kfunc:bpf_list_pop_front"),
    "map_extra": ("map:bloom_filter",),
    "map_ulong": ("map:bloom_filter",),
    "perf_auto": ("perf_events",),
    "rbtree": (*_FUNCTIONS, "kfunc:bpf_rbtree_first"),
    "timer": ("helper:timer_init", "jit"),
    "types_lsm": ("map:inode_storage",),
    "types_new": ("map:cgrp_storage", "map:arena"),
}


def needs_of(name: str, program: str = "") -> tuple[str, ...]:
    """Return what an object needs whichever program is loaded, and what this program needs."""
    return (*_NEEDS.get(name, ()), *(_NEEDS.get(f"{name}-{program}", ()) if program else ()))
