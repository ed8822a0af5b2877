"""Return values of a program, as far as its instructions show them without running."""

import sys

from pytc.bpf.insn.instructions import OP_EXIT, OP_LD_IMM64

_SIZE = 8
_TAIL_CALL = 0xF0  # as the kernel translates a call of bpf_tail_call
_MOV32, _MOV64 = 0xB4, 0xB7
_JUMP, _JUMP32 = 5, 6
_CALL = 0x85
_JA32 = 0x06


def only_returns(code: bytes, value: int) -> bool:
    """Return whether every path through translated instructions ends with that value; False also if that is not
    obvious.

    Plain is a constant that is put into the register right before the exit, to which nothing jumps.
    """
    targets = _jump_targets(code)
    exits = 0
    for offset in range(0, len(code), _SIZE):
        if code[offset] == _TAIL_CALL:
            return False
        if code[offset] == OP_EXIT:
            exits += 1
            if offset in targets or not _puts(code[max(offset - 2 * _SIZE, 0) : offset], value):
                return False
    return exits > 0


def _puts(code: bytes, value: int) -> bool:
    """Return whether the last instruction puts a value into the return register, as an int."""
    instruction, known = code[-_SIZE:], {_MOV32, _MOV64}
    if instruction[:1] == b"\0":  # the second half of a load of 64 bits
        instruction, known = code[:_SIZE], {OP_LD_IMM64}
    if len(instruction) < _SIZE:
        return False
    immediate = int.from_bytes(instruction[4:8], sys.byteorder, signed=True)
    register = instruction[1] & 0xF if sys.byteorder == "little" else instruction[1] >> 4
    return instruction[0] in known and register == 0 and immediate == value


def _jump_targets(code: bytes) -> set[int]:
    targets, offset = set(), 0
    while offset < len(code):
        opcode = code[offset]
        if opcode & 7 in (_JUMP, _JUMP32) and opcode not in (_CALL, OP_EXIT, _TAIL_CALL):
            distance = code[offset + 4 : offset + 8] if opcode == _JA32 else code[offset + 2 : offset + 4]
            targets.add(offset + _SIZE * (1 + int.from_bytes(distance, sys.byteorder, signed=True)))
        offset += 2 * _SIZE if opcode == OP_LD_IMM64 else _SIZE
    return targets
