"""Section names that say a program's type."""

from __future__ import annotations

import pytest

from pytc.bpf.object.sections import is_sleepable, section_type
from pytc.bpf.sys.constants import ProgramType as P
from pytc.bpf.sys.constants import attach_type_number


@pytest.mark.parametrize(
    ("name", "type", "attach_type"),
    [
        ("classifier", P.SCHED_CLS, 0),
        ("cls", P.SCHED_CLS, 0),
        ("tc", P.SCHED_CLS, 0),
        ("action", P.SCHED_ACT, 0),
        ("tcx/ingress", P.SCHED_CLS, 46),
        ("tcx/egress", P.SCHED_CLS, 47),
        ("xdp", P.XDP, 37),
        ("xdp/devmap", P.XDP, 33),
        ("xdp_pass", P.XDP, 37),
        ("xdp1", P.XDP, 37),
        ("xdp_devmap/one", P.XDP, 33),
        ("socket", P.SOCKET_FILTER, 0),
        ("cgroup_skb/egress", P.CGROUP_SKB, 1),
        ("sk_lookup", P.SK_LOOKUP, 36),
        ("struct_ops", P.STRUCT_OPS, 0),
        ("freplace", P.EXT, 0),
        ("iter/bpf_map", P.TRACING, attach_type_number("trace_iter")),
        ("fmod_ret/security_file_open", P.TRACING, attach_type_number("modify_return")),
        ("lsm_cgroup/socket_bind", P.LSM, attach_type_number("lsm_cgroup")),
        ("netfilter", P.NETFILTER, attach_type_number("netfilter")),
        ("lirc_mode2", P.LIRC_MODE2, attach_type_number("lirc_mode2")),
        ("ksyscall/openat", P.KPROBE, 0),
        ("kretsyscall/openat", P.KPROBE, 0),
        ("usdt/libc:setjmp", P.KPROBE, 0),
    ],
)
def test_known_names(name: str, type: P, attach_type: int) -> None:
    assert section_type(name) == (type, attach_type)


@pytest.mark.parametrize(
    ("name", "sleeps"),
    [
        ("uprobe.s//bin/sh:main", True),
        ("?uretprobe.s/libc:getenv", True),
        ("uprobe.multi.s/libc:get*", True),
        ("usdt.s/libc:setjmp", True),
        ("uprobe/libc.s:getenv", False),
        ("uprobe", False),
        ("kprobe.s/do_exit", False),
        ("tc.s", False),
        ("s", False),
    ],
)
def test_sleepable_programs(name: str, sleeps: bool) -> None:
    assert is_sleepable(name) is sleeps


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("kprobe/dev_queue_xmit", P.KPROBE),
        ("tracepoint/sched/sched_switch", P.TRACEPOINT),
        ("tc/anything", P.SCHED_CLS),
        ("xdp.frags", P.XDP),
        ("fentry.s/do_unlinkat", P.TRACING),
        ("lsm/file_open", P.LSM),
        ("classifier/main", P.SCHED_CLS),
        ("xdp.frags/devmap", P.XDP),
        ("raw_tp/sys_enter", P.RAW_TRACEPOINT),
    ],
)
def test_what_follows_a_slash_or_dot_is_an_argument(name: str, type: P) -> None:
    assert section_type(name).type is type


def test_a_question_mark_in_front_means_nothing() -> None:
    assert section_type("?tc") == section_type("tc")
    assert section_type("?kprobe/x") == section_type("kprobe/x")


@pytest.mark.parametrize(
    "name", ["", "?", "??tc", "mycls", "tcp", "xdpfoo", "CLASSIFIER", ".text", "/", ".", "/tc", "0x2a/3"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert section_type(name) == (P.UNSPEC, 0)
