"""What test objects find in the running kernel, against what the kernel says of itself elsewhere.

The current task is this process: the kernel runs the programs in it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pytc.bpf import Loaded
from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.running import configuration, kernel_btf, version_code
from tests.kernel.bpf.loader.behaviour import Case, numbers, returns, runs
from tests.kernel.bpf.support import LENGTH, verdict

LOOPBACK, LOOPBACK_TYPE = 1, 772
SET_CHILD_SUBREAPER = 36
RINGBUF, HASH, CONTEXT_HV = 27, 1, 2**64 - 32


def loopback_mtu() -> int:
    return int(Path("/sys/class/net/lo/mtu").read_text())


def command() -> str:
    return Path("/proc/self/comm").read_text().strip()


def text(done: Loaded, name: str, size: int) -> str:
    return bytes(numbers(done, name, f"{size}B")).split(b"\0")[0].decode()


@cache
def kernel() -> Btf:
    return kernel_btf()


def field(done: Loaded) -> None:
    assert verdict(done.program) == os.getpid()
    assert numbers(done, "seen", "4Q") == (os.getpid(), os.getpid(), LOOPBACK, loopback_mtu())
    assert text(done, "comm", 16) == command()


@contextmanager
def as_subreaper() -> Iterator[None]:
    libc = ctypes.CDLL(None)
    libc.prctl(SET_CHILD_SUBREAPER, 1)
    os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        libc.prctl(SET_CHILD_SUBREAPER, 0)


def bit_fields(done: Loaded) -> None:
    assert verdict(done.program) == 0
    assert numbers(done, "seen", "4Q") == (0, 0, 0, 0)
    with as_subreaper():
        assert verdict(done.program) == 1
        assert numbers(done, "seen", "4Q") == (1, 1, 1, 1)


def arrays(done: Loaded) -> None:
    assert verdict(done.program) == os.getpid()
    seen = numbers(done, "seen", "7Q")
    limits = tuple(limit % 2**64 for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    assert seen[:2] == limits
    name = command().encode().ljust(16, b"\0")
    assert seen[2:4] == (name[0], name[3])
    arguments = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45])  # field 48
    assert seen[4:] == (arguments,) * 3
    first, last, *exists = numbers(done, "offsets", "4I")
    assert (last - first, exists) == (15, [0, 1])


def enumerators(done: Loaded) -> None:
    assert verdict(done.program) == RINGBUF
    assert numbers(done, "exists", "5B") == (1, 1, 0, 0, 1)
    assert numbers(done, "values", "5Q") == (RINGBUF, HASH, 0, 0, CONTEXT_HV)


def types(done: Loaded) -> None:
    """Ids and sizes are those of the kernel's BTF; flavours match as far as they agree with it."""
    assert verdict(done.program) == 9
    answers = numbers(done, "answers", "36Q")
    rows = [answers[at : at + 4] for at in range(0, 36, 4)]
    known = (
        ("task_struct", b.STRUCT),
        ("sk_buff", b.STRUCT),
        ("bpf_attr", b.UNION),
        ("pid_type", b.ENUM),
        ("gfp_t", b.TYPEDEF),
    )
    for (exists, size, here, there), (name, kind) in zip(rows, known, strict=False):  # the others are flavours
        found = kernel().find(name, kind)
        assert (exists, size, there) == (1, kernel().size(found), found), name
        assert here, name
    assert [(exists, size, there) for exists, size, _, there in rows[5:]] == [(0, 0, 0)] * 4
    matches = numbers(done, "matches", "11B")
    assert matches in ((255,) * 11, (1, 1, 1, *(0,) * 8))  # clang before 15 cannot ask


def flavours(done: Loaded) -> None:
    assert verdict(done.program) == 1
    assert numbers(done, "ids", "2I") == (os.getpid(), os.getpid())
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])  # field 22, since the boot
    assert numbers(done, "started")[0] * os.sysconf("SC_CLK_TCK") // 10**9 == ticks


def guarded(done: Loaded) -> None:
    assert verdict(done.program) == os.getpid()
    assert not any(numbers(done, "seen", "7Q"))


def pointers(done: Loaded) -> None:
    assert verdict(done.program) == os.getppid()
    parent, executable, namespace = numbers(done, "seen", "3Q")
    assert (parent, namespace) == (os.getppid(), os.stat("/proc/self/ns/net").st_ino)
    assert executable == os.stat("/proc/self/exe").st_ino
    assert text(done, "name", 32) == Path("/proc/self/exe").readlink().name[:31]


def one(done: Loaded) -> None:
    assert verdict(done.program) == 3 * os.getpid() + os.getppid()
    assert numbers(done, "calls") == (2,)


def two(done: Loaded) -> None:
    assert verdict(done.program) == 4 * os.getpid()


def widths(done: Loaded) -> None:
    assert verdict(done.program) == loopback_mtu()
    assert numbers(done, "wide", "2Q") == (loopback_mtu(), LOOPBACK_TYPE)
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    assert numbers(done, "narrow")[0] * os.sysconf("SC_CLK_TCK") // 10**9 == ticks


def signs(done: Loaded) -> None:
    """A thread that is not the first has the exit signal -1; a process may raise its own oom_score_adj."""
    score = Path("/proc/self/oom_score_adj")
    before = int(score.read_text())
    for number in (before, before + 1):
        score.write_text(str(number))
        try:
            assert verdict(done.program) == 1000 + number
            assert numbers(done, "seen", "4q") == (number, signal.SIGCHLD, signal.SIGCHLD, LOOPBACK_TYPE)
            other = threading.Thread(target=verdict, args=(done.program,))
            other.start()
            other.join()
            assert numbers(done, "seen", "4q") == (number, -1, -1, LOOPBACK_TYPE)
        finally:
            score.write_text(str(before))


def many(done: Loaded) -> None:
    """The same fields as in core_offsets, which a test of its own compares one by one; here that none is lost."""
    assert verdict(done.program) == 54
    names = done.maps[".rodata"][bytes(4)]
    width = len(names) // 54
    at = done.spec.variable_offsets[".bss", "answers"]
    for row in range(54):
        structure, name = names[row * width : (row + 1) * width].split(b"\0")[0].decode().split(".")
        offset, size, exists, *_ = struct.unpack_from("<6Q", done.maps[".bss"][bytes(4)], at + 48 * row)
        bits, member = place(kernel(), structure, name)
        assert exists == 1, name
        assert member.bits or (offset, size) == (bits // 8, kernel().size(member.type_id)), name


def place(types: Btf, structure: str, name: str) -> tuple[int, b.Member]:
    """(bit offset, member) of a field, also inside unnamed members; found without CO-RE code."""

    def search(type_id: int) -> tuple[int, b.Member] | None:
        for member in types.members(type_id):
            if member.name == name:
                return member.bit_offset, member
            inner = types.resolve(member.type_id)
            if not member.name and types.kind(inner) in (b.STRUCT, b.UNION):
                found = search(inner)
                if found is not None:
                    return found[0] + member.bit_offset, found[1]
        return None

    found = search(types.find(structure, b.STRUCT))
    assert found is not None, f"{structure}.{name}"
    return found


def settings(done: Loaded) -> None:
    known = configuration()
    assert verdict(done.program) == int(known["CONFIG_HZ"])
    version, hz, net, conntrack, bpf, pointer, *missing = numbers(done, "numbers", "10Q")
    assert (version, hz, net, bpf) == (version_code(), int(known["CONFIG_HZ"]), known["CONFIG_NET"] == "y", ord("y"))
    assert conntrack == "nym".index(known.get("CONFIG_NF_CONNTRACK", "n"))
    assert pointer == int(known.get("CONFIG_ILLEGAL_POINTER_VALUE", "0"), 0)
    assert missing == [0] * 4
    assert text(done, "hostname", 64) == known["CONFIG_DEFAULT_HOSTNAME"].strip('"')
    assert text(done, "cut", 6) == known["CONFIG_CC_VERSION_TEXT"].strip('"')[:5]
    assert text(done, "nothing", 8) == ""


def context(done: Loaded) -> None:
    """The device of a test run is the loopback device, whose address is 0; so is that of the packet."""
    assert verdict(done.program) == LENGTH
    assert numbers(done, "seen", "5Q") == (LENGTH, LOOPBACK, 0, 0, LOOPBACK)


def listed(done: Loaded) -> None:
    assert tuple(verdict(done.program) for _ in range(5)) == (0, 0, 1, 2, 3)


def sorted_tree(done: Loaded) -> None:
    for mark in (7, 3, 5):
        assert verdict(done.program, mark=mark) == 0
    assert [verdict(done.program) for _ in range(4)] == [3, 5, 7, 0xFFFFFFFF]


def task_reference(done: Loaded) -> None:
    assert [verdict(done.program) for _ in range(2)] == [0, os.getpid()]


#: On every kernel that publishes its types and its configuration.
KERNEL = (
    Case("core_field", "", field),
    Case("core_bitfield", "", bit_fields),
    Case("core_array", "", arrays),
    Case("core_enum", "", enumerators),
    Case("core_types", "", types),
    Case("core_flavor", "", flavours),
    Case("core_missing_guarded", "", guarded),
    Case("core_pointer_chase", "", pointers),
    Case("core_subprog", "one", one),
    Case("core_subprog", "two", two),
    Case("core_memsize", "", widths),
    Case("core_signed", "", signs),
    Case("core_many", "", many),
    Case("kconfig", "", settings),
    Case("types_lsm", "", returns(1)),
)
#: Needs kfuncs of Linux 6.2 to 6.6.
LATER = (
    Case("core_kern_ctx", "", context),
    Case("kfunc", "cls_main", returns(LENGTH)),
    Case("kfunc", "second", returns(LENGTH)),
    Case("kfunc_weak", "", returns(LENGTH + (1 << 16))),
    Case("kfunc_iter", "", returns(52)),
    Case("list_head", "", listed),
    Case("rbtree", "", sorted_tree),
    Case("types_new", "", returns(1)),
)
#: From clang 15 on: before, it drops the tag of the type.
TAGGED = (Case("kptr", "", task_reference), Case("kptr_local", "", runs(1, 2, 3)))
