"""Tell what a program returns, as far as its instructions show it without running.

Takes instructions that are linked but not loaded, and those that the verifier has translated, which lack the branches
that it found to be dead.
"""

from __future__ import annotations

import struct
from bisect import bisect_right

from pytc.bpf.insn import instructions as ins
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytc.bpf.insn.instructions import Instruction

_TAIL_CALL = 12
#: BPF_LD with BPF_ABS or BPF_IND, of 4, 2 and 1 bytes: behind the end of the packet, the program returns 0.
_PACKET_LOADS = frozenset({0x20, 0x28, 0x30, 0x40, 0x48, 0x50})
_GOTO_REGISTER = 0x0D
_MOVE, _XOR = 0xB0, 0xA0
_JUMP_IF_EQUAL, _JUMP_IF_NOT_EQUAL = 0x15, 0x55
_LAST_ARGUMENT = 5
_U32, _U64, _SIGN = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 1 << 31
#: A translated call has its distance in 16 bits, which larger programs overflow.
_LARGEST_WITH_CALLS = 1 << 15
#: Instructions to go back through: some milliseconds. Most programs take less than a hundred.
_MOST_STEPS = 10_000
# bpf_unclone_prologue of net/core/filter.c, in front of every translated program that writes to the packet: where the
# kernel has no memory for a copy, the packet is dropped. The program does not return that.
_PROLOGUE = bytes([0xAF]), bytes([ins.OP_CALL]), bytes([0x15]), bytes([0xB4]), bytes([ins.OP_EXIT])
_PROLOGUE_ENDS = range(6, 12)


class Returned(NamedTuple):
    """The possible results of a program: numbers of 32 bits with a sign and, unless it ``is_complete``, any others."""

    values: frozenset[int] = frozenset()
    is_complete: bool = False


def returned_values(
    code: bytes, reached: Collection[int] | None = None, unknown: Collection[int] = frozenset()
) -> Returned:
    """Return what a program returns.

    ``reached`` are the slots that can run, where that is known; ``unknown`` those whose result depends on the kernel.

    Goes back from each exit to the constants that the return register is made of: compilers write ``x ? 2 : 0`` as a
    shift. So the cost hardly grows with the length of the program. A tail call, and a kernel function, which may throw,
    can return anything.
    """
    try:
        return _Search(code, reached, unknown).run()
    except (IndexError, struct.error):
        return Returned()


class _Use(NamedTuple):
    """A register that gets another's value: changed by an operation with a constant, or where a comparison with one
    ``is_taken`` or not; unchanged without a ``change``."""

    node: _Node
    change: Instruction | None
    is_taken: bool = False


class _Node:
    """The value of a register before an instruction, as 64 bits; None among the values is an unknown one."""

    def __init__(self) -> None:
        self.values: set[int | None] = set()
        self.uses: list[_Use] = []


class _Search:
    def __init__(self, code: bytes, reached: Collection[int] | None, unknown: Collection[int]) -> None:
        self._code = code
        self._opcodes = code[:: ins.SIZE]
        self._reached = reached
        self._unknown = unknown
        self._sources: dict[int, list[int]] = {}
        self._exits: list[int] = []
        self._starts = {0}
        self._returns_anything = self._has_calls = self._has_unknown_jumps = False
        self._nodes: dict[tuple[int, int], _Node] = {}
        self._work: list[tuple[int, int]] = []
        self._news: list[tuple[_Node, int | None]] = []

    def run(self) -> Returned:
        self._index()
        if self._has_unknown_jumps or (self._has_calls and len(self._opcodes) > _LARGEST_WITH_CALLS):
            return Returned()
        self._order = sorted(self._starts)
        result = _Node()
        self._leave(0, result)
        for _ in range(_MOST_STEPS):
            if not self._work:
                break
            self._step(*self._work.pop())
        if self._work or not self._spread():
            return Returned()
        is_complete = not self._returns_anything and None not in result.values
        numbers = (value for value in result.values if value is not None)
        values = {((value & _U32) ^ _SIGN) - _SIGN for value in numbers}
        if not _PACKET_LOADS.isdisjoint(self._opcodes):
            values.add(0)
        return Returned(frozenset(values), is_complete and bool(values))

    def _index(self) -> None:
        """Find exits, the sources of jumps, and where functions start."""
        slots = [
            slot
            for slot, opcode in enumerate(self._opcodes)
            if (opcode & 7 in (ins.JMP, ins.JMP32) or opcode == ins.OP_LD_IMM64)
            and (self._reached is None or slot in self._reached)
        ]
        for slot, instruction in zip(slots, ins.decode_at(self._code, slots), strict=True):
            opcode = instruction.opcode
            if opcode == ins.OP_EXIT:
                if not self._is_prologue(slot):
                    self._exits.append(slot)
            elif opcode in (ins.OP_CALL, ins.OP_LD_IMM64):
                self._index_function(slot, instruction)
            elif opcode == _GOTO_REGISTER:
                self._has_unknown_jumps = True
            elif opcode != ins.OP_CALL_REGISTER:
                distance = instruction.immediate if opcode == ins.OP_GOTO_LONG else instruction.offset
                self._sources.setdefault(slot + 1 + distance, []).append(slot)

    def _index_function(self, slot: int, instruction: Instruction) -> None:
        """Find the start of a function that is called, or passed as a callback."""
        source = instruction.source
        if instruction.opcode == ins.OP_LD_IMM64:
            if source == ins.PSEUDO_FUNC:
                self._starts.add(slot + 1 + instruction.immediate)
        elif slot in self._unknown or source == ins.PSEUDO_KFUNC_CALL or instruction.immediate == _TAIL_CALL:
            self._returns_anything = True
        elif source == ins.PSEUDO_CALL:
            self._has_calls = True
            self._starts.add(_callee(slot, instruction))

    def _is_prologue(self, slot: int) -> bool:
        start = slot - len(_PROLOGUE) + 1
        if slot not in _PROLOGUE_ENDS or start < 0:
            return False
        return all(self._opcodes[start + i : start + i + 1] == part for i, part in enumerate(_PROLOGUE))

    def _leave(self, start: int, result: _Node) -> None:
        """Look for what a function returns, by its first slot."""
        number = bisect_right(self._order, start)
        end = self._order[number] if number < len(self._order) else len(self._opcodes)
        for slot in self._exits:
            if start <= slot < end:
                self._find(slot, 0, result)

    def _find(
        self, slot: int, register: int, result: _Node, change: Instruction | None = None, *, is_taken: bool = False
    ) -> None:
        """Look for the value of a register before an instruction."""
        node = self._nodes.get((slot, register))
        if node is None:
            node = self._nodes[slot, register] = _Node()
            self._work.append((slot, register))
        node.uses.append(_Use(result, change, is_taken))

    def _step(self, slot: int, register: int) -> None:
        node = self._nodes[slot, register]
        if slot in self._starts:
            self._put(node, None)
        else:
            before = slot - 1 if self._opcodes[slot - 1] else slot - 2
            if before < 0:
                self._put(node, None)
            elif self._opcodes[before] not in (ins.OP_EXIT, ins.OP_GOTO, ins.OP_GOTO_LONG):
                self._through(before, register, node)
        for source in self._sources.get(slot, ()):
            self._find(source, register, node, self._comparison(source, register), is_taken=True)

    def _through(self, slot: int, register: int, node: _Node) -> None:
        """Look for the value of a register behind an instruction."""
        if self._reached is not None and slot not in self._reached:
            return
        instruction = ins.decode(self._code, slot)
        if not _writes(instruction, register):
            self._find(slot, register, node, self._comparison(slot, register))
        elif slot in self._unknown:
            self._put(node, None)
        elif instruction.opcode == ins.OP_CALL and instruction.source == ins.PSEUDO_CALL and not register:
            self._leave(_callee(slot, instruction), node)
        else:
            self._calculate(slot, instruction, node)

    def _comparison(self, slot: int, register: int) -> Instruction | None:
        """Return the instruction in a slot if it compares a register with a constant."""
        instruction = ins.decode(self._code, slot)
        is_one = instruction.opcode & 7 in (ins.JMP, ins.JMP32) and not instruction.opcode & ins.FROM_REGISTER
        return (
            instruction
            if is_one and instruction.opcode & 0xF0 in _COMPARISONS and (instruction.destination == register)
            else None
        )

    def _calculate(self, slot: int, instruction: Instruction, node: _Node) -> None:
        """Follow what an instruction puts into its register."""
        opcode, source, immediate = instruction.opcode, instruction.source, instruction.immediate
        operation = opcode & 0xF0 if opcode & 7 in (ins.ALU, ins.ALU64) else -1
        from_register = opcode & ins.FROM_REGISTER
        if opcode == ins.OP_LD_IMM64:
            upper = ins.decode(self._code, slot + 1).immediate
            self._put(node, None if source else immediate & _U32 | (upper & _U32) << 32)
        elif operation == _MOVE and from_register and not instruction.offset:
            self._find(slot, source, node, instruction if opcode & 7 == ins.ALU else None)
        elif operation == _MOVE and not from_register:
            self._put(node, immediate & (_U32 if opcode & 7 == ins.ALU else _U64))
        elif operation == _XOR and from_register and source == instruction.destination:
            self._put(node, 0)
        elif operation in _OPERATIONS and not from_register:
            self._find(slot, instruction.destination, node, instruction)
        else:
            self._put(node, None)

    def _put(self, node: _Node, value: int | None) -> None:
        if value not in node.values:
            node.values.add(value)
            self._news.append((node, value))

    def _spread(self) -> bool:
        """Pass values on to the registers that get them; return False where a loop makes too many."""
        for _ in range(_MOST_STEPS):
            if not self._news:
                return True
            node, value = self._news.pop()
            for use in node.uses:
                if use.change is None:
                    self._put(use.node, value)
                elif use.change.opcode & 7 in (ins.ALU, ins.ALU64):
                    self._put(use.node, _changed(use.change, value) if value is not None else None)
                elif value is None or _compare(use.change, value) is use.is_taken:
                    self._put(use.node, _equal(use.change, is_taken=use.is_taken) if value is None else value)
        return False


def _compare(instruction: Instruction, value: int) -> bool:
    """Return whether a comparison of a register with a constant takes the jump."""
    bits = 64 if instruction.opcode & 7 == ins.JMP else 32
    mask = (1 << bits) - 1
    return _COMPARISONS[instruction.opcode & 0xF0](value & mask, instruction.immediate & mask, 1 << bits - 1)


def _equal(instruction: Instruction, *, is_taken: bool) -> int | None:
    """Return the value that a register has behind a comparison of 64 bits; None where that is still unknown."""
    is_known = instruction.opcode == (_JUMP_IF_EQUAL if is_taken else _JUMP_IF_NOT_EQUAL)
    return instruction.immediate & _U64 if is_known else None


def _changed(instruction: Instruction, value: int) -> int:
    """Return a value after an operation with a constant, or its lower half after a move of 32 bits."""
    bits = 64 if instruction.opcode & 7 == ins.ALU64 else 32
    mask = (1 << bits) - 1
    operation, operand, value = instruction.opcode & 0xF0, instruction.immediate & mask, value & mask
    if operation == _MOVE:
        return value
    return _OPERATIONS[operation](value, operand, bits) & mask


def _arithmetic_shift(value: int, count: int, bits: int) -> int:
    sign = 1 << bits - 1
    return (value ^ sign) - sign >> (count & bits - 1)


_OPERATIONS: dict[int, Callable[[int, int, int], int]] = {
    0x00: lambda value, operand, bits: value + operand,
    0x10: lambda value, operand, bits: value - operand,
    0x20: lambda value, operand, bits: value * operand,
    0x40: lambda value, operand, bits: value | operand,
    0x50: lambda value, operand, bits: value & operand,
    0x60: lambda value, operand, bits: value << (operand & bits - 1),
    0x70: lambda value, operand, bits: value >> (operand & bits - 1),
    0x80: lambda value, operand, bits: -value,
    0xA0: lambda value, operand, bits: value ^ operand,
    0xC0: _arithmetic_shift,
}


#: By the operation of a jump: whether it is taken, given both numbers and their sign bit.
_COMPARISONS: dict[int, Callable[[int, int, int], bool]] = {
    0x10: lambda a, b, sign: a == b,
    0x20: lambda a, b, sign: a > b,
    0x30: lambda a, b, sign: a >= b,
    0x40: lambda a, b, sign: bool(a & b),
    0x50: lambda a, b, sign: a != b,
    0x60: lambda a, b, sign: (a ^ sign) > (b ^ sign),
    0x70: lambda a, b, sign: (a ^ sign) >= (b ^ sign),
    0xA0: lambda a, b, sign: a < b,
    0xB0: lambda a, b, sign: a <= b,
    0xC0: lambda a, b, sign: (a ^ sign) < (b ^ sign),
    0xD0: lambda a, b, sign: (a ^ sign) <= (b ^ sign),
}


def _writes(instruction: Instruction, register: int) -> bool:
    """Return whether an instruction may change a register."""
    opcode, kind = instruction.opcode, instruction.opcode & 7
    if opcode in (ins.OP_CALL, ins.OP_CALL_REGISTER) or (kind == ins.LD and opcode != ins.OP_LD_IMM64):
        return register <= _LAST_ARGUMENT
    if kind == ins.STX:
        is_atomic = opcode & ins.MODE == ins.ATOMIC
        return is_atomic and register in (0, instruction.source, instruction.destination)
    return kind not in (ins.JMP, ins.JMP32, ins.ST) and instruction.destination == register


def _callee(slot: int, call: Instruction) -> int:
    """Return the first slot of a called function. The verifier moves the distance from the immediate to the offset."""
    return slot + 1 + (call.offset or call.immediate)


def only_returns(code: bytes, value: int) -> bool:
    """Return whether every path through instructions ends with a value; False also if that is not obvious."""
    returned = returned_values(code)
    return returned.is_complete and returned.values == {value}
