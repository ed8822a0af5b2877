"""Disassemble programs to the language of bpf_asm.

Unused fields are not shown: offsets in instructions that do not jump, constants where X is the operand. Assembled
again, they are 0.
"""

from __future__ import annotations

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic_check import check, is_jump, targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.insn.classic import ClassicInstruction

_LOADS = {op.W: "ld", op.H: "ldh", op.B: "ldb"}
_ALU = {
    op.ADD: "add",
    op.SUB: "sub",
    op.MUL: "mul",
    op.DIV: "div",
    op.MOD: "mod",
    op.AND: "and",
    op.OR: "or",
    op.XOR: "xor",
    op.LSH: "lsh",
    op.RSH: "rsh",
}
_JUMPS = {op.JEQ: "jeq", op.JGT: "jgt", op.JGE: "jge", op.JSET: "jset"}
#: The jump with the label for "no" alone.
_INVERSE = {op.JEQ: "jne", op.JGT: "jle", op.JGE: "jlt"}
_IN_HEX = (op.AND, op.OR, op.XOR)
_FIXED = {
    op.LD | op.LEN: "ld #len",
    op.LDX | op.LEN: "ldx #len",
    op.ALU | op.NEG: "neg",
    op.MISC | op.TAX: "tax",
    op.MISC | op.TXA: "txa",
    op.RET | op.A: "ret a",
}
_WITH_K = {
    op.LD | op.IMM: "ldi #{}",
    op.LDX | op.IMM: "ldxi #{}",
    op.LD | op.MEM: "ld M[{}]",
    op.LDX | op.MEM: "ldx M[{}]",
    op.ST: "st M[{}]",
    op.STX: "stx M[{}]",
    op.LDX | op.MSH | op.B: "ldxb 4*([{}]&0xf)",
}
_COMMENT_COLUMN = 32


def disassemble(program: Sequence[ClassicInstruction]) -> str:
    """Return a line with a label for each instruction; raises BytecodeError for a program that no kernel takes."""
    check(program)
    return "".join(f"{line(program, index)}\n" for index in range(len(program)))


def line(program: Sequence[ClassicInstruction], index: int) -> str:
    """Return the line of one instruction of a checked program, with a comment on unusual loads."""
    text = f"l{index}:".ljust(8) + statement(index, program[index])
    remark = _remark(program[index])
    return f"{text.ljust(_COMMENT_COLUMN)}; {remark}" if remark else text


def statement(index: int, instruction: ClassicInstruction) -> str:
    """Return the text of one instruction, without its label."""
    code, k = instruction.code, instruction.k
    if code in _FIXED:
        return _FIXED[code]
    if code in _WITH_K:
        return _WITH_K[code].format(k)
    if code in op.LOADS:
        return f"{_LOADS[code & 0x18]} {_address(code, k)}"
    if is_jump(code):
        return _jump(index, instruction)
    if code & 7 == op.ALU:
        return f"{_ALU[code & 0xF0]} {_operand(code, k, in_hex=code & 0xF0 in _IN_HEX)}"
    return f"ret #{k:#x}"


def _address(code: int, k: int) -> str:
    if name := op.ancillary(code, k):
        return f"#{name}" if name != "alu_xor_x" else f"[{op.signed(k)}]"
    if code & 0xE0 == op.IND:
        return f"[x + {op.signed(k)}]" if op.signed(k) >= 0 else f"[x + {k}]"
    return f"[{op.signed(k)}]"


def _operand(code: int, k: int, *, in_hex: bool) -> str:
    if code & op.X:
        return "x"
    return f"#{k:#x}" if in_hex else f"#{k}"


def _jump(index: int, instruction: ClassicInstruction) -> str:
    code, jt, jf, k = instruction
    where = [f"l{target}" for target in targets(index, instruction)]
    if code == op.JMP | op.JA:
        return f"jmp {where[0]}"
    operand = _operand(code, k, in_hex=True)
    if jt == 0 and code & 0xF0 in _INVERSE:
        return f"{_INVERSE[code & 0xF0]} {operand}, {where[1]}"
    name = _JUMPS[code & 0xF0]
    return f"{name} {operand}, {', '.join(where if jf else where[:1])}"


def _remark(instruction: ClassicInstruction) -> str:
    code, k = instruction.code, op.signed(instruction.k)
    if op.ancillary(code, instruction.k) == "alu_xor_x":
        return "A ^= X"
    if code not in (*op.LOADS, op.LDX | op.MSH | op.B) or k >= 0 or op.ancillary(code, instruction.k):
        return ""
    if k >= op.NET_OFF:
        return f"network header + {k - op.NET_OFF}"
    return f"link-layer header + {k - op.LL_OFF}" if k >= op.LL_OFF else "nowhere: the program ends with 0"
