"""The tables of versions: complete, in order, and right for what everybody knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytc.bpf.kernel import versions as v
from pytc.bpf.sys.constants import MapType, ProgramType
from pytc.bpf.sys.helpers import Helper, helper, helpers

UAPI = Path("/usr/include/linux/bpf.h")


def test_every_helper_has_a_version() -> None:
    assert [helper.number for helper in helpers()] == list(range(1, 212))
    assert all(re.fullmatch(r"[3-6]\.\d+", helper.since) for helper in helpers())


@pytest.mark.skipif(not UAPI.exists(), reason="no uapi headers")
def test_helpers_have_the_numbers_of_the_kernel() -> None:
    text = UAPI.read_text()
    names = re.findall(
        r"\bFN\((\w+)",
        text[text.index("define ___BPF_FUNC_MAPPER" if "___BPF_FUNC_MAPPER" in text else "define __BPF_FUNC_MAPPER") :],
    )
    names = [name for name in names if name not in ("unspec", "x", "FN")]
    known = [helper.name for helper in helpers()]
    assert known[: len(names)] == names[: len(known)]


@pytest.mark.parametrize(
    ("number", "name", "since", "gpl_only"),
    [
        (1, "map_lookup_elem", "3.19", False),
        (5, "ktime_get_ns", "4.1", False),
        (6, "trace_printk", "4.1", True),
        (12, "tail_call", "4.2", False),
        (25, "perf_event_output", "4.4", True),
        (69, "fib_lookup", "4.18", True),
        (93, "spin_lock", "5.1", False),
        (113, "probe_read_kernel", "5.5", True),
        (131, "ringbuf_reserve", "5.8", False),
        (152, "redirect_neigh", "5.10", False),
        (163, "check_mtu", "5.12", True),
        (169, "timer_init", "5.15", True),
        (181, "loop", "5.17", False),
        (209, "user_ringbuf_drain", "6.1", False),
        (211, "cgrp_storage_delete", "6.2", False),
    ],
)
def test_helpers(number: int, name: str, since: str, gpl_only: bool) -> None:
    assert helper(number) == Helper(number, name, since, gpl_only, "5.8" if name == "ktime_get_ns" else "")


@pytest.mark.parametrize("number", [-1, 0, 212, 1 << 31])
def test_helpers_that_nobody_knows(number: int) -> None:
    assert helper(number) is None


def test_ktime_was_for_the_gpl_only_once() -> None:
    ktime = helper(5)
    assert ktime is not None
    assert not v.needs_gpl(ktime)
    assert v.needs_gpl(ktime, "5.4")
    assert not v.needs_gpl(ktime, "5.8")


@pytest.mark.parametrize(
    ("type", "since"),
    [
        (MapType.HASH, "3.19"),
        (MapType.PROG_ARRAY, "4.2"),
        (MapType.LPM_TRIE, "4.11"),
        (MapType.SOCKHASH, "4.18"),
        (MapType.QUEUE, "4.20"),
        (MapType.SK_STORAGE, "5.2"),
        (MapType.RINGBUF, "5.8"),
        (MapType.BLOOM_FILTER, "5.16"),
        (MapType.ARENA, "6.9"),
        (MapType.UNSPEC, ""),
        (99, ""),
    ],
)
def test_map_types(type: int, since: str) -> None:
    assert v.map_type_since(type) == since


@pytest.mark.parametrize(
    ("type", "since"),
    [
        (ProgramType.SOCKET_FILTER, "3.19"),
        (ProgramType.SCHED_ACT, "4.1"),
        (ProgramType.XDP, "4.8"),
        (ProgramType.LWT_XMIT, "4.10"),
        (ProgramType.SK_MSG, "4.17"),
        (ProgramType.FLOW_DISSECTOR, "4.20"),
        (ProgramType.TRACING, "5.5"),
        (ProgramType.SK_LOOKUP, "5.9"),
        (ProgramType.SYSCALL, "5.14"),
        (ProgramType.NETFILTER, "6.4"),
        (ProgramType.UNSPEC, ""),
        (99, ""),
    ],
)
def test_program_types(type: int, since: str) -> None:
    assert v.program_type_since(type) == since


def test_every_type_has_a_version() -> None:
    assert all(v.map_type_since(known) for known in MapType if known)
    assert all(v.program_type_since(known) for known in ProgramType if known)


def test_versions_are_no_decimal_numbers() -> None:
    assert v.precedes("4.9", "4.10")
    assert not v.precedes("5.10", "5.10")
    assert v.newest(["4.20", "", "4.3", "5.1"]) == "5.1"
    assert v.newest([]) == ""


def test_flags_have_names_as_far_as_they_are_known() -> None:
    assert [flag.text for flag in v.map_flags(1 << 0 | 1 << 10 | 1 << 30)] == ["NO_PREALLOC", "MMAPABLE", "0x40000000"]
    assert v.map_flags(0) == []
