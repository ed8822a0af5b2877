"""What test objects do with a packet, as their header comments say: to be asked after any kind of load."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from pytc.bpf import Loaded
from pytc.bpf.sys.constants import F_NO_PREALLOC
from tests.conftest import PATIENCE
from tests.kernel.bpf.support import LENGTH, OK, PACKET, PIPE, PROTOCOL, SHOT, UNSPEC, count, verdict, word
from tests.object_needs import needs_of

ENOENT = 0xFFFFFFFE
Check = Callable[[Loaded], None]


class Case(NamedTuple):
    """An object, one of its programs (empty for the usual one), and what to ask."""

    object: str
    program: str
    check: Check


def numbers(done: Loaded, name: str, layout: str = "Q", *, section: str = ".bss") -> tuple[int, ...]:
    """The numbers of a variable in a data section."""
    at = done.spec.variable_offsets[section, name]
    return struct.unpack_from(f"<{layout}", done.maps[section][word(0)], at)


def returns(expected: int) -> Check:
    """Nothing but a verdict."""

    def check(done: Loaded) -> None:
        assert verdict(done.program) == expected

    return check


def counts(expected: int, **counters: tuple[int, ...]) -> Check:
    """A verdict, and the counters of maps, from key 0 on."""

    def check(done: Loaded) -> None:
        assert verdict(done.program) == expected
        found = {name: tuple(count(done.maps[name], key) for key in range(len(row))) for name, row in counters.items()}
        assert found == counters

    return check


def layout(flags: int) -> Check:
    """The objects legacy16 to legacy44."""

    def check(done: Loaded) -> None:
        counts(UNSPEC, map_array=(0, 1), map_percpu=(0, 0, LENGTH))(done)
        assert count(done.maps["map_hash"], PROTOCOL) == 1
        assert done.maps["map_hash"].description.flags == flags

    return check


def one_counter(expected: int) -> Check:
    """A verdict, and the bytes at key 0 of the only map."""

    def check(done: Loaded) -> None:
        assert verdict(done.program) == expected
        (counter,) = done.maps.values()
        assert count(counter, 0) == LENGTH

    return check


def bpf_map_def(done: Loaded) -> None:
    assert done.maps["flows"].description.flags == F_NO_PREALLOC
    assert verdict(done.program) == UNSPEC
    assert count(done.maps["flows"], PROTOCOL) == 1


def legacy_static(done: Loaded) -> None:
    counts(UNSPEC, map_third=(0, 0, 0, 1), map_first=(0, LENGTH))(done)
    assert count(done.maps["map_second"], PROTOCOL) == 1


def legacy_inner(done: Loaded) -> None:
    counts(UNSPEC, inner=(LENGTH,))(done)
    assert [key for key in range(4) if done.maps["outer"].get(word(key))] == [2]
    assert done.maps["outer"][word(2)] == word(done.maps["inner"].description.id)
    assert list(done.maps["outer_empty"]) == []


def modern_maps(done: Loaded) -> None:
    counts(OK, sizes_only=(0, 0, 0, 1), pinned_by_name=(0, LENGTH))(done)
    assert done.maps["by_protocol"][word(PROTOCOL)] == struct.pack("<QQ", 1, LENGTH)
    assert len(list(done.maps["recent"])) == 1
    assert [sum(struct.unpack(f"<{len(v) // 8}Q", v)) for _, v in done.maps["per_cpu"].items()] == [1]
    done.maps["routes"][struct.pack("<I4B", 32, 192, 0, 2, 1)] = word(1)
    assert verdict(done.program) == SHOT


def modern_globals(done: Loaded) -> None:
    assert verdict(done.program) == OK
    big = 0x1122334455667788 + (53, 67, 123, 443)[LENGTH & 3]
    assert done.maps[".bss"][word(0)] == struct.pack("<QI", 3, LENGTH)
    assert done.maps[".rodata"][word(0)] == struct.pack("<I4H", 1500, 53, 67, 123, 443)
    assert numbers(done, "step", "I", section=".data") == (3,)
    assert done.maps[".data"][word(0)].endswith(struct.pack("<Q", big))
    assert numbers(done, "state", "2Q", section=".data.state") == (7, 40 + b"zebra!!\0"[LENGTH & 7])
    assert verdict(done.program, PACKET + bytes(1441)) == SHOT


def calls(expected: int) -> Check:
    """The objects modern_subprogs and modern_static_subprog."""

    def check(done: Loaded) -> None:
        assert verdict(done.program) == OK
        assert numbers(done, "calls") == (expected,)

    return check


def modern_prog_array(done: Loaded) -> None:
    assert (verdict(done.program, mark=1), verdict(done.program, mark=2)) == (SHOT, PIPE)
    assert [count(done.maps["hits"], key) for key in range(4)] == [2, 1, 0, 1]
    del done.maps["jumps"][word(1)]
    assert verdict(done.program, mark=1) == OK


def modern_inner(done: Loaded) -> None:
    assert (verdict(done.program, mark=1), verdict(done.program, mark=2)) == (OK, OK)
    assert (count(done.maps["inner_one"], 1), count(done.maps["inner_two"], 1)) == (1, 1)
    assert [done.maps["outer"].get(word(key), bytes(4)) for key in range(4)] == [
        bytes(4),
        word(done.maps["inner_one"].description.id),
        bytes(4),
        word(done.maps["inner_two"].description.id),
    ]
    del done.maps["outer"][word(1)]
    assert verdict(done.program, mark=1) == SHOT


def spinlock(done: Loaded) -> None:
    assert [verdict(done.program) for _ in range(3)] == [OK] * 3
    assert done.maps["totals"][word(PROTOCOL)] == struct.pack("<IIQ", 0, 3, 3 * LENGTH)


def timer(done: Loaded) -> None:
    assert verdict(done.program) == 0
    deadline = time.monotonic() + PATIENCE
    while not numbers(done, "fired")[0] and time.monotonic() < deadline:
        time.sleep(0.002)
    assert numbers(done, "fired") == (1 + 1000 * LENGTH,)


def callback(done: Loaded) -> None:
    for key in (1, 2):
        done.maps["numbers"][word(key)] = word(10 * key)
    assert verdict(done.program) == LENGTH + 10 + 20
    assert numbers(done, "visited") == (6,)


def tags(done: Loaded) -> None:
    assert verdict(done.program) == LENGTH + 1
    assert numbers(done, "packets") == (1,)
    assert done.maps["flows"][word(1)][:4] == word(LENGTH)


def floating(done: Loaded) -> None:
    assert verdict(done.program) == LENGTH
    assert done.maps["shares"][word(0)][12:] == word(LENGTH)
    assert struct.unpack("<d", done.maps[".data"][word(0)]) == (0.75,)


def enum64(done: Loaded) -> None:
    counts(3, values=(0x123456789ABCDEF0,))(done)


def map_extra(done: Loaded) -> None:
    assert [verdict(done.program) for _ in range(2)] == [ENOENT, 0]
    with open(f"/proc/self/fdinfo/{done.maps['lengths'].fd}") as file:
        assert "map_extra:\t0x" + {"map_extra": "2", "map_ulong": "3"}[done.spec.name[:9]] in file.read()


def ksym_typeless(done: Loaded) -> None:
    """Needs CONFIG_DEBUG_INFO_BTF."""
    assert verdict(done.program) == 1
    with open("/proc/kallsyms") as file:
        symbols = {
            words[2]: int(words[0], 16)
            for words in map(str.split, file)
            if words[2] in ("schedule", "vfs_read", "__start_BTF", "__stop_BTF")
        }
    found = numbers(done, "addresses", "5Q")
    assert (found[0], found[1], *found[3:]) == tuple(
        symbols[name] for name in ("schedule", "vfs_read", "__start_BTF", "__stop_BTF")
    )


def ring_buffer(done: Loaded) -> None:
    assert verdict(done.program) == OK
    page = mmap.PAGESIZE  # the consumer's page, the producer's, the data
    with mmap.mmap(done.maps["records"].fd, 2 * page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page) as ring:
        assert struct.unpack_from("<Q", ring) == (16,)
        length, _page, *record = struct.unpack_from("<IIII", ring, page)
        assert (length, record) == (8, [LENGTH, PROTOCOL])


def marked(answers: dict[int, int]) -> Check:
    """Verdicts by the mark of the packet."""

    def check(done: Loaded) -> None:
        assert {mark: verdict(done.program, mark=mark) for mark in answers} == answers

    return check


def big_rodata(done: Loaded) -> None:
    marked({300: (7 * 300 + 3) & 255, 65534: (7 * 65534 + 3) & 255})(done)
    copied = done.maps[".data"][word(0)]
    assert (copied[299], copied[300], copied[65534], copied[65535]) == (
        255,
        (7 * 300 + 3) & 255,
        (7 * 65534 + 3) & 255,
        0,
    )
    assert sum(numbers(done, "counts", "16384I")) == 2


def bss_custom(done: Loaded) -> None:
    assert [verdict(done.program) for _ in range(2)] == [1, 2]
    assert numbers(done, "runs", "I", section=".bss.counts") == (2,)
    assert numbers(done, "lengths", "4I", section=".bss.counts") == (0, 0, 0, LENGTH)
    assert numbers(done, "usual", "I") == (LENGTH,)


def data_custom(done: Loaded) -> None:
    assert verdict(done.program) == 1500
    assert numbers(done, "counts", "3Q", section=".data.counts") == (11, 20 + LENGTH, 30 + LENGTH * LENGTH)
    assert numbers(done, "usual", "I", section=".data") == (7,)
    assert numbers(done, "zero", "I") == (1,)


def btf_annotate(done: Loaded) -> None:
    assert verdict(done.program) == 0x10007
    assert done.maps["annotated"][struct.pack("<II", 1, LENGTH)] == struct.pack("<QQ", 1, LENGTH)
    assert done.maps["annotated_too"][word(1)] == struct.pack("<QQ", 1, LENGTH)
    assert (count(done.maps["plain"], 1), count(done.maps["wrong"], 1)) == (1, 1)


def globals_struct(done: Loaded) -> None:
    """A packet with the source port 123, one with another, and one that is shorter than the 60 bytes."""
    to_port = PACKET[:34] + struct.pack("!H", 123) + PACKET[36:]
    assert [verdict(done.program, data) for data in (to_port, PACKET, PACKET[:40])] == [2**32 - 5, 2**32 - 5, 40]
    assert numbers(done, "state", "2QIH2x4I") == (3, 2 * LENGTH + 40, 40, 0x0800, 0, 0, 1, 0)
    assert done.maps[".data"][word(0)].count(struct.pack("<i", 11 + 3 * 7)) == 1


def cpu_v4(done: Loaded) -> None:
    assert verdict(done.program) == LENGTH + 17
    sign = (LENGTH + 100) % 256 - 256
    assert numbers(done, "seen", "12q") == (
        -3,
        -6,
        -9,
        -12,
        sign,
        LENGTH + 40000 - 65536,
        -(LENGTH // 7),
        -(LENGTH % 11),
        -(LENGTH // 8),
        0x8877,
        0x88776655,
        0x8877665544332211 - 2**64,
    )


def cpu_v4_far(done: Loaded) -> None:
    """Over the many instructions, and through them."""
    (steps,) = numbers(done, "steps", "I", section=".rodata")
    assert verdict(done.program) == 7 * LENGTH + 1
    assert numbers(done, "sum", "I") == (0,)
    assert verdict(done.program, mark=1) == 7 * LENGTH + 1
    assert numbers(done, "sum", "I") == (6 * steps,)


def hash_of_maps(done: Loaded) -> None:
    """User space puts a map into the hash; the program finds it by the beginning of the packet."""
    packet = b"the-name" + PACKET[8:]
    assert verdict(done.program, packet) == 0
    done.maps["by_name"][packet[:8]] = done.maps["template"].fd.to_bytes(4, "little")
    assert [verdict(done.program, packet) for _ in range(3)] == [1, 2, 3]
    assert count(done.maps["template"], 1) == 3
    assert verdict(done.program, b"no-other" + PACKET[8:]) == 0


def one_of_many(number: int) -> Check:
    def check(done: Loaded) -> None:
        assert verdict(done.program) == number
        assert numbers(done, "runs", "30I") == tuple(int(one == number - 10) for one in range(30))

    return check


def turned(done: Loaded) -> None:
    run = done.program.test_run(PACKET)
    assert (run.verdict, run.packet) == (7, PACKET[:6] + bytes([PACKET[6] ^ 0xFF]) + PACKET[7:])
    assert sum(count(done.maps["seen"], key) for key in range(8)) == 1


def runs(*expected: int) -> Check:
    """The verdicts of one run after the other."""

    def check(done: Loaded) -> None:
        assert tuple(verdict(done.program) for _ in expected) == expected

    return check


LEGACY = (
    *(Case(name, "", layout(0)) for name in ("legacy16", "legacy20", "legacy24")),
    *(Case(name, "", layout(F_NO_PREALLOC)) for name in ("legacy28", "legacy36", "legacy44_zero")),
    Case("bpf_map_def", "", bpf_map_def),
    Case("btf_annotate", "", btf_annotate),
    Case("legacy_static", "", legacy_static),
    Case("legacy_aligned", "", counts(UNSPEC, counts=(0, LENGTH), last=(1,))),
    Case("legacy_tail", "", counts(0x10005, hits=(1, 1, 1, 0))),
    Case("legacy_tail_hex", "", counts(0x1000A, hits=(1, 1, 1, 1))),
    Case("legacy_tail_chain", "", counts(0x40004, steps=(1,))),
    Case("legacy_inner", "", legacy_inner),
    Case("legacy_hash_of_maps", "", counts(3, five=(1,), seven=(LENGTH,))),
    Case("legacy_many", "", counts(UNSPEC, map_00=(1,), map_01=(0,), map_63=(1,), map_64=(1,), map_69=(LENGTH,))),
    Case("legacy_pin_global", "", counts(UNSPEC, pinned_global=(1, LENGTH))),
    Case("legacy_pin_object", "", counts(UNSPEC, pinned_object=(1, LENGTH))),
    Case("mixed", "", counts(UNSPEC, old_map=(0, 1), new_map=(0, 0, LENGTH))),
    Case("no_license", "", one_counter(UNSPEC)),
    Case("return_classid", "", one_counter(0x10020)),
)
MODERN = (
    Case("modern_maps", "", modern_maps),
    Case("modern_globals", "", modern_globals),
    # One call of leaf counts 1, one of global_leaf 100.
    Case("modern_subprogs", "one", calls(2 + 100 + 101 + 1)),
    Case("modern_subprogs", "two", calls(1 + 2 + 101 + 1)),
    Case("modern_static_subprog", "before", calls(0)),
    Case("modern_static_subprog", "after", calls(2002)),
    Case("calls_across", "cls_main", returns(3 * LENGTH + 1000)),
    Case("calls_across", "far", returns(2 * LENGTH + 1000)),
    Case("modern_prog_array", "", modern_prog_array),
    Case("modern_inner", "", modern_inner),
    Case("inner_declared", "", counts(15, filled=(1,))),
    Case("hash_of_maps", "", hash_of_maps),
    Case("ringbuf", "", ring_buffer),
    Case("spinlock", "", spinlock),
    Case("timer", "", timer),
    Case("callback", "", callback),
    Case("callback_loop", "cls_main", returns(4950)),
    Case("callback_loop", "other", returns(6045)),
    Case("tags", "", tags),
    Case("float", "", floating),
    Case("enum64", "", enum64),
    Case("global_func", "", returns(LENGTH + 2 * 7 + 21 + 1)),
    Case("hidden_func", "", returns(LENGTH)),
    Case("weak_func", "", returns(LENGTH + 15)),
    Case("map_extra", "", map_extra),
    Case("map_ulong", "", map_extra),
    Case("perf_auto", "", returns(ENOENT)),
    Case("numa", "", counts(1, by_flag=(0, 1))),
    Case("typed_key_only", "", counts(LENGTH, typed_key=(0, LENGTH), typed_value=(0, LENGTH), both=(0, LENGTH))),
    Case("all_types", "", counts(1, array=(0, 1), percpu_array=(0, 1))),
    Case("ksym_typeless", "", ksym_typeless),
    Case("ksym_weak", "", returns(4)),
    Case("big_rodata", "", big_rodata),
    Case("bss_custom", "", bss_custom),
    Case("data_custom", "", data_custom),
    Case("globals_struct", "", globals_struct),
    Case("rodata_strings", "", marked({0: 97 + 122, 5: 101 + 101})),
    Case("static_in_function", "cls_main", runs(1105, 2110)),
    Case("static_in_function", "second", runs(8, 9)),
    Case("many_progs", "tc_3", one_of_many(13)),
    Case("many_progs", "cls_0", one_of_many(20)),
    Case("many_progs", "act_9", one_of_many(39)),
    Case("run_types", "on_tc", turned),
    Case("run_types", "on_act", turned),
    Case("several_in_section", "pass", returns(OK)),
    Case("several_in_section", "shoot", returns(SHOT)),
    Case("several_in_section", "pipe", returns(PIPE)),
    Case("one_program", "", returns(UNSPEC)),
    Case("two_programs", "cls_first", returns(0x10001)),
    Case("two_programs", "cls_second", returns(0x10002)),
    Case("drop", "", returns(SHOT)),
    Case("cls_and_act", "match", returns(UNSPEC)),
    Case("cpu_v4", "cls_main", cpu_v4),
    Case("cpu_v4", "second", returns(LENGTH + 17)),
    Case("cpu_v4_far", "cls_main", cpu_v4_far),
    Case("cpu_v4_far", "other", returns(9 * LENGTH + 1)),
    *(
        Case("guarded", name, returns(answer))
        for name, answer in {
            "by_helper": 1,
            "by_version": 1,
            "by_type": 0,
            "by_field": 0,
            "by_setting": 0,
            "by_symbol": 0,
            "by_either": 1,
            "in_functions": 1,
            "besides": 1,
            "twice": 1,
            "otherwise": 1,
            "once_without": 2,
        }.items()
    ),
)


def needing(*cases: Case) -> list[Any]:
    """Return parameters of a test, each marked with what it needs from the kernel."""
    return [
        pytest.param(case, marks=pytest.mark.needs(*needs_of(case.object, case.program)), id=named(case))
        for case in cases
    ]


def named(case: Case) -> str:
    """For the names of tests."""
    return f"{case.object}-{case.program}" if case.program else case.object
