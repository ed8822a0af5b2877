"""The way back through a log: branches taken up later, calls, and where a value came from."""

from __future__ import annotations

from pytc.bpf.verifier.log import Log
from pytc.bpf.verifier.trail import ADDRESS, ARGUMENT, CALL, CHANGE, COPY, ENTRY, LOAD, STORE, TEST, history, path_back

#: Of Linux 6.18, at log level 1: nothing says where the third path begins.
LATER = """\
0: (b7) r2 = 1
1: (15) if r1 == 0x0 goto pc+3
2: (b7) r2 = 2
3: (15) if r3 == 0x0 goto pc+1
4: (95) exit
5: (95) exit
5: (95) exit
R0 !read_ok
"""
MARKED = """\
0: (b7) r2 = 1
1: (15) if r1 == 0x0 goto pc+3
2: (b7) r2 = 2
3: (15) if r3 == 0x0 goto pc+1
4: (95) exit

from 3 to 5: R1=1 R10=fp0
5: (95) exit

from 1 to 5: R1=0 R10=fp0
5: (95) exit
R0 !read_ok
"""
CALLED = """\
0: (b7) r6 = 1
1: (bf) r1 = r6
2: (85) call pc+2
caller:
 frame1: R1_w=1 R10=fp0
3: (71) r0 = *(u8 *)(r0 +0)
5: (bf) r0 = r1
6: (95) exit
returning from callee:
 frame1: R0_w=1 R10=fp0
to caller at 3:
 R0_w=1 R10=fp0
3: (71) r0 = *(u8 *)(r0 +0)
R0 invalid mem access 'scalar'
""".replace("3: (71) r0 = *(u8 *)(r0 +0)\n5:", "5:")
SPILLED = """\
0: (bf) r6 = r1
1: (61) r1 = *(u32 *)(r6 +76)
2: (7b) *(u64 *)(r10 -8) = r1
3: (85) call bpf_ktime_get_ns#5
4: (79) r7 = *(u64 *)(r10 -8)
5: (07) r7 += 14
6: (15) if r7 == 0x0 goto pc+2
7: (71) r0 = *(u8 *)(r7 +0)
R7 offset is outside of the packet
"""


def slots(log: str) -> list[int]:
    return [step.instruction.slot for step in path_back(Log(log))]


def test_a_path_that_was_left_is_taken_up_where_it_was_left() -> None:
    assert slots(MARKED) == [5, 1, 0]
    assert slots(LATER) == [5, 1, 0]


def test_a_path_goes_through_the_functions_that_it_calls() -> None:
    steps = path_back(Log(CALLED))
    assert [(step.instruction.slot, step.depth) for step in steps] == [(3, 0), (6, 1), (5, 1), (2, 0), (1, 0), (0, 0)]


def test_what_a_function_returns_came_from_its_argument() -> None:
    events = history(path_back(Log(CALLED)), "R0")
    assert [(event.act, event.place) for event in events[:3]] == [(COPY, "R0"), (ARGUMENT, "R1"), (COPY, "R1")]


def test_a_value_is_followed_through_the_stack() -> None:
    events = history(path_back(Log(SPILLED)), "R7")
    assert [(event.act, event.place) for event in events] == [
        (TEST, "R7"),
        (CHANGE, "R7"),
        (LOAD, "R7"),
        (STORE, "fp-8"),
        (LOAD, "R1"),
    ]


def test_calls_and_addresses_end_a_history() -> None:
    log = "0: (18) r1 = 0x5\n2: (85) call bpf_map_lookup_elem#1\n3: (bf) r7 = r0\n4: (71) r0 = *(u8 *)(r7 +0)\nbad\n"
    steps = path_back(Log(log))
    assert [event.act for event in history(steps, "R7")] == [COPY, CALL]
    assert [event.act for event in history(steps, "R1", 3)] == [ADDRESS]
    assert [event.act for event in history(steps, "R9")] == [ENTRY]
