"""Messages that no example of the kernel at hand has, in the words of several kernels, and the log of Linux 7.3."""

from __future__ import annotations

import pytest

from pytc.bpf.verifier.categories import CATEGORIES
from pytc.bpf.verifier.messages import find_row, rows
from pytc.bpf.verifier.report import explain

#: At least one for each category that tests/kernel/bpf/verifier has no program for, and for old words.
MESSAGES = [
    ("R0 invalid mem access 'map_value_or_null'", "null-pointer"),
    ("R1 invalid mem access 'inv'", "not-a-pointer"),
    ("R2 type=map_value_or_null expected=fp, pkt, pkt_meta, map_value", "argument-type"),
    ("Possibly NULL pointer passed to trusted arg0", "null-pointer"),
    ("invalid indirect read from stack R2 off -8+4 size 8", "uninitialised-stack"),
    ("invalid indirect read from stack off -16+6 size 8", "uninitialised-stack"),
    ("invalid read from stack R10 off -16+0 size 8", "uninitialised-stack"),
    ("invalid stack type R2 off=-520 size=8", "stack-bounds"),
    ("potential write to dynptr at off=-16 disallowed", "dynptr"),
    ("back-edge from insn 12 to 4", "infinite-loop"),
    ("The sequence of 8193 jumps is too complex.", "too-complex"),
    ("BPF program is too large. Processed 1000001 insn", "too-complex"),
    ("recursive call from f() to f()", "call-depth"),
    ("R1 leaks addr as return value", "pointer-leak"),
    ("R2 pointer comparison prohibited", "pointer-leak"),
    ("misaligned packet access off 0+0+14+2 size 4", "misaligned"),
    ("At program exit the register R0 has value (0x7; 0x0) should have been in (0x0; 0x3)", "return-value"),
    ("Arg#0 type PTR in f() is not supported yet.", "global-function"),
    ("Global function f() doesn't return scalar. Only those are supported.", "global-function"),
    ("tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls", "tail-call"),
    ("mixing of tail_calls and bpf-to-bpf calls is not supported", "tail-call"),
    ("callbacks are not allowed in non-JITed programs", "jit"),
    ("JIT does not support calling kernel function", "jit"),
    ("function calls to other bpf functions are allowed for CAP_BPF and CAP_SYS_ADMIN", "privilege"),
    ("R0 pointer arithmetic of map value goes out of range, prohibited for !root", "privilege"),
    ("R2 tried to add beyond pointer bounds, speculation", "speculation"),
    ("number of funcs in func_info doesn't match number of subprogs", "debug-information"),
    ("Invalid insn code at line_info[3].insn_off", "debug-information"),
    ("[4] STRUCT end<int> size=8 vlen=1", "type-information"),
    ("kernel function f args#0 expected pointer to STRUCT a but R1 has a pointer to STRUCT b", "argument-type"),
    ("func 'f' doesn't have 6-th argument", "function-type"),
    ("attach_btf_id 7 is not a function", "attach-target"),
    ("allocated object must be referenced", "owned-object"),
    ("R1 has no valid kptr", "map-field"),
    ("bpf_throw kfunc (insn 4) cannot be called from callback subprog 1", "exception"),
    ("Only one arena per program", "arena"),
    ("The total number of maps per program has reached the limit of 64", "limit"),
    ("offload device mismatch between prog and map", "device"),
    ("verifier bug: misconfigured ref_obj_id", "verifier-bug"),
    ("kernel subsystem misconfigured verifier", "verifier-bug"),
    ("cannot call GPL only function from proprietary program", "license"),
    ("unknown func bpf_probe_read#4", "helper-unavailable"),
    ("invalid func unknown#195896080", "missing-symbol"),
]


@pytest.mark.parametrize(("message", "category"), MESSAGES)
def test_a_message_has_its_category(message: str, category: str) -> None:
    found = find_row(message)
    assert found is not None
    assert found[0].category == category
    report = explain(f"7: (95) exit\n{message}\nprocessed 8 insns (limit 1000000)\n")
    assert report.category == category
    assert report.message == message
    assert report.title and report.reason and report.suggestion
    assert "{" not in report.title + report.reason + report.suggestion


def test_a_message_that_is_not_known_is_shown_as_it_is() -> None:
    report = explain("7: (95) exit\nthe moon is in the wrong phase\nprocessed 8 insns (limit 1000000)\n")
    assert (report.category, report.title, report.message) == ("other", *["the moon is in the wrong phase"] * 2)


def test_rows_are_of_categories() -> None:
    assert {row.category for row in rows()} <= CATEGORIES.keys()


LINUX_7_3 = """\
0: R1=ctx() R10=fp0
; unsigned char *data = (void *)(long)skb->data; @ a.c:6
0: (61) r1 = *(u32 *)(r1 +76)         ; R1=pkt(r=0)
; if (data[23] == 17) @ a.c:8
1: (71) r1 = *(u8 *)(r1 +23)
invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)
R1 offset is outside of the packet
Verification failed: MEMORY: access outside of the packet

Reason:
  R1 points into the packet, of which 0 bytes
  have been checked.

At:
  1: (71) r1 = *(u8 *)(r1 +23)
  a.c:8  if (data[23] == 17)
             ^

Causal path:
  a.c:6  R1 is loaded from the context
  a.c:8  R1 is read at offset 23

Suggestion:
  compare the pointer with data_end first

verification time 61 usec
stack depth 0 max 0
insns processed 2
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""


def test_the_explanation_of_linux_7_3_is_used() -> None:
    report = explain(LINUX_7_3)
    assert report.category == "memory"
    assert report.title == "access outside of the packet"
    assert report.reason == "R1 points into the packet, of which 0 bytes have been checked."
    assert report.path == ("a.c:6  R1 is loaded from the context", "a.c:8  R1 is read at offset 23")
    assert report.suggestion == "compare the pointer with data_end first"
    assert report.at.startswith("a.c:8 (instruction 1, ")
    assert report.message.endswith("R1 offset is outside of the packet")


@pytest.mark.parametrize("missing", ["Reason:", "Causal path:", "Suggestion:"])
def test_what_linux_7_3_does_not_say_is_filled_in(missing: str) -> None:
    before, _, rest = LINUX_7_3.partition(f"{missing}\n")
    report = explain(before + rest.partition("\n\n")[2])
    assert report.category == "memory"
    assert report.reason and report.path and report.suggestion
    own = {"Reason:": report.reason, "Causal path:": "".join(report.path), "Suggestion:": report.suggestion}[missing]
    assert "data_end" in own or "the start of the packet" in own


def test_a_report_alone_is_enough() -> None:
    report = explain("Verification failed: LOOP: no bound\nReason:\n  it never ends\nAt:\n  a.c:9  while (1)\n")
    assert (report.category, report.title, report.reason) == ("loop", "no bound", "it never ends")
    assert report.at == "a.c:9  while (1)"
