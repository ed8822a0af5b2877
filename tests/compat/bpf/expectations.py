"""Which objects libbpf loads, which it refuses and with what words: the lists that tests/compat goes by."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import EXAMPLES, OBJECTS


def source_of(name: str) -> Path:
    """The C source of a test object or an example."""
    places = (OBJECTS, EXAMPLES, OBJECTS / "linked", OBJECTS / "newer")
    return next(path for path in (place / f"{name}.c" for place in places) if path.exists())


EVERY = sorted(
    path.stem for directory in (OBJECTS, EXAMPLES) for path in directory.glob("*.c") if path.stem != "bpf_agent"
)  # a program of the host's
LEGACY_MAPS = "legacy map definitions in 'maps' section are not supported by libbpf v1.0+"
# What bpftool 7.1 (libbpf 1.1) does not load, and what it says. All objects that are not here are compared.
REFUSED_BY_LIBBPF = {
    **dict.fromkeys((name for name in EVERY if name.startswith("legacy")), LEGACY_MAPS),
    **dict.fromkeys(
        ("bpf_map_def", "btf_annotate", "mark_stats", "mixed", "no_license", "return_classid", "shaper"), LEGACY_MAPS
    ),
    "bss_custom": "bad map relo against 'lengths' in section '.bss.counts'",
    "calls_across": "bad call relo against 'far' in section 'far/away'",
    "map_ulong": "attr 'max_entries': expected PTR, got enum",  # libbpf 1.5 knows it
    "modern_static_subprog": "program 'local' is static and not supported",
    "other_types": "failed to load",  # bpftool loads all programs, and "broken" is broken on purpose
    # Refused on purpose, by pytc too.
    "core_memsize_signed": "accesses field incorrectly",
    "core_missing": "failed to load",
    "global_func_bad": "failed to load",
    "kconfig_missing": "extern 'CONFIG_NEVER_THERE' (strong): not resolved",
    "kconfig_small": "doesn't fit in 2 bytes",
    "kconfig_unknown": "unrecognized virtual extern",
    "kconfig_wrong_type": "implies integer type",
    "kfunc_missing": "extern (func ksym) 'never_there': not found",
    "kfunc_wrong_type": "incompatible with kernel",
    "ksym_ambiguous": "resolution is ambiguous",
    "ksym_missing": "extern (var ksym) 'never_there': not found",
    "ksym_missing_typeless": "extern 'never_there' (strong): not resolved",
    "ksym_wrong_type": "incompatible types",
    "reject_helper": "failed to load",
    "reject_verifier": "failed to load",
    "rodata_pointers": "failed to load",
    "stack_big": "failed to load",
    "tcx": "failed to guess program type from ELF section 'tcx/ingress'",  # libbpf 1.3 knows it
}
# What not every kernel takes: refused by both loaders, or loaded by both.
DEPENDS_ON_THE_KERNEL = ("kptr", "kptr_local", "ksym_typed")
# What bpftool 7.1 gives another tag, and why; the rest is the same.
OTHER_TAG_BY_LIBBPF = dict.fromkeys(
    ("guarded", "kfunc_weak"),
    "libbpf 1.1 calls function 0 where a weak kfunc is missing, later ones and pytc what says its name",
)
#: Of the examples these; the others have legacy maps, and tests of their own (tests/kernel/examples/test_programs.py).
_EXAMPLES = ("firewall", "mark_stats", "next_hop", "shaper", "traffic")
_CORPUS = [name for name in EVERY if name in _EXAMPLES or (OBJECTS / f"{name}.c").exists()]
LEGACY_EXAMPLES = [name for name in EVERY if name not in _CORPUS]
COMPARED = [name for name in _CORPUS if name not in (*REFUSED_BY_LIBBPF, *OTHER_TAG_BY_LIBBPF, *DEPENDS_ON_THE_KERNEL)]
LEGACY = [name for name, said in REFUSED_BY_LIBBPF.items() if said == LEGACY_MAPS and name != "legacy44_junk"]

# Without -g. The compiler itself wants it for questions about types.
NOT_COMPILED_WITHOUT_DEBUG = (
    "core_array",
    "core_bitfield",
    "core_enum",
    "core_flavor",
    "core_kern_ctx",
    "core_many",
    "core_missing_guarded",
    "core_offsets",
    "core_types",
    "kptr_local",
    "list_head",
    "guarded",
    "rbtree",
)
_BTF_REQUIRED = ("BTF is required, but is missing or corrupted", "need BTF, and the object has none")
_NO_EXTERN = ("failed to find BTF for extern", "neither defines nor declares as an extern")
# What libbpf and pytc say of the rest that neither loads; nothing where pytc loads it, as no program uses the maps.
REFUSED_WITHOUT_DEBUG = {
    **dict.fromkeys(
        (
            name
            for name in EVERY
            if 'SEC(".maps")' in source_of(name).read_text() and name not in NOT_COMPILED_WITHOUT_DEBUG
        ),
        _BTF_REQUIRED,
    ),
    **dict.fromkeys((name for name in EVERY if name.startswith(("kconfig", "kfunc", "ksym"))), _NO_EXTERN),
    "callback_loop": ("missing btf func_info", "missing btf func_info"),
    "mixed": (LEGACY_MAPS, _BTF_REQUIRED[1]),
    # Without relocations these read where the object says, which is somewhere else in this kernel.
    **dict.fromkeys(
        ("core_field", "core_memsize", "core_pointer_chase", "core_signed", "core_subprog"),
        ("failed to load", "refused by the verifier"),
    ),
    **dict.fromkeys(
        ("reject_helper", "reject_verifier", "rodata_pointers", "stack_big"),
        ("failed to load", "refused by the verifier"),
    ),
    **dict.fromkeys(("types_lsm", "types_new"), (_BTF_REQUIRED[0], "")),
}
# Refused with -g, and loaded without: there is nothing that says what would be wrong.
LOADED_WITHOUT_DEBUG = {
    "core_memsize_signed": "no relocation, so no field of another width",
    "core_missing": "no relocation, so no field that is missing",
    "global_func_bad": "without BTF, functions are verified with their callers",
}
COMPARED_WITHOUT_DEBUG = [
    name
    for name in (*COMPARED, *LOADED_WITHOUT_DEBUG)
    if name not in (*NOT_COMPILED_WITHOUT_DEBUG, *REFUSED_WITHOUT_DEBUG)
]

# bpftool gen object does not link this, and says why.
NOT_LINKED = {"rodata_pointers": "relocation against STT_SECTION in non-exec section is not supported"}

# Objects whose program tc does not load as they are, and why.
NOT_BY_TC = {"modern_prog_array": "tc switches the targets off, so that the slots cannot be filled (EBADF)"}
