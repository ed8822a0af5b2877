"""eBPF instructions as bytes: 8 bytes each, ``opcode u8, registers u8, offset s16, immediate s32``.

Source: Documentation/bpf/standardization/instruction-set.rst of the kernel. Registers: destination in the low
nibble, source in the high nibble on little-endian machines, which is the only kind of object that
:mod:`pytc.bpf.object.reader` lets through on a little-endian host.
"""

from __future__ import annotations

import struct

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Classes: the low three bits of an opcode.
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
# Modes of loads and stores: the upper three bits.
MODE = 0xE0
IMM, ABS, IND, MEM, MEMSX, ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0
#: Set in opcodes of ALU operations and jumps whose operand is a register.
FROM_REGISTER = 0x08
# Opcodes, and source registers that change their meaning (include/uapi/linux/bpf.h, include/uapi/linux/filter.h).
OP_GOTO, OP_GOTO_LONG, OP_CALL_REGISTER = 0x05, 0x06, 0x8D
OP_LD_IMM64 = 0x18
OP_CALL = 0x85
OP_EXIT = 0x95
PSEUDO_MAP_FD = 1
PSEUDO_MAP_VALUE = 2
PSEUDO_BTF_ID = 3
PSEUDO_FUNC = 4
PSEUDO_CALL = 1
PSEUDO_KFUNC_CALL = 2

SIZE = 8
_FORMAT = struct.Struct("=BBhi")
_IMMEDIATE = struct.Struct("=i")
_OFFSET = struct.Struct("=h")


class Instruction(NamedTuple):
    """A decoded slot of 8 bytes."""

    opcode: int
    destination: int
    source: int
    offset: int
    immediate: int


class Operand(NamedTuple):
    """What the instruction in a slot refers to: its source register, which says of which sort, and its immediate; that
    of the next slot if it ``is_wide``."""

    slot: int
    source: int
    immediate: int
    is_wide: bool = False


def decode(code: bytes | bytearray | memoryview, index: int) -> Instruction:
    """Return the instruction in slot ``index``."""
    opcode, registers, offset, immediate = _FORMAT.unpack_from(code, index * SIZE)
    return Instruction(opcode, registers & 0xF, registers >> 4, offset, immediate)


def decode_at(code: bytes | bytearray | memoryview, slots: Sequence[int]) -> list[Instruction]:
    """Return the instructions in some slots."""
    return [decode(code, slot) for slot in slots]


def decode_all(code: bytes | bytearray | memoryview) -> list[tuple[int, Instruction]]:
    """Return (slot, instruction) for each instruction; skips the second slot of one of 16 bytes."""
    decoded = []
    skip = False
    for index, (opcode, registers, offset, immediate) in enumerate(_FORMAT.iter_unpack(code)):
        if skip:
            skip = False
            continue
        skip = opcode == OP_LD_IMM64
        decoded.append((index, Instruction(opcode, registers & 0xF, registers >> 4, offset, immediate)))
    return decoded


def immediate_at(code: bytes | bytearray | memoryview, index: int) -> int:
    """Return the immediate of slot ``index`` without decoding the rest."""
    return int(_IMMEDIATE.unpack_from(code, index * SIZE + 4)[0])


def offset_at(code: bytes | bytearray | memoryview, index: int) -> int:
    """Return the offset field of slot ``index`` without decoding the rest."""
    return int(_OFFSET.unpack_from(code, index * SIZE + 2)[0])


def set_source(code: bytearray, index: int, source: int) -> None:
    """Set the source register field of slot ``index``."""
    position = index * SIZE + 1
    code[position] = (code[position] & 0x0F) | (source << 4)


def set_immediate(code: bytearray, index: int, immediate: int) -> None:
    """Set the immediate of slot ``index``; the number is taken modulo 2**32."""
    value = immediate & 0xFFFFFFFF
    _IMMEDIATE.pack_into(code, index * SIZE + 4, value - (1 << 32) if value >= 1 << 31 else value)


def set_operands(code: bytearray, operands: Sequence[Operand]) -> None:
    """Set source registers and immediates of instructions that refer to something."""
    for slot, source, immediate, is_wide in operands:
        set_source(code, slot, source)
        set_immediate(code, slot + is_wide, immediate)


def set_offset(code: bytearray, index: int, offset: int) -> None:
    """Set the offset of slot ``index``, a number of 16 bits with sign."""
    _OFFSET.pack_into(code, index * SIZE + 2, offset)
