"""Externs and CO-RE on the running kernel: the values are the kernel's own."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.features import Features
from pytc.bpf.kernel.running import configuration, kernel_btf, version_code
from pytc.bpf.kernel.symbols import has_syscall_wrapper
from pytc.errors import BpfError, ObjectError
from tests.conftest import Compiler
from tests.kernel.bpf.link.kernel_values import place
from tests.kernel.bpf.support import loaded, nothing_left, verdict

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel() -> Btf:
    return kernel_btf()


def data(found: Loaded, name: str) -> bytes:
    """The contents of a data map."""
    return found.maps[name][bytes(4)]


@pytest.mark.needs("configuration")
def test_settings_lie_in_the_map_by_alignment_and_size(build: Compiler, bpffs: Path) -> None:
    known = configuration()
    with loaded(build("kconfig_sizes"), bpffs) as found:
        assert verdict(found.program) == len(known["CONFIG_DEFAULT_HOSTNAME"].strip('"'))
        numbers = struct.unpack_from("<5Q", data(found, ".bss"))
        assert numbers == (int(known["CONFIG_HZ"]), version_code(), 0, 1, ord("y"))
        contents = data(found, ".kconfig")
    # u64, int, short, and then those of alignment 1 by size and name: CONFIG_BPF, CONFIG_NET, char[3], char[11]
    assert contents[:16] == struct.pack("<QIHBc", version_code(), 0, int(known["CONFIG_HZ"]), 1, b"y")
    assert contents[16:19] == bytes(3)
    assert contents[19:].rstrip(b"\0").decode() == known["CONFIG_DEFAULT_HOSTNAME"].strip('"')
    assert len(contents) == 30


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(frozenset[str](), marks=pytest.mark.needs("program:tracepoint")),
        frozenset({"bpf_cookie"}),
    ],
)
def test_settings_that_the_loader_finds_out_itself(build: Compiler, bpffs: Path, missing: frozenset[str]) -> None:
    """A kernel with kprobes has them for a function with the prefix of the architecture."""
    spec = read_object(build("kconfig_virtual"))
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, features=Features(missing)) as found:
        answer = verdict(found.program)
    assert answer & 1 == (not missing)
    assert bool(answer & 2) is has_syscall_wrapper()
    assert not answer & 4


def test_the_version_is_that_of_uname() -> None:
    major, minor = re.findall(r"\d+", os.uname().release)[:2]
    assert version_code() >> 8 == int(major) << 8 | int(minor)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kconfig_missing", "CONFIG_NEVER_THERE"),
        ("kconfig_wrong_type", "CONFIG_HZ"),
        ("kconfig_unknown", "LINUX_HAS_NEVER_THERE"),
        ("kconfig_small", '"LINUX_KERNEL_VERSION" is'),
        ("ksym_missing_typeless", 'no symbol "never_there"'),
        pytest.param("ksym_ambiguous", 'several symbols "s_show"', marks=pytest.mark.needs("several_symbols:s_show")),
        *(
            pytest.param(name, said, marks=pytest.mark.needs("kernel_btf"))
            for name, said in (
                ("ksym_missing", 'no variable "never_there"'),
                ("ksym_wrong_type", "has a different type"),
                ("kfunc_missing", 'no function "never_there"'),
                ("core_missing", "this kernel has no struct task_struct.never_there"),
                ("core_memsize_signed", "struct task_struct.tgid has a different size in this kernel"),
            )
        ),
        pytest.param(
            "kfunc_wrong_type",
            "has a different type",
            marks=pytest.mark.needs("kernel_btf", "kfunc:bpf_cast_to_kern_ctx"),
        ),
    ],
)
def test_what_the_kernel_lacks_is_named_in_the_first_line(build: Compiler, bpffs: Path, name: str, said: str) -> None:
    with nothing_left(bpffs), pytest.raises(BpfError) as caught:
        loaded(build(name), bpffs)
    assert said in str(caught.value).splitlines()[0]


def rows(found: Loaded) -> list[tuple[str, tuple[int, ...]]]:
    """(field, answers) of core_offsets: offset, size, exists, signed, left shift, right shift."""
    count = verdict(found.program)
    names, answers = data(found, ".rodata"), data(found, ".bss")
    width = len(names) // count
    at = found.spec.variable_offsets[".bss", "answers"]
    return [
        (names[i * width : (i + 1) * width].split(b"\0")[0].decode(), struct.unpack_from("<6Q", answers, at + 48 * i))
        for i in range(count)
    ]


@pytest.mark.needs("kernel_btf")
def test_field_relocations_give_what_the_kernels_types_say(
    build: Compiler, bpffs: Path, kernel: Btf, compilers: list[str]
) -> None:
    with loaded(build("core_offsets", clang=compilers[-1]), bpffs) as found:
        answers = rows(found)
    assert len(answers) > 15
    for name, (offset, size, exists, signed, left, right) in answers:
        structure, field = name.split(".")
        bit_offset, member = place(kernel, structure, field)
        assert exists == 1, name
        if member.bits:
            assert right == 64 - member.bits, name
            assert left == 64 - (bit_offset + member.bits - offset * 8), name
            continue
        assert (offset, size) == (bit_offset // 8, kernel.size(member.type_id)), name
        resolved = kernel.resolve(member.type_id)
        if kernel.kind(resolved) == b.INT and (left or right):
            assert (signed, right) == (kernel.is_signed(resolved), 64 - 8 * size), name


@pytest.mark.needs("kernel_btf")
def test_types_may_come_from_a_file(build: Compiler, bpffs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "vmlinux.btf"
    copy.write_bytes(Path("/sys/kernel/btf/vmlinux").read_bytes())
    spec = read_object(build("core_field"))
    with load(spec, select_program(spec), type=ProgramType.SCHED_CLS, kernel_btf=str(copy)) as found:
        tag = found.program.description.tag
    with loaded(build("core_field"), bpffs) as found:
        assert found.program.description.tag == tag


@pytest.mark.parametrize(("contents", "said"), [(b"", "holds no BTF"), (b"\x7fELF", "few"), (b"\x9f\xeb\1\0", "few")])
def test_a_file_without_types(build: Compiler, tmp_path: Path, contents: bytes, said: str) -> None:
    (tmp_path / "junk").write_bytes(contents)
    spec = read_object(build("core_field"))
    with pytest.raises(ObjectError, match=said):
        load(spec, select_program(spec), type=ProgramType.SCHED_CLS, kernel_btf=str(tmp_path / "junk"))
