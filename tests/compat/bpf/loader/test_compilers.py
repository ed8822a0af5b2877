"""Objects of compilers from clang 11 and gcc 12 to the newest ones: pytc loads them like bpftool does.

`make test` takes the oldest and the newest compiler and some of the objects, PYTC_TESTS=all every one and all objects.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytc.bpf import read_object
from pytc.errors import PytcError
from tests import toolchains
from tests.compat.bpf import expectations as expected
from tests.compat.bpf.loaders import LAYOUTS, Bpftool, Sources, compare, loaded
from tests.conftest import OBJECTS

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

NEWER = sorted(path.stem for path in (OBJECTS / "newer").glob("*.c"))
#: What one compiler of many is asked in the first tier.
SAMPLE = (*NEWER, "core_field", "kfunc", "legacy36", "modern_globals", "modern_inner", "modern_maps", "modern_subprogs")
NAMES = sorted([*expected.EVERY, *NEWER]) if os.environ.get("PYTC_TESTS") == "all" else SAMPLE
BUILDS = [(name, compiler) for compiler in toolchains.chosen() for name in NAMES if compiler != toolchains.BPFTOOL]

#: The first clang that compiles an object; what earlier ones lack.
COMPILED_SINCE = {
    "core_enum": 12,  # questions about enumerators and types
    "core_missing_guarded": 12,
    "core_types": 12,
    "guarded": 12,
    "may_goto": 19,
    "many_arguments": 23,
}
#: The first clang whose objects both loaders take; what the objects of earlier ones lack.
LOADED_SINCE = {
    **dict.fromkeys(("core_kern_ctx", "kfunc", "kfunc_conntrack", "kfunc_iter", "kfunc_weak"), 13),  # extern functions
    "arg_ctx": 14,  # declaration tags
    **dict.fromkeys(("kptr", "kptr_local", "list_head", "rbtree"), 15),  # type tags, which 14 writes for some types
}
#: What bpftool of any version does not load, and pytc does.
LOADED_BY_PYTC_ALONE = (
    *(name for name, words in expected.REFUSED_BY_LIBBPF.items() if words == expected.LEGACY_MAPS),
    *expected.LEGACY_EXAMPLES,
    *("calls_across", "map_ulong", "modern_static_subprog"),
)
#: What no loader gets into this kernel, or not all programs of it.
REFUSED = (
    *(name for name in expected.REFUSED_BY_LIBBPF if name not in (*LOADED_BY_PYTC_ALONE, "bss_custom", "tcx")),
    *expected.DEPENDS_ON_THE_KERNEL,
    "jump_table",
    "legacy44_junk",
    "many_arguments",
)


#: What gcc 14 or 16 compiles to something that the verifier refuses: it uses pointers before it asks whether they are
#: NULL, keeps no type tags, and calls what only clang makes instructions of. It also puts an outer map before its inner
#: ones ("modern_inner", "inner_declared"), which libbpf then cannot fill.
REFUSED_OF_GCC = ("arg_ctx", "bpf", "core_array", "inner_declared", "kconfig", "modern_maps", "redirect", "shaper")


def version(compiler: str) -> int:
    return int(compiler.rpartition("-")[2])


def cpu_of(compiler: str) -> str:
    """Return the newest instructions that a compiler is asked for."""
    return "v4" if compiler.startswith("clang") and version(compiler) >= 18 else "v3"


@pytest.fixture
def newest_bpftool(bpffs: Path) -> Bpftool:
    """The newest bpftool, with the test's bpffs as its own."""
    toolchains.require(toolchains.BPFTOOL)
    return Bpftool(bpffs, toolchains.BPFTOOL)


@pytest.mark.parametrize(("name", "clang"), [one for one in BUILDS if one[1] in toolchains.CLANGS])
def test_objects_of_clang_are_loaded_by_both_or_refused_by_both(
    sources: Sources,
    newest_bpftool: Bpftool,
    bpffs: Path,
    name: str,
    clang: str,
) -> None:
    toolchains.require(clang)
    if version(clang) < COMPILED_SINCE.get(name, 0):
        pytest.skip(f"needs clang {COMPILED_SINCE[name]}")
    if name == "legacy_aligned" and clang in ("clang-16", "clang-17"):
        pytest.skip(f'{clang} crashes: "unable to write nop sequence of 28 bytes"')
    path = sources(name, clang=clang, cpu=cpu_of(clang))
    result = outcome(path, newest_bpftool, bpffs)
    if name in LOADED_BY_PYTC_ALONE and name != "legacy44_junk":
        assert result == PYTC_ALONE
    elif name not in REFUSED and version(clang) >= LOADED_SINCE.get(name, 0):
        assert result == EQUAL
    else:
        assert result in (EQUAL, REFUSED_BY_BOTH)


@pytest.mark.parametrize(("name", "gcc"), [one for one in BUILDS if one[1] in toolchains.GCCS])
def test_objects_of_gcc_are_loaded_by_both_or_refused_by_both(
    sources: Sources,
    newest_bpftool: Bpftool,
    bpffs: Path,
    tmp_path: Path,
    name: str,
    gcc: str,
) -> None:
    """Those of gcc 12 mostly call helpers by a register, which it does not compile."""
    toolchains.require(gcc)
    compiled = sources.compile(name, tmp_path / f"{name}.o", clang=gcc, cpu=cpu_of(gcc))
    if compiled.status:
        pytest.skip(f"{gcc} does not compile it: {first_error(compiled.err)}")
    result = outcome(str(tmp_path / f"{name}.o"), newest_bpftool, bpffs)
    if version(gcc) >= 14 and name not in (*REFUSED, *REFUSED_OF_GCC):
        assert result in ((PYTC_ALONE,) if name in (*LOADED_BY_PYTC_ALONE, "modern_inner") else (EQUAL,))


def first_error(text: str) -> str:
    """Return the first line of a compiler's complaints that has the word."""
    return next((line for line in text.splitlines() if "error" in line.lower()), text)


#: What becomes of an object: all programs are the same with both loaders; neither loads all; only pytc loads all.
EQUAL, REFUSED_BY_BOTH, PYTC_ALONE = "equal", "refused by both", "loaded by pytc alone"


def outcome(path: str, bpftool: Bpftool, mount: Path) -> str:
    """Return what becomes of an object; fails where the loaders differ, or pytc refuses what bpftool loads."""
    if not bpftool.try_load(path):
        bpftool.forget()
        compare(path, bpftool, mount)
        return EQUAL
    return REFUSED_BY_BOTH if refusals(path, mount) else PYTC_ALONE


def refusals(path: str, mount: Path) -> list[str]:
    """Return what pytc says of each program of an object that it does not load."""
    texts = []
    try:
        programs = read_object(path, layout20=LAYOUTS.get(Path(path).stem, "")).programs
    except PytcError as error:
        return [str(error)]
    for program in programs:
        try:
            with loaded(path, program.name, mount):
                pass
        except PytcError as error:
            texts.append(str(error))
    return texts
