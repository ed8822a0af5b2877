"""Emit eBPF instructions with labels (Documentation/bpf/standardization/instruction-set.rst of the kernel)."""

from __future__ import annotations

import struct
import sys

from pytc.bpf.insn import classic_opcodes as op

# eBPF numbers the operations of ALU and jumps as classic BPF does.
_LDX, _STX, _JMP, _JMP32, _ALU64 = 0x01, 0x03, 0x05, 0x06, 0x07
_MEM, _REGISTER, _MOV, _ADD, _END_TO_BIG = 0x60, 0x08, 0xB0, 0x00, 0xDC
_JNE, _CALL, _EXIT = 0x50, 0x85, 0x95
_SIZES = {1: op.B, 2: op.H, 4: op.W}
_FARTHEST = 0x7FFF
_ORDER = "<" if sys.byteorder == "little" else ">"


class Code:
    """A program under construction. Registers are numbers; 32-bit operations clear the upper half of their register."""

    def __init__(self) -> None:
        self._instructions: list[tuple[int, int, int, int, int]] = []
        self._labels: dict[int, int] = {}
        self._jumps: list[tuple[int, int]] = []
        self._own_labels = 0

    def new_label(self) -> int:
        """Return a label that no instruction of the source has: theirs are not negative."""
        self._own_labels -= 1
        return self._own_labels

    def label(self, name: int) -> None:
        """Put a label in front of the next instruction."""
        self._labels[name] = len(self._instructions)

    def set(self, register: int, value: int) -> None:
        """Set a register to a constant."""
        self._add(op.ALU | _MOV, register, immediate=value)

    def copy(self, target: int, source: int) -> None:
        """Copy the lower 32 bits of a register."""
        self._add(op.ALU | _MOV | _REGISTER, target, source)

    def copy64(self, target: int, source: int) -> None:
        """Copy a register."""
        self._add(_ALU64 | _MOV | _REGISTER, target, source)

    def add64(self, register: int, value: int) -> None:
        """Add a constant to a register."""
        self._add(_ALU64 | _ADD, register, immediate=value)

    def alu(self, operation: int, target: int, source: int) -> None:
        """Apply a 32-bit operation to two registers."""
        self._add(op.ALU | operation | _REGISTER, target, source)

    def alu_constant(self, operation: int, register: int, value: int) -> None:
        """Apply a 32-bit operation to a register and a constant."""
        self._add(op.ALU | operation, register, immediate=value)

    def big_endian(self, register: int, size: int) -> None:
        """Swap a number of ``size`` bytes between network and host byte order."""
        self._add(_END_TO_BIG, register, immediate=size * 8)

    def load(self, target: int, base: int, offset: int, size: int = 4) -> None:
        """Load ``size`` bytes from the address in a register plus an offset."""
        self._add(_LDX | _MEM | _SIZES[size], target, base, offset)

    def store(self, register: int, offset: int) -> None:
        """Store 4 bytes on the stack."""
        self._add(_STX | _MEM, 10, register, offset)

    def jump(self, label: int) -> None:
        """Jump to a label."""
        self._jumps.append((len(self._instructions), label))
        self._add(_JMP)

    def jump_if(self, operation: int, left: int, right: int, label: int) -> None:
        """Jump if a comparison of two registers holds."""
        self._jumps.append((len(self._instructions), label))
        self._add(_JMP | operation | _REGISTER, left, right)

    def jump_if_constant(self, operation: int, register: int, value: int, label: int) -> None:
        """Jump if a comparison of a register with a constant holds."""
        self._jumps.append((len(self._instructions), label))
        self._add(_JMP | operation, register, immediate=value)

    def skip_if_zero(self, register: int, count: int) -> None:
        """Skip the next ``count`` instructions if a register is 0."""
        self._add(_JMP | op.JEQ, register, offset=count)

    def skip_unless_zero(self, register: int, count: int) -> None:
        """Skip the next ``count`` instructions if a register is not 0."""
        self._add(_JMP | _JNE, register, offset=count)

    def call(self, helper: int) -> None:
        """Call a helper by number."""
        self._add(_CALL, immediate=helper)

    def exit(self) -> None:
        """Return R0."""
        self._add(_EXIT)

    def finish(self) -> bytes:
        """Return the instructions, 8 bytes each. A jump beyond 32767 instructions becomes ``gotol`` (Linux 6.6)."""
        for index, label in self._jumps:
            opcode, target, source, _, immediate = self._instructions[index]
            distance = self._labels[label] - index - 1
            if distance <= _FARTHEST:
                self._instructions[index] = opcode, target, source, distance, immediate
            else:
                self._instructions[index] = _JMP32, 0, 0, 0, distance
        return b"".join(_encoded(*instruction) for instruction in self._instructions)

    def _add(self, opcode: int, target: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> None:
        self._instructions.append((opcode, target, source, offset, immediate))


def _encoded(opcode: int, target: int, source: int, offset: int, immediate: int) -> bytes:
    registers = source << 4 | target if sys.byteorder == "little" else target << 4 | source
    return struct.pack(f"{_ORDER}BBhI", opcode, registers, offset, immediate & 0xFFFFFFFF)
