"""Sizes and offsets of the structures that are passed to bpf(2), against the kernel's own header."""

from __future__ import annotations

import ctypes
import platform
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf.object import elf
from pytc.bpf.sys import abi
from pytc.bpf.sys.constants import OBJ_NAME_LEN
from pytc.bpf.sys.syscall import used_size
from tests.processes import cannot, must

# The structures, and where their fields are in include/uapi/linux/bpf.h: (type, prefix of the member).
_HOMES: dict[type[ctypes.Structure], tuple[str, str]] = {
    abi.MapCreateAttr: ("union bpf_attr", ""),
    abi.MapElementAttr: ("union bpf_attr", ""),
    abi.ProgLoadAttr: ("union bpf_attr", ""),
    abi.ObjectPathAttr: ("union bpf_attr", ""),
    abi.IdAttr: ("union bpf_attr", ""),
    abi.InfoAttr: ("union bpf_attr", "info."),
    abi.BtfLoadAttr: ("union bpf_attr", ""),
    abi.MapFdAttr: ("union bpf_attr", ""),
    abi.TestRunAttr: ("union bpf_attr", "test."),
    abi.MapInfo: ("struct bpf_map_info", ""),
    abi.ProgInfo: ("struct bpf_prog_info", ""),
    abi.BtfInfo: ("struct bpf_btf_info", ""),
    abi.LinkInfo: ("struct bpf_link_info", ""),
    abi.LinkUpdateAttr: ("union bpf_attr", "link_update."),
}
_OTHER_NAMES: dict[tuple[type[ctypes.Structure], str], str] = {(abi.IdAttr, "id"): "map_id"}
# Padding, and a bit field, whose offset C does not tell.
_NOT_IN_C = {"pad", "gpl_compatible", "details"}

SIZES = {
    abi.MapCreateAttr: 72,
    abi.MapElementAttr: 32,
    abi.ProgLoadAttr: 128,
    abi.ObjectPathAttr: 16,
    abi.IdAttr: 12,
    abi.InfoAttr: 16,
    abi.BtfLoadAttr: 32,
    abi.MapFdAttr: 4,
    abi.TestRunAttr: 80,
    abi.MapInfo: 88,
    abi.ProgInfo: 232,
    abi.BtfInfo: 32,
    abi.ProgAttachAttr: 32,
    abi.ProgQueryAttr: 64,
    abi.LinkCreateAttr: 32,
    abi.LinkUpdateAttr: 16,
    abi.LinkInfo: 32,
}


@pytest.mark.parametrize("structure", SIZES, ids=lambda s: s.__name__)
def test_every_structure_has_the_size_of_the_kernels(structure: type[ctypes.Structure]) -> None:
    assert ctypes.sizeof(structure) == SIZES[structure]


@pytest.mark.parametrize(
    ("structure", "field", "offset"),
    [
        (abi.MapCreateAttr, "map_flags", 16),
        (abi.MapCreateAttr, "map_name", 28),
        (abi.MapCreateAttr, "btf_fd", 48),
        (abi.MapCreateAttr, "map_extra", 64),
        (abi.MapElementAttr, "key", 8),
        (abi.MapElementAttr, "flags", 24),
        (abi.ProgLoadAttr, "insns", 8),
        (abi.ProgLoadAttr, "log_buf", 32),
        (abi.ProgLoadAttr, "prog_name", 48),
        (abi.ProgLoadAttr, "func_info", 80),
        (abi.ProgLoadAttr, "line_info", 96),
        (abi.ProgLoadAttr, "attach_prog_fd", 112),
        (abi.ObjectPathAttr, "bpf_fd", 8),
        (abi.InfoAttr, "info", 8),
        (abi.BtfLoadAttr, "btf_size", 16),
        (abi.TestRunAttr, "data_in", 16),
        (abi.TestRunAttr, "ctx_in", 48),
        (abi.TestRunAttr, "batch_size", 72),
        (abi.MapInfo, "name", 24),
        (abi.MapInfo, "btf_id", 64),
        (abi.ProgInfo, "tag", 8),
        (abi.ProgInfo, "xlated_prog_insns", 32),
        (abi.ProgInfo, "map_ids", 56),
        (abi.ProgInfo, "name", 64),
        (abi.ProgInfo, "gpl_compatible", 84),
        (abi.ProgInfo, "btf_id", 128),
        (abi.ProgLoadAttr, "fd_array", 120),
        (abi.ProgAttachAttr, "replace_bpf_fd", 16),
        (abi.ProgAttachAttr, "relative", 20),
        (abi.ProgAttachAttr, "expected_revision", 24),
        (abi.ProgQueryAttr, "prog_ids", 16),
        (abi.ProgQueryAttr, "count", 24),
        (abi.ProgQueryAttr, "link_ids", 40),
        (abi.ProgQueryAttr, "revision", 56),
        (abi.LinkCreateAttr, "relative", 16),
        (abi.LinkCreateAttr, "expected_revision", 24),
        (abi.LinkInfo, "details", 16),
        (abi.BtfInfo, "kernel_btf", 28),
        (abi.ProgInfo, "attach_btf_id", 224),
    ],
)
def test_fields_are_where_the_kernel_has_them(structure: type[ctypes.Structure], field: str, offset: int) -> None:
    assert getattr(structure, field).offset == offset


def _fields() -> Iterator[tuple[type[ctypes.Structure], str]]:
    for structure in _HOMES:
        for entry in structure._fields_:
            if entry[0] not in _NOT_IN_C:
                yield structure, entry[0]


def _facts_source() -> str:
    lines = []
    for structure, field in _fields():
        home, prefix = _HOMES[structure]
        member = prefix + _OTHER_NAMES.get((structure, field), field)
        lines.append(f"__builtin_offsetof({home}, {member}), sizeof((({home} *)0)->{member}),")
    return (
        '#include <linux/bpf.h>\nconst unsigned long facts[] __attribute__((section("numbers"))) = {\n'
        + "\n".join(lines)
        + "\n};\n"
    )


def test_every_field_agrees_with_the_installed_header(tmp_path: Path) -> None:
    if shutil.which("clang") is None or not Path("/usr/include/linux/bpf.h").exists():
        cannot("clang or linux/bpf.h is not installed")
    source, target = tmp_path / "facts.c", tmp_path / "facts.o"
    source.write_text(_facts_source())
    must(
        "clang",
        "-target",
        "bpf",
        f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-c",
        str(source),
        "-o",
        str(target),
    )
    section = elf.parse(target.read_bytes()).by_name.get("numbers")
    assert section is not None
    ours = [(getattr(s, f).offset, getattr(s, f).size) for s, f in _fields()]
    theirs = list(struct.iter_unpack("<QQ", section.data))
    different = [
        (s.__name__, f, our, their) for (s, f), our, their in zip(_fields(), ours, theirs, strict=True) if our != their
    ]
    assert not different


def test_size_ends_at_the_last_field_in_use() -> None:
    assert used_size(abi.MapCreateAttr(map_type=1, key_size=4)) == 8
    assert used_size(abi.MapCreateAttr(map_type=1, map_name=b"hits")) == 44
    assert used_size(abi.ProgLoadAttr(prog_type=3, line_info_cnt=1)) == 108
    assert used_size(abi.MapCreateAttr(map_extra=1)) == 72


def test_an_empty_structure_still_has_its_first_field() -> None:
    assert used_size(abi.MapCreateAttr()) == 4


def test_a_name_has_room_for_15_bytes_and_the_nul() -> None:
    assert OBJ_NAME_LEN == abi.MapCreateAttr.map_name.size == abi.ProgLoadAttr.prog_name.size == 16
    assert abi.MapCreateAttr(map_name=b"a" * 15).map_name == b"a" * 15


def test_the_address_of_nothing_is_zero() -> None:
    buffer = ctypes.create_string_buffer(4)
    assert abi.pointer(None) == 0
    assert abi.pointer(buffer) == ctypes.addressof(buffer)
