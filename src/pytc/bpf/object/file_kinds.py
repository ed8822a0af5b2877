"""Recognise files that are given in place of BPF objects, by their first bytes."""

from __future__ import annotations

_COMPILE = "clang -O2 -g -target bpf -c FILE.c -o FILE.o"
#: What a file begins with, and what to do with it.
_KINDS = (
    (b"BC\xc0\xde", "this is LLVM bitcode: llc -march=bpf -mcpu=v3 -filetype=obj makes an object of it"),
    (b"\xde\xc0\x17\x0b", "this is LLVM bitcode: llc -march=bpf -mcpu=v3 -filetype=obj makes an object of it"),
    (b"\x1f\x8b", "the file is compressed: gunzip it first"),
    (b"\xfd7zXZ\0", "the file is compressed: unxz it first"),
    (b"\x28\xb5\x2f\xfd", "the file is compressed: unzstd it first"),
    (b"BZh", "the file is compressed: bunzip2 it first"),
    (b"PK\x03\x04", "this is a zip archive: unpack it first"),
    (b"!<arch>\n", "this is an archive: ar x takes its objects out"),
    (b"version https://git-lfs", "this is a pointer of Git LFS: git lfs pull fetches the file"),
)
_TAR_MAGIC = (b"ustar", 257)
_TEXT_BYTES = 4096
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f")


def file_kind_hint(data: bytes) -> str:
    """Return what a file is that is not an ELF file, and how it becomes an object; empty where nothing says it."""
    for start, hint in _KINDS:
        if data.startswith(start):
            return hint
    magic, offset = _TAR_MAGIC
    if data.startswith(magic, offset):
        return "this is a tar archive: tar xf takes its files out"
    head = data[:_TEXT_BYTES]
    if not _CONTROLS.isdisjoint(head):
        return ""
    if b"target triple" in head:
        return "this is LLVM assembly: llc -march=bpf -mcpu=v3 -filetype=obj makes an object of it"
    if b"#include" in head or b"SEC(" in head:
        return f"this is C source: {_COMPILE} compiles it"
    if b"\t.text" in head or b"\t.section" in head:
        return f"this is assembly: {_COMPILE.replace('FILE.c', 'FILE.s')} assembles it"
    return ""
