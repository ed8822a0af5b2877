"""Find which instructions of a linked program can run, given some of its values.

Constants are followed as far as registers and the stack carry them. Like the verifier, this follows a branch that
constants decide one way only. Where it knows less than the verifier (it joins the paths that lead to an instruction),
more instructions count as reachable, never fewer.
"""

from __future__ import annotations

from bisect import bisect_right

from pytc.bpf.insn import instructions as ins
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.insn.instructions import Instruction
    from pytc.bpf.link.linker import LinkedProgram

_ADD, _SUB, _OR, _AND, _SHIFT_LEFT, _SHIFT_RIGHT, _XOR, _MOVE = 0x00, 0x10, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0
_FRAME = 10
_REGISTERS = 16
_WIDTHS = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
_U32, _U64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


class Stack(NamedTuple):
    """An address ``offset`` bytes from the frame pointer."""

    offset: int


class Memory(NamedTuple):
    """An address ``offset`` bytes into the known memory."""

    offset: int


class KnownValues(NamedTuple):
    """Values that are known before the program runs.

    ``results`` is what the instruction in a slot puts into its register, None for an unknown value; ``addresses`` has
    the slots that load an address of the known memory, as an offset there; ``contents`` is that memory, by offset and
    size in bytes.
    """

    results: Mapping[int, int | None]
    addresses: Mapping[int, int]
    contents: Mapping[tuple[int, int], int]


if TYPE_CHECKING:
    Value = int | Stack | Memory | None


class _State(NamedTuple):
    """Registers, and the stack as (offset, bytes) of whole stores; None once an address into it has been lost."""

    registers: tuple[Value, ...]
    stack: dict[tuple[int, int], Value] | None


def reachable_slots(linked: LinkedProgram, known: KnownValues) -> set[int]:
    """Return the slots that a program can reach from its first instruction."""
    return _Walk(linked, known).run()


class _Walk:
    def __init__(self, linked: LinkedProgram, known: KnownValues) -> None:
        self._linked = linked
        self._code = dict(ins.decode_all(linked.code))
        self._starts = [part.start for part in linked.functions]
        self._known = known
        self._at: dict[int, _State] = {}
        self._returns: dict[int, Value] = {}
        self._callers: dict[int, set[int]] = {}
        self._work: list[int] = []

    def run(self) -> set[int]:
        """Return the slots that can be reached."""
        self._enter(0, ())
        while self._work:
            slot = self._work.pop()
            self._step(slot, self._code[slot], self._at[slot])
        return set(self._at)

    def _enter(self, start: int, arguments: tuple[Value, ...]) -> None:
        """Begin a function: with a stack of its own, and without knowledge of arguments that are addresses of another
        stack."""
        registers: list[Value] = [None] * _REGISTERS
        for number, value in enumerate(arguments, 1):
            registers[number] = value if not isinstance(value, Stack) else None
        registers[_FRAME] = Stack(0)
        self._go(start, _State(tuple(registers), {}))

    def _go(self, slot: int, state: _State) -> None:
        if slot not in self._code:
            return
        before = self._at.get(slot)
        after = state if before is None else _join(before, state)
        if after != before:
            self._at[slot] = after
            self._work.append(slot)

    def _step(self, slot: int, instruction: Instruction, state: _State) -> None:
        kind = instruction.opcode & 7
        if instruction.opcode == ins.OP_EXIT:
            self._leave(slot, state.registers[0])
        elif instruction.opcode in (ins.OP_CALL, ins.OP_CALL_REGISTER):
            self._call(slot, instruction, state)
        elif instruction.opcode == ins.OP_LD_IMM64:
            self._go(slot + 2, _put(state, instruction.destination, self._address(slot, instruction)))
        elif instruction.opcode in (ins.OP_GOTO, ins.OP_GOTO_LONG):
            self._go(
                slot + 1 + (instruction.immediate if instruction.opcode == ins.OP_GOTO_LONG else instruction.offset),
                state,
            )
        elif kind in (ins.JMP, ins.JMP32):
            is_taken = _taken(instruction, state)
            for target in {
                slot + 1 + instruction.offset: is_taken is not False,
                slot + 1: is_taken is not True,
            }.items():
                if target[1]:
                    self._go(target[0], state)
        else:
            self._go(slot + 1, self._plain(slot, instruction, kind, state))

    def _plain(self, slot: int, instruction: Instruction, kind: int, state: _State) -> _State:
        """Return the state after an instruction that goes on to the next one."""
        if slot in self._known.results:
            return _put(state, instruction.destination, self._known.results[slot])
        if kind in (ins.ALU, ins.ALU64):
            return _arithmetic(instruction, kind, state)
        if kind == ins.LDX:
            return _put(state, instruction.destination, self._load(instruction, state))
        return _store(instruction, kind, state) if kind in (ins.ST, ins.STX) else _put(state, 0, None)

    def _address(self, slot: int, instruction: Instruction) -> Value:
        if slot in self._known.addresses:
            return Memory(self._known.addresses[slot])
        if slot in self._known.results:
            return self._known.results[slot]
        if instruction.source == ins.PSEUDO_FUNC:
            self._enter(slot + 1 + instruction.immediate, ())
        if instruction.source:
            return None
        return instruction.immediate & _U32 | (ins.decode(self._linked.code, slot + 1).immediate & _U32) << 32

    def _load(self, instruction: Instruction, state: _State) -> Value:
        base, size = state.registers[instruction.source], _WIDTHS[instruction.opcode & 0x18]
        if instruction.opcode & ins.MODE != ins.MEM:
            return None
        if isinstance(base, Memory):
            return self._known.contents.get((base.offset + instruction.offset, size))
        if isinstance(base, Stack) and state.stack is not None:
            return state.stack.get((base.offset + instruction.offset, size))
        return None

    def _call(self, slot: int, instruction: Instruction, state: _State) -> None:
        arguments = state.registers[1:6]
        stack = _forget(state.stack, [value.offset for value in arguments if isinstance(value, Stack)])
        result: Value = None
        if (
            instruction.opcode == ins.OP_CALL
            and instruction.source == ins.PSEUDO_CALL
            and slot not in self._known.results
        ):
            callee = slot + 1 + instruction.immediate
            self._callers.setdefault(callee, set()).add(slot)
            self._enter(callee, arguments)
            if callee not in self._returns:
                return
            result = self._returns[callee]
        self._go(slot + 1, _State((result, None, None, None, None, None, *state.registers[6:]), stack))

    def _leave(self, slot: int, result: Value) -> None:
        """End a function: its callers go on with what it returns."""
        start = self._starts[bisect_right(self._starts, slot) - 1]
        result = None if isinstance(result, Stack) else result
        before = self._returns.get(start, result)
        after = result if before == result else None
        if start not in self._returns or after != before:
            self._returns[start] = after
            self._work += self._callers.get(start, ())


def _join(left: _State, right: _State) -> _State:
    registers = tuple(a if a == b else None for a, b in zip(left.registers, right.registers, strict=True))
    if left.stack is None or right.stack is None:
        return _State(registers, None)
    lost = any(
        isinstance(a, Stack) and a != b
        for pair in (
            zip(left.registers, right.registers, strict=True),
            zip(right.registers, left.registers, strict=True),
        )
        for a, b in pair
    )
    common = {slot: value for slot, value in left.stack.items() if right.stack.get(slot) == value}
    return _State(registers, None if lost else common)


def _put(state: _State, register: int, value: Value) -> _State:
    registers = list(state.registers)
    registers[register] = value
    return _State(tuple(registers), state.stack)


def _forget(stack: dict[tuple[int, int], Value] | None, addresses: list[int]) -> dict[tuple[int, int], Value] | None:
    """Forget the stack slots that a function may have written through the addresses it got: all from the lowest
    on."""
    if stack is None or not addresses:
        return stack
    return {slot: value for slot, value in stack.items() if sum(slot) <= min(addresses)}


def _arithmetic(instruction: Instruction, kind: int, state: _State) -> _State:
    operation = instruction.opcode & 0xF0
    ours = state.registers[instruction.destination]
    from_register = instruction.opcode & ins.FROM_REGISTER
    theirs = state.registers[instruction.source] if from_register else instruction.immediate & _U64
    if operation == _MOVE and not (from_register and instruction.offset):
        value = theirs & _U32 if isinstance(theirs, int) and kind == ins.ALU else theirs
        return _put(state, instruction.destination, value if kind == ins.ALU64 or isinstance(value, int) else None)
    if (
        isinstance(ours, (Stack, Memory))
        and isinstance(theirs, int)
        and kind == ins.ALU64
        and operation in (_ADD, _SUB)
    ):
        distance = theirs - (1 << 64) if theirs >> 63 else theirs
        moved = ours.offset + (distance if operation == _ADD else -distance)
        return _put(state, instruction.destination, ours._replace(offset=moved))
    if isinstance(ours, Stack) or isinstance(theirs, Stack):  # an address that is not known any more
        state = state._replace(stack=None)
    both = isinstance(ours, int) and isinstance(theirs, int)
    value = _calculate(operation, ours, theirs, kind) if both else None  # type: ignore[arg-type]
    return _put(state, instruction.destination, value)


def _calculate(operation: int, ours: int, theirs: int, kind: int) -> int | None:
    bits = 64 if kind == ins.ALU64 else 32
    mask = (1 << bits) - 1
    ours, theirs = ours & mask, theirs & mask
    if operation in (_SHIFT_LEFT, _SHIFT_RIGHT):
        theirs &= bits - 1
        return (ours << theirs if operation == _SHIFT_LEFT else ours >> theirs) & mask
    results = {_ADD: ours + theirs, _SUB: ours - theirs, _OR: ours | theirs, _AND: ours & theirs, _XOR: ours ^ theirs}
    return results[operation] & mask if operation in results else None


def _store(instruction: Instruction, kind: int, state: _State) -> _State:
    base, mode = state.registers[instruction.destination], instruction.opcode & ins.MODE
    if mode == ins.ATOMIC:
        state = _put(_put(state, instruction.source, None), 0, None)
    if not isinstance(base, Stack) or state.stack is None:
        return state
    start, size = base.offset + instruction.offset, _WIDTHS[instruction.opcode & 0x18]
    stack = {slot: value for slot, value in state.stack.items() if slot[0] >= start + size or sum(slot) <= start}
    if mode == ins.MEM:
        value = state.registers[instruction.source] if kind == ins.STX else instruction.immediate & _U64
        stack[start, size] = value & (1 << 8 * size) - 1 if isinstance(value, int) else value if size == 8 else None
    return state._replace(stack=stack)


def _taken(instruction: Instruction, state: _State) -> bool | None:
    """Return whether a conditional jump is taken, None if that is unknown."""
    ours = state.registers[instruction.destination]
    theirs = (
        state.registers[instruction.source] if instruction.opcode & ins.FROM_REGISTER else instruction.immediate & _U64
    )
    if not isinstance(ours, int) or not isinstance(theirs, int):
        return None
    bits = 64 if instruction.opcode & 7 == ins.JMP else 32
    a, b = ours & (1 << bits) - 1, theirs & (1 << bits) - 1
    sign = 1 << bits - 1
    c, d = (a ^ sign) - sign, (b ^ sign) - sign
    return {
        0x10: a == b,
        0x20: a > b,
        0x30: a >= b,
        0x40: bool(a & b),
        0x50: a != b,
        0x60: c > d,
        0x70: c >= d,
        0xA0: a < b,
        0xB0: a <= b,
        0xC0: c < d,
        0xD0: c <= d,
    }.get(instruction.opcode & 0xF0)
