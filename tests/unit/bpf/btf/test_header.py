"""A header of all types: it compiles, and structures have the sizes and offsets of the types that it is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf.btf import types as b
from pytc.bpf.btf.header import header
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.running import KERNEL_BTF, kernel_btf
from tests.btf_writer import BtfWriter
from tests.conftest import OBJECTS, Compiler
from tests.elf_writer import RETURN_0, code, elf
from tests.processes import cannot, printed, refused

#: Objects whose types are of all kinds, or in another order than C's.
NAMES = ("all_types", "core_types", "core_bitfield", "callback", "enum64", "float", "globals_struct", "typed_values")


def asserted(btf: Btf) -> Iterator[str]:
    """Yield what is true of the header's structures, as C."""
    seen = set[str]()
    for type_id in range(1, len(btf)):
        keyword = {b.STRUCT: "struct", b.UNION: "union", b.ENUM: "enum", b.ENUM64: "enum"}.get(btf.kind(type_id))
        name = btf.name(type_id)
        if keyword is None or not name or name in seen:
            continue
        seen.add(name)
        yield f'_Static_assert(sizeof({keyword} {name}) == {btf.size(type_id)}, "{keyword} {name}");'
        for member in btf.members(type_id) if keyword != "enum" else ():
            if member.name and not member.bits:
                offset = f"__builtin_offsetof({keyword} {name}, {member.name}) == {member.bit_offset // 8}"
                yield f'_Static_assert({offset}, "{name}.{member.name}");'


def compile_c(source: str, directory: Path) -> str:
    """Compile C for BPF; return what the compiler says of it."""
    if shutil.which("clang") is None:
        cannot("clang is not installed")
    (directory / "use.c").write_text(source)
    words = ["clang", "-O2", "-g", "-Wall", "-ferror-limit=5", "-target", "bpf", "-c", "use.c", "-o", "use.o"]
    return subprocess.run(words, cwd=directory, capture_output=True, text=True, timeout=120, check=False).stderr


def check(btf: Btf, directory: Path) -> int:
    """Compile the header with assertions about it; return how many there are."""
    (directory / "types.h").write_text("".join(header(btf)))
    facts = [*asserted(btf)]
    assert compile_c("\n".join(['#include "types.h"', *facts, ""]), directory) == ""
    return len(facts)


@pytest.mark.parametrize("name", NAMES)
def test_types_of_objects(build: Compiler, tmp_path: Path, name: str) -> None:
    assert (OBJECTS / f"{name}.c").exists()
    assert check(kernel_btf(build(name)), tmp_path)


LAYOUTS = """
typedef unsigned char u8; typedef unsigned long long u64; typedef __int128 wide;
struct packed { u8 a; u64 b; u8 c; } __attribute__((packed));
struct aligned { u8 a; } __attribute__((aligned(64)));
struct holder { u8 before; struct packed inner; struct aligned far; u8 after; };
struct fields { unsigned a : 3; unsigned : 5; unsigned b : 9; u64 c : 40; u8 d; int : 0; unsigned e : 1; };
struct tail { u64 count; u8 rest[]; };
struct outer { struct { int x; union { u8 small; u64 large; }; }; struct tail *next; struct outer *self; wide number; };
enum tiny { TINY } __attribute__((packed));
enum negative { BELOW = -5, ABOVE = 5 };
enum huge { HUGE = 0x8000000000000000ULL };
struct enums { enum tiny tiny; enum negative negative; enum huge huge; enum { INNER_ONE, INNER_TWO = 7 } inner; };
typedef struct { int (*callback)(struct outer *, const volatile void *, ...); const char *const names[3]; } operations;
struct user { operations operations; operations *others; const int matrix[2][3]; struct undefined *opaque; };
struct packed p; struct holder h; struct fields f; struct outer o; struct enums e; struct user u; struct tail t;
"""


def test_layouts_that_need_attributes_and_padding(tmp_path: Path) -> None:
    assert compile_c(LAYOUTS, tmp_path) == ""
    btf = kernel_btf(str(tmp_path / "use.o"))
    assert check(btf, tmp_path) > 30
    text = (tmp_path / "types.h").read_text()
    for line in (
        "unsigned int b : 9;",
        "} __attribute__((packed));",
        "INNER_TWO = 7,",
        "struct undefined;",
    ):
        assert line in text


def test_bit_fields_are_where_they_were(tmp_path: Path) -> None:
    """There is no offsetof for them: the compiler says where it has put them in the types of another object."""
    assert compile_c(LAYOUTS, tmp_path) == ""
    before = kernel_btf(str(tmp_path / "use.o"))
    (tmp_path / "types.h").write_text("".join(header(before)))
    assert compile_c('#include "types.h"\nstruct fields fields;\n', tmp_path) == ""
    after = kernel_btf(str(tmp_path / "use.o"))
    ours, theirs = (
        {member.name: member[2:] for member in btf.members(btf.find("fields", b.STRUCT)) if member.bits}
        for btf in (after, before)
    )
    assert {name: place for name, place in ours.items() if name} == {
        name: place for name, place in theirs.items() if name
    }


def test_names_that_two_types_have(tmp_path: Path) -> None:
    """Those of the kernel come from files that do not see one another; Rust has names that C does not take."""
    writer = BtfWriter()
    number = writer.integer()
    writer.structure("same", 4, [("a", number, 0)])
    second = writer.structure("same", 8, [("b", number, 0), ("c", number, 32)])
    writer.structure("holder", 16, [("inner", second, 0), ("next", writer.pointer(second), 64)])
    writer.enum("one", [("TWICE", 1)])
    writer.enum("two", [("TWICE", 2)])
    writer.structure("core::option<u8>", 4, [("a", number, 0)])
    text = "".join(header(writer.parsed()))
    (tmp_path / "types.h").write_text(text)
    facts = "sizeof(struct same) == 4 && sizeof(struct same___2) == 8 && TWICE == 1 && TWICE___2 == 2"
    source = f'#include "types.h"\n_Static_assert({facts} && sizeof(struct core__option_u8_) == 4, "");\n'
    assert compile_c(source, tmp_path) == ""
    assert "struct same___2 inner;\n\tstruct same___2 *next;" in text


@pytest.mark.skipif(not os.path.exists(KERNEL_BTF), reason="this kernel has no types")
def test_types_of_this_kernel(tmp_path: Path) -> None:
    assert check(kernel_btf(), tmp_path) > 10_000
    source = """
    #include "types.h"
    static struct task_struct *(*const current)(void) = (void *)158;
    __attribute__((section("tc"))) int f(struct __sk_buff *skb) { return current()->tgid + skb->mark; }
    char l[] __attribute__((section("license"))) = "GPL";
    """
    assert compile_c(source, tmp_path) == ""
    assert "nothing found" in printed("object", "lint", tmp_path / "use.o", "btf", KERNEL_BTF)


def test_words(build: Compiler, tmp_path: Path) -> None:
    path = build("core_types")
    text = "".join(header(kernel_btf(path)))
    assert printed("object", "types", path) == text
    without = tmp_path / "none.o"
    without.write_bytes(elf(code("tc", RETURN_0)))
    assert "has no .BTF section" in refused("object", "types", without)
