"""Tell what a program returns, as far as its instructions show it without running."""

import sys

from pytc.bpf.insn.instructions import JMP, JMP32, OP_CALL, OP_EXIT, OP_GOTO_LONG, OP_LD_IMM64, SIZE

# The verifier turns a call of bpf_tail_call into an instruction of its own. For dumps, bpf_insn_prepare_dump turns that
# back into a call of the helper's number, while calls of other helpers keep their distance from __bpf_call_base.
_TAIL_CALL = bytes([OP_CALL, 0, 0, 0]) + (12).to_bytes(4, sys.byteorder)
_MOV32, _MOV64 = 0xB4, 0xB7


def only_returns(code: bytes, value: int) -> bool:
    """Return whether every path through translated instructions ends with a value; False also if that is not obvious.

    It is obvious where the instruction before each exit puts a constant into the register, and nothing jumps between.
    """
    targets = _jump_targets(code)
    exits = 0
    for offset in range(0, len(code), SIZE):
        if code[offset : offset + SIZE] == _TAIL_CALL:
            return False
        if code[offset] == OP_EXIT:
            exits += 1
            if offset in targets or not _puts(code[max(offset - 2 * SIZE, 0) : offset], value):
                return False
    return exits > 0


def _puts(code: bytes, value: int) -> bool:
    """Return whether the last instruction puts a value into the return register, as an int."""
    instruction, known = code[-SIZE:], {_MOV32, _MOV64}
    if instruction[:1] == b"\0":  # the second half of a load of 64 bits
        instruction, known = code[:SIZE], {OP_LD_IMM64}
    if len(instruction) < SIZE:
        return False
    immediate = int.from_bytes(instruction[4:8], sys.byteorder, signed=True)
    register = instruction[1] & 0xF if sys.byteorder == "little" else instruction[1] >> 4
    return instruction[0] in known and register == 0 and immediate == value


def _jump_targets(code: bytes) -> set[int]:
    targets, offset = set(), 0
    while offset < len(code):
        opcode = code[offset]
        if opcode & 7 in (JMP, JMP32) and opcode not in (OP_CALL, OP_EXIT):
            distance = code[offset + 4 : offset + 8] if opcode == OP_GOTO_LONG else code[offset + 2 : offset + 4]
            targets.add(offset + SIZE * (1 + int.from_bytes(distance, sys.byteorder, signed=True)))
        offset += 2 * SIZE if opcode == OP_LD_IMM64 else SIZE
    return targets
