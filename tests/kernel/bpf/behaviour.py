"""What test objects do with a packet, as their header comments say: to be asked after any kind of load."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from pytc.bpf import Loaded
from pytc.bpf.constants import F_NO_PREALLOC
from tests.kernel.bpf.support import LENGTH, OK, PACKET, PIPE, PROTOCOL, SHOT, UNSPEC, count, verdict, word

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
        found = {name: tuple(count(done.maps[name], key) for key in range(len(row)))
                 for name, row in counters.items()}
        assert found == counters
    return check


def layout(flags: int) -> Check:
    """The objects legacy16 to legacy44."""
    def check(done: Loaded) -> None:
        counts(UNSPEC, map_array=(0, 1), map_percpu=(0, 0, LENGTH))(done)
        assert count(done.maps["map_hash"], PROTOCOL) == 1
        assert done.maps["map_hash"].description.flags == flags
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


def modern_maps(done: Loaded) -> None:
    counts(OK, sizes_only=(0, 0, 0, 1), pinned_by_name=(0, LENGTH))(done)
    assert done.maps["by_protocol"][word(PROTOCOL)] == struct.pack("<QQ", 1, LENGTH)
    done.maps["routes"][struct.pack("<I4B", 32, 192, 0, 2, 1)] = word(1)
    assert verdict(done.program) == SHOT


def modern_globals(done: Loaded) -> None:
    assert verdict(done.program) == OK
    big = 0x1122334455667788 + (53, 67, 123, 443)[LENGTH & 3]
    assert numbers(done, "packets") == (3,)
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


def modern_inner(done: Loaded) -> None:
    assert (verdict(done.program, mark=1), verdict(done.program, mark=2)) == (OK, OK)
    assert (count(done.maps["inner_one"], 1), count(done.maps["inner_two"], 1)) == (1, 1)


def spinlock(done: Loaded) -> None:
    assert [verdict(done.program) for _ in range(3)] == [OK] * 3
    assert done.maps["totals"][word(PROTOCOL)] == struct.pack("<IIQ", 0, 3, 3 * LENGTH)


def timer(done: Loaded) -> None:
    assert verdict(done.program) == 0
    deadline = time.monotonic() + 20
    while not numbers(done, "fired")[0] and time.monotonic() < deadline:
        time.sleep(0.002)
    assert numbers(done, "fired") == (1 + 1000 * LENGTH,)


def callback(done: Loaded) -> None:
    done.maps["numbers"][word(1)] = word(10)
    assert verdict(done.program) == LENGTH + 10
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


def ksym_typeless(done: Loaded) -> None:
    """Needs CONFIG_DEBUG_INFO_BTF."""
    assert verdict(done.program) == 1
    with open("/proc/kallsyms") as file:
        symbols = {words[2]: int(words[0], 16) for words in map(str.split, file)
                   if words[2] in ("schedule", "vfs_read", "__start_BTF", "__stop_BTF")}
    found = numbers(done, "addresses", "5Q")
    assert (found[0], found[1], *found[3:]) == tuple(symbols[name] for name in
                                                     ("schedule", "vfs_read", "__start_BTF", "__stop_BTF"))


LEGACY = (
    *(Case(name, "", layout(0)) for name in ("legacy16", "legacy20", "legacy24")),
    *(Case(name, "", layout(F_NO_PREALLOC)) for name in ("legacy28", "legacy36", "legacy44_zero")),
    Case("bpf_map_def", "", bpf_map_def),
    Case("legacy_static", "", legacy_static),
    Case("legacy_aligned", "", counts(UNSPEC, counts=(0, LENGTH), last=(1,))),
    Case("legacy_tail", "", counts(0x10005, hits=(1, 1, 1, 0))),
    Case("legacy_tail_hex", "", counts(0x1000A, hits=(1, 1, 1, 1))),
    Case("legacy_tail_chain", "", counts(0x40004, steps=(1,))),
    Case("legacy_inner", "", legacy_inner),
    Case("legacy_hash_of_maps", "", counts(3, five=(1,), seven=(LENGTH,))),
    Case("legacy_many", "", counts(UNSPEC, map_00=(1,), map_63=(1,), map_64=(1,), map_69=(LENGTH,))),
    Case("legacy_pin_global", "", counts(UNSPEC, pinned_global=(1, LENGTH))),
    Case("legacy_pin_object", "", counts(UNSPEC, pinned_object=(1, LENGTH))),
    Case("mixed", "", counts(UNSPEC, old_map=(0, 1), new_map=(0, 0, LENGTH))),
)
MODERN = (
    Case("modern_maps", "", modern_maps),
    Case("modern_globals", "", modern_globals),
    # One call of leaf counts 1, one of global_leaf 100.
    Case("modern_subprogs", "one", calls(2 + 100 + 101 + 1)),
    Case("modern_subprogs", "two", calls(1 + 2 + 101 + 1)),
    Case("modern_static_subprog", "after", calls(2002)),
    Case("modern_prog_array", "", modern_prog_array),
    Case("modern_inner", "", modern_inner),
    Case("ringbuf", "", returns(OK)),
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
    Case("perf_auto", "", returns(ENOENT)),
    Case("numa", "", counts(1, by_flag=(0, 1))),
    Case("all_types", "", counts(1, array=(0, 1), percpu_array=(0, 1))),
    Case("ksym_typeless", "", ksym_typeless),
    Case("ksym_weak", "", returns(4)),
)



def named(case: Case) -> str:
    """For the names of tests."""
    return f"{case.object}-{case.program}" if case.program else case.object
