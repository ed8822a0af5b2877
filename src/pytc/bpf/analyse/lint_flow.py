"""Check programs for what every path through them does wrong: NULL checks, packet bounds, stack, loops, helpers."""

from __future__ import annotations

from pytc.bpf.analyse.findings import ERROR
from pytc.bpf.analyse.flow import LOCK, Flow
from pytc.bpf.analyse.inspect import helper_name, source_line
from pytc.bpf.analyse.loops import endless_loops
from pytc.bpf.kernel.versions import precedes
from pytc.bpf.link.stack import deepest_chain, function_stacks
from pytc.bpf.sys.constants import MapType, ProgramType, map_type_name, program_type_name
from pytc.bpf.verifier.names import assigned_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.analyse.findings import Case, Finding
    from pytc.bpf.analyse.flow import Use
    from pytc.bpf.analyse.inspect import ProgramFacts

_STACK = 512
#: Types whose programs may have a stack of their own for each function (v6.13, "bpf: Find eligible subprogs for private
#: stack support").
_PRIVATE_STACKS = (
    *(ProgramType.KPROBE, ProgramType.TRACEPOINT, ProgramType.PERF_EVENT, ProgramType.RAW_TRACEPOINT),
    *(ProgramType.TRACING, ProgramType.STRUCT_OPS),
)
#: Helpers that programs of a type may call in any kernel from 5.10 to 7.2, a bit for each number: the *_func_proto
#: functions of net/core/filter.c and kernel/bpf/cgroup.c.
_ALLOWED = {
    ProgramType.SCHED_CLS: 0xFFFFD80779E397FB03FFC3D6F7E1FE3F980340085CFEFF7FFFFEE,
    ProgramType.SCHED_ACT: 0xFFFFD80779E397FB03FFC3D6F7E1FE3F980340085CFEFF7FFFFEE,
    ProgramType.XDP: 0xFFFFCF0779E3976303F7C296F661863F1002200C8142812C3D1EE,
    ProgramType.CGROUP_SKB: 0xF0FFC8C779E3176303F7F2D6F3E0FE3FB80100080C4280643D1EE,
    ProgramType.CGROUP_SOCK: 0xF0FEC8C739E317630207C2D6F2E0063830000028244280243D1EE,
    ProgramType.SOCK_OPS: 0xF0FFC80779E317631FF7C2D6F3E01638300400AA244280243D1EE,
    ProgramType.SOCKET_FILTER: 0xF0FFC80779E3176303F7C2D6F2600638100100080C4280643D1EE,
}
_LAST_HELPER = 211
#: Bytes of struct __sk_buff that programs may write: mark, queue_mapping, priority, tc_index, cb, tc_classid, tstamp.
_WRITABLE = {
    ProgramType.SCHED_CLS: ((8, 16), (32, 36), (44, 68), (72, 76), (152, 160)),
    ProgramType.SCHED_ACT: ((8, 16), (32, 36), (44, 68), (72, 76), (152, 160)),
    ProgramType.XDP: ((16, 20),),  # rx_queue_index, of offloaded programs
    ProgramType.CGROUP_SKB: ((8, 12), (32, 36), (48, 68), (152, 160)),
}
#: Types of maps that a helper takes, and the argument that is the map.
_MAPS = {
    12: (2, (MapType.PROG_ARRAY,)),
    25: (2, (MapType.PERF_EVENT_ARRAY,)),
    27: (1, (MapType.STACK_TRACE,)),
    51: (1, (MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP)),
    **dict.fromkeys((130, 131, 134), (1, (MapType.RINGBUF,))),
}


def check_flow(case: Case) -> Iterator[Finding]:
    """Find what every path to an instruction does wrong, the first of each kind in a program."""
    for program in case.inspection.programs:
        if program.linked is None:
            continue
        type = program.spec.type or case.type
        seen = set()
        for use in Flow(case.spec, program.linked, type).uses():
            text = _text(case, program, type, use)
            if text and use.check not in seen:
                seen.add(use.check)
                yield case.in_program(ERROR, use.check, text, program, use.slot)


def _text(case: Case, program: ProgramFacts, type: ProgramType, use: Use) -> str:
    origin = source_line(case.spec, program.linked, use.value.origin)
    line = f"line {origin.line}" if origin is not None else f"instruction {use.value.origin}"
    name = assigned_name(origin.text) if origin is not None else ""
    if use.check == "null-check":
        called = _called(program, use.value.origin)
        return (
            f"{name or 'the result'} of {called} in {line} may be NULL: if (!{name or 'result'}) return ...; is missing"
        )
    if use.check == "packet-check":
        return "no path to this access of the packet compares with data_end"
    if use.check == "unbounded-index":
        return f"an index read in {line} may be any number: compare it with the number of elements, or mask it"
    if use.check == "packet-stale":
        called = _called(program, use.value.origin)
        return f"{called} in {line} makes pointers into the packet invalid: read data and data_end again after it"
    if use.check == "unreleased":
        is_lock = _helper(program, use.value.origin) == LOCK
        what = "bpf_spin_unlock() is missing" if is_lock else "it must be submitted or discarded"
        return f"a path ends with what {_called(program, use.value.origin)} took in {line}: {what}"
    return _context_write(type, use.value.offset)


def _context_write(type: ProgramType, offset: int) -> str:
    ranges = _WRITABLE.get(type)
    if ranges is None or any(first <= offset < end for first, end in ranges):
        return ""
    return f"programs of type {program_type_name(type)} may not write this field of the context"


def _helper(program: ProgramFacts, slot: int) -> int:
    return next((call.number for call in program.calls if call.slot == slot), 0)


def _called(program: ProgramFacts, slot: int) -> str:
    return f"bpf_{helper_name(_helper(program, slot))}()"


def check_helper_types(case: Case) -> Iterator[Finding]:
    """Find helpers that no kernel lets programs of a type call."""
    for program in case.inspection.programs:
        type = program.spec.type or case.type
        allowed = _ALLOWED.get(type)
        for number in dict.fromkeys(call.number for call in program.calls):
            if allowed is not None and 0 < number <= _LAST_HELPER and not allowed >> number & 1:
                slot = next(call.slot for call in program.calls if call.number == number)
                text = f"programs of type {program_type_name(type)} cannot call bpf_{helper_name(number)}"
                yield case.in_program(ERROR, "helper-type", text, program, slot)


def check_map_uses(case: Case) -> Iterator[Finding]:
    """Find maps given to helpers that are for others."""
    for program in case.inspection.programs:
        if program.linked is None:
            continue
        calls = [call for call in program.calls if call.number in _MAPS]
        flow = Flow(case.spec, program.linked, program.spec.type or case.type)
        if calls:
            list(flow.uses())
        for call in calls:
            argument, types = _MAPS[call.number]
            name = flow.map_argument(call.slot, argument)
            declared = case.spec.maps.get(name)
            if declared is not None and not declared.problem and declared.type not in types:
                kinds = " or ".join(map_type_name(type) for type in types)
                text = f'bpf_{helper_name(call.number)} takes a map of type {kinds}, and "{name}" is a {{}}'
                yield case.in_program(ERROR, "map-use", text.format(map_type_name(declared.type)), program, call.slot)


def check_stack(case: Case) -> Iterator[Finding]:
    """Find chains of calls with more stack than there is."""
    for program in case.inspection.programs:
        type = program.spec.type or case.type
        if program.linked is None or (
            type in _PRIVATE_STACKS and not (case.version and precedes(case.version, "6.13"))
        ):
            continue
        chain = deepest_chain(function_stacks(program.linked))
        total = sum(one.size for one in chain)
        if total > _STACK:
            shares = ", ".join(f"{one.name}() {one.size}" for one in chain)
            text = f"{total} bytes of stack in a chain of calls, of {_STACK}: {shares}"
            yield case.in_program(ERROR, "stack-size", text, program, max(chain, key=lambda one: one.size).start)


def check_loops(case: Case) -> Iterator[Finding]:
    """Find loops without a bound that the verifier could see."""
    for program in case.inspection.programs:
        if program.linked is None:
            continue
        for slot in endless_loops(program.linked)[:1]:
            text = "this loop ends by no comparison with a constant of something that it changes"
            yield case.in_program(ERROR, "loop-bound", text, program, slot)


CHECKS = (check_flow, check_helper_types, check_map_uses, check_stack, check_loops)
