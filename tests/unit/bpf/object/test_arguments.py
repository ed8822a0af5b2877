"""Arguments of functions that tell the type of a program."""

from __future__ import annotations

import struct

import pytest

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.object.arguments import argument_types, is_of_another_type
from pytc.bpf.sys.constants import ProgramType as P
from tests.btf_writer import BtfWriter


@pytest.mark.parametrize(
    ("structure", "type"),
    [
        ("xdp_md", P.XDP),
        ("pt_regs", P.KPROBE),
        ("bpf_nf_ctx", P.NETFILTER),
        ("trace_event_raw_sys_enter", P.TRACEPOINT),
        ("syscall_trace_enter", P.TRACEPOINT),
        ("bpf_iter__bpf_map", P.TRACING),
        ("__sk_buff", None),
        ("mine", None),
    ],
)
def test_a_structure_stands_for_a_type(structure: str, type: P | None) -> None:
    writer = BtfWriter()
    number = writer.integer()
    pointer = writer.pointer(writer.structure(structure, 4, [("member", number, 0)]))
    prototype = writer.add(b.FUNC_PROTO, size=number, extra=struct.pack("<II", writer.string("ctx"), pointer), count=1)
    writer.add(b.FUNC, "main", prototype, count=1)
    assert argument_types(Btf(writer.data()), ["main"]) == ({} if type is None else {"main": type})


@pytest.mark.parametrize(
    ("structure", "type", "expected"),
    [
        ("xdp_md", P.SCHED_CLS, True),
        ("xdp_md", P.CGROUP_SKB, True),
        ("xdp_md", P.XDP, False),
        ("xdp_md", P.KPROBE, False),
        ("__sk_buff", P.XDP, True),
        ("__sk_buff", P.SCHED_ACT, False),
        ("mine", P.XDP, False),
        ("", P.SCHED_CLS, False),
    ],
)
def test_a_structure_belongs_to_a_type(structure: str, type: P, expected: bool) -> None:
    assert is_of_another_type(structure, type) == expected
