"""Behaviour, not only loading: what the header comments of the test objects promise."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from pytc.bpf import Loaded
from tests.conftest import Compiler
from tests.kernel.bpf.support import PACKET, loaded, verdict, word

pytestmark = pytest.mark.kernel
LONG = PACKET.ljust(64, b"\0")


def variable(found: Loaded, name: str, section: str = ".bss", *, size: int = 8) -> int:
    """A number in a data section, by the name of its symbol."""
    at = found.spec.variable_offsets[section, name]
    return int.from_bytes(found.maps[section][bytes(4)][at:at + size], "little")


@pytest.mark.parametrize(("name", "program", "expected"), [
    ("callback_loop", "cls_main", 4950), ("callback_loop", "other", 6045), ("inner_declared", "", 15),
    ("weak_func", "", 79), ("global_func", "", 100), ("tags", "", 65), ("kfunc", "cls_main", 64),
    ("kfunc", "second", 64), ("legacy_tail_chain", "", 0x40004), ("perf_auto", "", 0xFFFFFFFE),
    ("hash_of_maps", "", 0),
])
def test_verdicts(build: Compiler, bpffs: Path, compilers: list[str], name: str, program: str, expected: int) -> None:
    for clang in compilers:
        with loaded(build(name, clang=clang), bpffs, name=program) as found:
            assert verdict(found.program, LONG) == expected, clang


def test_a_callback_visits_the_elements(build: Compiler, bpffs: Path) -> None:
    with loaded(build("callback"), bpffs) as found:
        numbers = found.maps["numbers"]
        width = numbers.description.value_size
        for key in (1, 2):
            numbers[word(key)] = (10 * key).to_bytes(width, "little")
        assert verdict(found.program, LONG) == 64 + 10 + 20
        assert variable(found, "visited") == 6


def test_a_timer_fires(build: Compiler, bpffs: Path) -> None:
    with loaded(build("timer"), bpffs) as found:
        assert verdict(found.program, LONG) == 0
        deadline = time.monotonic() + 5
        while not variable(found, "fired") and time.monotonic() < deadline:
            time.sleep(0.002)
        assert variable(found, "fired") == 1 + 1000 * 64


def test_a_list_of_objects(build: Compiler, bpffs: Path, compilers: list[str]) -> None:
    with loaded(build("list_head", clang=compilers[-1]), bpffs) as found:
        assert [verdict(found.program, LONG) for _ in range(5)] == [0, 0, 1, 2, 3]


def test_a_tree_of_objects(build: Compiler, bpffs: Path, compilers: list[str]) -> None:
    with loaded(build("rbtree", clang=compilers[-1]), bpffs) as found:
        for mark in (7, 3, 5):
            assert verdict(found.program, LONG, mark=mark) == 0
        assert [verdict(found.program, LONG) for _ in range(4)] == [3, 5, 7, 0xFFFFFFFF]


def test_an_inner_map_is_reached_by_name(build: Compiler, bpffs: Path) -> None:
    """User space puts a map into the hash; the program finds it."""
    packet = b"the-name" + LONG[8:]
    with loaded(build("hash_of_maps"), bpffs) as found:
        assert verdict(found.program, packet) == 0
        found.maps["by_name"][packet[:8]] = found.maps["template"].fd.to_bytes(4, "little")
        assert [verdict(found.program, packet) for _ in range(3)] == [1, 2, 3]
        assert found.maps["template"][word(1)] == struct.pack("<Q", 3)
        assert verdict(found.program, b"no-other" + LONG[8:]) == 0


def test_hidden_functions_are_static_for_the_kernel(build: Compiler, bpffs: Path) -> None:
    """A global function would be verified for a null argument, and refused."""
    with loaded(build("hidden_func"), bpffs) as found:
        verdict(found.program, LONG)
