"""Find the kernel features that linked instructions need, without a kernel."""

from __future__ import annotations

from pytc.bpf.insn import instructions as ins
from pytc.bpf.kernel import versions as v
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.insn.instructions import Instruction
    from pytc.bpf.kernel.versions import Feature
    from pytc.bpf.link.linker import LinkedProgram

_TAIL_CALL = 12
#: callx, which clang writes and the verifier does not know.
_CALL_REGISTER = 0x8D
#: Why a program has it.
REGISTER_CALL = (
    "it is a call by a register, which BPF does not have: clang compiles calls to it without -O2, and calls through "
    "pointers to functions"
)
_SHORT_PROGRAM = 4096

# Operations of instruction-set.rst that newer kernels added, or added to.
_JA, _JCOND, _LESS = 0x00, 0xE0, frozenset({0xA0, 0xB0, 0xC0, 0xD0})
_DIV, _MOD, _MOV, _END = 0x30, 0x90, 0xB0, 0xD0
_ORDERED = frozenset({0x100, 0x110})
_JUMPS = (ins.JMP, ins.JMP32)


class Need(NamedTuple):
    """A feature, and the slot of the first instruction that needs it; -1 where the program as a whole does."""

    feature: Feature
    slot: int = -1


class HelperCall(NamedTuple):
    """A call in slot ``slot`` of the helper with that number."""

    slot: int
    number: int


def helper_calls(linked: LinkedProgram) -> list[HelperCall]:
    """Return the calls of helpers by number, in the order of the instructions."""
    externs = {use.slot for use in linked.externs}
    return [
        HelperCall(slot, instruction.immediate)
        for slot, instruction in ins.decode_all(linked.code)
        if instruction.opcode == ins.OP_CALL and instruction.source == 0 and slot not in externs
    ]


def register_call(linked: LinkedProgram) -> int:
    """Return the slot of the first call by a register, -1 for none; no kernel takes one."""
    return next((slot for slot, instruction in ins.decode_all(linked.code) if instruction.opcode == _CALL_REGISTER), -1)


def instruction_needs(linked: LinkedProgram) -> list[Need]:
    """Return the features of a program beyond the first instruction set, each once."""
    slots: dict[Feature, int] = {}
    externs = {use.slot for use in linked.externs}
    tail_call = jumps_back = -1
    for slot, instruction in ins.decode_all(linked.code):
        feature = _feature(instruction) if slot not in externs else None
        if feature is not None:
            slots.setdefault(feature, slot)
        if (
            instruction.opcode == ins.OP_CALL
            and instruction.source == 0
            and instruction.immediate == _TAIL_CALL
            and slot not in externs
        ):
            tail_call = slot
        if instruction.opcode & 7 in _JUMPS and _distance(instruction) < 0:
            jumps_back = slot
    if tail_call >= 0 and v.CALLS in slots:
        slots[v.CALLS_AND_TAIL_CALLS] = tail_call
    loop = _loop(linked) if jumps_back >= 0 else -1
    if loop >= 0:
        slots[v.LOOPS] = loop
    if len(linked.code) > _SHORT_PROGRAM * ins.SIZE:
        slots[v.LONG_PROGRAMS] = -1
    return [Need(feature, slot) for feature, slot in slots.items()]


def _feature(instruction: Instruction) -> Feature | None:
    if instruction.opcode == ins.OP_CALL:
        return v.CALLS if instruction.source == ins.PSEUDO_CALL else None
    if instruction.opcode == ins.OP_LD_IMM64:
        return {ins.PSEUDO_FUNC: v.CALLBACKS, ins.PSEUDO_MAP_VALUE: v.GLOBAL_DATA}.get(instruction.source)
    kind, operation = instruction.opcode & 7, instruction.opcode & 0xF0
    if kind == ins.JMP32:
        return v.CPU_V4 if operation == _JA else v.JUMPS_32
    if kind == ins.JMP:
        return v.MAY_GOTO if operation == _JCOND else v.LESS_JUMPS if operation in _LESS else None
    if kind in (ins.LDX, ins.STX):
        return _memory(instruction, kind, instruction.opcode & 0xE0)
    return _arithmetic(instruction, kind, operation) if kind in (ins.ALU, ins.ALU64) else None


def _memory(instruction: Instruction, kind: int, mode: int) -> Feature | None:
    if kind == ins.LDX:
        return v.CPU_V4 if mode == ins.MEMSX else None
    if mode != ins.ATOMIC or not instruction.immediate:
        return None
    return v.ORDERED_ACCESS if instruction.immediate in _ORDERED else v.ATOMICS


def _arithmetic(instruction: Instruction, kind: int, operation: int) -> Feature | None:
    if operation == _MOV and instruction.opcode & ins.FROM_REGISTER and instruction.offset:
        return v.ADDRESS_SPACES if instruction.offset == 1 else v.CPU_V4
    if operation == _END and kind == ins.ALU64:
        return v.CPU_V4
    return v.CPU_V4 if operation in (_DIV, _MOD) and instruction.offset else None


def _distance(instruction: Instruction) -> int:
    if instruction.opcode in (ins.OP_CALL, ins.OP_EXIT, ins.OP_CALL_REGISTER):
        return 0
    return instruction.immediate if instruction.opcode == ins.OP_GOTO_LONG else instruction.offset


def _loop(linked: LinkedProgram) -> int:
    """Return the slot of an instruction that leads back to an earlier one of its path, -1 for none.

    A jump back alone does not make a loop.
    """
    decoded = dict(ins.decode_all(linked.code))
    visited: set[int] = set()
    for part in linked.functions:
        path: set[int] = {part.start}
        work = [(part.start, _followers(decoded, part.start))]
        while work:
            slot, followers = work[-1]
            following = next(followers, None)
            if following is None:
                work.pop()
                path.discard(slot)
                visited.add(slot)
            elif following in path:
                return slot
            elif following not in visited and following in decoded:
                path.add(following)
                work.append((following, _followers(decoded, following)))
    return -1


def _followers(decoded: dict[int, Instruction], slot: int) -> Iterator[int]:
    instruction = decoded.get(slot)
    if instruction is None or instruction.opcode == ins.OP_EXIT:
        return
    if instruction.opcode not in (ins.OP_GOTO, ins.OP_GOTO_LONG):
        yield slot + (2 if instruction.opcode == ins.OP_LD_IMM64 else 1)
    if instruction.opcode & 7 in _JUMPS and instruction.opcode not in (ins.OP_CALL, ins.OP_CALL_REGISTER):
        yield slot + 1 + _distance(instruction)
