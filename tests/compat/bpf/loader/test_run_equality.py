"""The same packets through both loaders' programs: verdict, packet and context afterwards, and what the maps hold.

Every program is loaded anew for its runs, so that both start with the same maps; the kernel's BPF_PROG_TEST_RUN runs
them, in this process and on one processor.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import Map, MapType, Program, ProgramType, read_object
from pytc.bpf.sys import abi
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.info import program_map_ids
from pytc.bpf.sys.syscall import bpf
from tests.compat.bpf.expectations import COMPARED, COMPARED_WITHOUT_DEBUG, LEGACY
from tests.compat.bpf.loaders import (
    LINKED,
    PLAIN,
    STRIPPED,
    TWIN,
    Bpftool,
    Sources,
    as_newer_libbpf,
    loaded,
    without_types,
)
from tests.compat.kernel_view import ProgramView, view
from tests.tiers import sample

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

WITH_PACKETS = frozenset(
    {
        ProgramType.SCHED_CLS,
        ProgramType.SCHED_ACT,
        ProgramType.UNSPEC,
        ProgramType.XDP,
        ProgramType.SOCKET_FILTER,
        ProgramType.CGROUP_SKB,
        ProgramType.LWT_IN,
        ProgramType.LWT_OUT,
        ProgramType.LWT_XMIT,
        ProgramType.LWT_SEG6LOCAL,
        ProgramType.FLOW_DISSECTOR,
    }
)
#: Objects whose runs differ by themselves, and why.
NOT_TWICE_THE_SAME = {"timer": "the timer fires while, or after, the maps are read"}
ALIKE = [name for name in COMPARED if name not in NOT_TWICE_THE_SAME]
#: Without -g these ask for fields of the kernel at places that are not theirs.
ALIKE_WITHOUT_DEBUG = [name for name in COMPARED_WITHOUT_DEBUG if not name.startswith("core_")]
NEED_NO_DEBUG = ("core_field", "kfunc", "modern_globals", "modern_subprogs", "traffic")
WITH_CPU_V4 = ("callback_loop", "core_signed", "cpu_v4", "cpu_v4_far", "globals_struct", "modern_globals", "traffic")
SKB_SIZE = 192
_MARK_AT = 8


def packet(ethertype: int, payload: bytes, length: int) -> bytes:
    return (bytes(range(12)) + struct.pack("!H", ethertype) + payload).ljust(length, b"\x5a")


def ipv4(protocol: int, destination: int) -> bytes:
    """Header, and ports."""
    return struct.pack("!BBHHHBBH4B4B", 0x45, 0, 40, 1, 0, 64, protocol, 0, 192, 0, 2, 1, 192, 0, 2, 2) + struct.pack(
        "!HHHH", 40000, destination, 20, 0
    )


#: Packets with a mark: some are dropped, counted or redirected by one object or another.
INPUTS = (
    (packet(0x0800, bytes(46), 60), 0),
    (packet(0x0800, ipv4(17, 53), 74), 1),
    (packet(0x0800, ipv4(6, 443), 1514), 2),
    (packet(0x0800, ipv4(1, 0), 98), 7),
    (packet(0x86DD, b"\x60" + bytes(39), 78), 3),
    (packet(0x0806, b"", 60), 0xFFFF),
)


class Run(NamedTuple):
    """The outcome of one packet."""

    verdict: int
    packet: bytes
    context: bytes


def run_once(program: Program, data: bytes, mark: int) -> Run:
    """One run; only programs for struct __sk_buff get a context, with that mark."""
    source, room = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(4096)
    attr = abi.TestRunAttr(
        prog_fd=program.fd,
        data_in=abi.pointer(source),
        data_size_in=len(data),
        data_out=abi.pointer(room),
        data_size_out=len(room),
        repeat=1,
    )
    context = ctypes.create_string_buffer(SKB_SIZE)
    if program.description.type in (ProgramType.SCHED_CLS, ProgramType.SCHED_ACT):
        struct.pack_into("=I", context, _MARK_AT, mark)
        attr.ctx_in = attr.ctx_out = abi.pointer(context)
        attr.ctx_size_in = attr.ctx_size_out = SKB_SIZE
    bpf(Command.PROG_TEST_RUN, attr, what="test run")
    return Run(attr.retval, room.raw[: attr.data_size_out], context.raw)


def records(program: Program) -> list[bytes]:
    """Return the records in a program's ring buffers, which cannot be listed like other maps."""
    found = []
    for number in program_map_ids(program.fd):
        with Map.from_id(number) as one:
            if one.description.type != MapType.RINGBUF:
                continue
            page, size = mmap.PAGESIZE, one.description.max_entries
            with mmap.mmap(one.fd, page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page) as ring:
                produced = int.from_bytes(ring[:8], "little")
                found.append(ring[page : page + produced])
    return found


class Outcome(NamedTuple):
    runs: list[Run]
    after: ProgramView
    records: list[bytes]


def outcome(program: Program) -> Outcome:
    """All packets, one after the other, and then the maps."""
    runs = [run_once(program, *one) for one in INPUTS]
    return Outcome(runs, as_newer_libbpf(view(program)), records(program))


@contextmanager
def one_processor() -> Iterator[None]:
    """Per-CPU values are then in one place."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def compare(path: str, other: str, bpftool: Bpftool, mount: Path) -> list[Outcome]:
    """Both loaders, each program with maps of its own. What they came to, for those who want to see it."""
    seen = []
    with one_processor():
        for spec in read_object(path).programs:
            if spec.type not in WITH_PACKETS:
                continue
            with bpftool.opened(other) as theirs:
                expected = outcome(theirs[spec.name])
            bpftool.forget()
            with loaded(path, spec.name, mount) as done:
                mine = outcome(done.program)
                if path != other:
                    expected = expected._replace(after=without_types(expected.after, mine.after))
            assert mine.runs == expected.runs
            assert mine.records == expected.records
            assert mine.after == expected.after
            seen.append(mine)
    return seen


class TestPrograms:
    @pytest.mark.parametrize("name", ALIKE)
    def test_do_the_same(self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str) -> None:
        path = sources(name)
        compare(path, path, bpftool, bpffs)

    @pytest.mark.parametrize("name", sample(WITH_CPU_V4, 3))
    def test_do_the_same_with_instructions_of_cpu_v4(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, compilers: list[str], name: str
    ) -> None:
        if "clang-19" not in compilers:
            pytest.skip("clang-19 is not installed")
        path = sources(name, clang="clang-19", cpu="v4")
        compare(path, path, bpftool, bpffs)

    @pytest.mark.parametrize("name", sample(ALIKE_WITHOUT_DEBUG))
    def test_do_the_same_without_debug_information(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str
    ) -> None:
        path = sources(name, form=PLAIN)
        compare(path, path, bpftool, bpffs)

    @pytest.mark.parametrize("name", LEGACY)
    def test_with_legacy_maps_do_the_same_as_with_modern_ones(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str
    ) -> None:
        compare(sources(name), sources(name, form=TWIN), bpftool, bpffs)

    @pytest.mark.parametrize(("name", "form"), sample(itertools.product(NEED_NO_DEBUG, (STRIPPED, LINKED)), 3))
    def test_do_the_same_stripped_and_linked(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str, form: str
    ) -> None:
        path = sources(name, form=form)
        compare(path, path, bpftool, bpffs)


class TestComparison:
    """That it has something to compare."""

    def test_sees_verdicts_packets_and_maps(self, sources: Sources, bpftool: Bpftool, bpffs: Path) -> None:
        path = sources("traffic")
        first = compare(path, path, bpftool, bpffs)[0]
        assert all(len(one.packet) == len(data) for one, (data, _) in zip(first.runs, INPUTS, strict=True))
        assert "protocols" in str(first.after)

    def test_sees_every_kind_of_program_and_what_it_changes(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path
    ) -> None:
        path = sources("run_types")
        tc, act, xdp, socket, cgroup, lwt, dissector = compare(path, path, bpftool, bpffs)
        turned = [data[:6] + bytes([data[6] ^ 0xFF]) + data[7:] for data, _ in INPUTS]
        assert [(one.verdict, one.packet) for one in tc.runs] == [(7, data) for data in turned]
        assert [one.packet for one in act.runs] == turned
        assert [struct.unpack_from("=I", one.context, _MARK_AT)[0] for one in tc.runs] == [
            2 * mark for _, mark in INPUTS
        ]
        assert [one.packet for one in xdp.runs] == [b"\xde\xad\xbe\xef" + data for data, _ in INPUTS]
        assert [one.verdict for one in socket.runs] == [len(data) - 14 for data, _ in INPUTS]
        assert {one.verdict for one in cgroup.runs} == {1}
        assert {one.verdict for one in lwt.runs} == {0}
        assert [one.verdict for one in dissector.runs] == [0, 0, 0, 0, 1, 1]

    def test_sees_records(self, sources: Sources, bpftool: Bpftool, bpffs: Path) -> None:
        path = sources("ringbuf")
        (seen,) = compare(path, path, bpftool, bpffs)
        (ring,) = seen.records
        assert len(ring) == 16 * len(INPUTS)
        assert [struct.unpack_from("<I", ring, 16 * n + 8)[0] for n in range(len(INPUTS))] == [
            len(data) for data, _ in INPUTS
        ]
