"""Check classic BPF as a kernel does before it takes a program: ``bpf_check_classic`` of net/core/filter.c."""

from __future__ import annotations

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic import MAX_INSTRUCTIONS
from pytc.errors import BytecodeError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.insn.classic import ClassicInstruction

_CELL_USERS = (op.LD | op.MEM, op.LDX | op.MEM, op.ST, op.STX)
_CELL_READERS = (op.LD | op.MEM, op.LDX | op.MEM)
_ALL_CELLS = 0xFFFF
_WORD_BITS = 32
_NEGATIVE = 1 << 31
_ABSOLUTE_LOADS = frozenset(code for code in op.LOADS if code & 0xE0 == op.ABS)
_JUMPS = frozenset(code for code in op.ALLOWED if code & 7 == op.JMP)
_BRANCHES = _JUMPS - {op.JMP | op.JA}
#: Opcodes that are valid with any operand.
_ALWAYS_VALID = (
    op.ALLOWED
    - _ABSOLUTE_LOADS
    - _JUMPS
    - {*_CELL_USERS, op.ALU | op.DIV, op.ALU | op.MOD, op.ALU | op.LSH, op.ALU | op.RSH}
)


class Problem(NamedTuple):
    """A fault of a program, and the index of its instruction."""

    instruction: int
    text: str


def check(program: Sequence[ClassicInstruction]) -> None:
    """Raise BytecodeError for a program that a kernel refuses."""
    if not 0 < len(program) <= MAX_INSTRUCTIONS:
        raise BytecodeError(f"a program has 1 to {MAX_INSTRUCTIONS} instructions, not {len(program)}")
    problem = first_problem(program)
    if problem is not None:
        raise BytecodeError(f"instruction {problem.instruction}: {problem.text}")


def first_problem(program: Sequence[ClassicInstruction]) -> Problem | None:
    """Return the first fault of a program of at least one instruction; None where a kernel takes it."""
    count = len(program)
    for index, instruction in enumerate(program):
        code, jt, jf, k = instruction
        if (
            code in _ALWAYS_VALID
            or (code in _ABSOLUTE_LOADS and k < _NEGATIVE)
            or (code in _BRANCHES and index + 1 + jt < count and index + 1 + jf < count)
        ):
            continue  # nearly all instructions
        if text := problem_of(program, index):
            return Problem(index, text)
    if program[-1].code not in (op.RET | op.K, op.RET | op.A):
        return Problem(len(program) - 1, "the last instruction is not a return")
    return _unset_memory(program) if any(instruction.code in _CELL_READERS for instruction in program) else None


def problem_of(program: Sequence[ClassicInstruction], index: int) -> str:
    """Return the fault of one instruction or of its jump targets; empty for none."""
    return _operand_fault(program[index]) or _jump_fault(program, index)


def takes_any_constant(code: int) -> bool:
    """Report whether an instruction with an opcode is as valid with one constant as with any other."""
    return code in _ALWAYS_VALID or code in _BRANCHES


def is_jump(code: int) -> bool:
    """Return whether an opcode is a jump, conditional or not."""
    return code & 7 == op.JMP


def targets(index: int, instruction: ClassicInstruction) -> tuple[int, ...]:
    """Return the indexes that a jump at ``index`` may lead to; none for other instructions."""
    if not is_jump(instruction.code):
        return ()
    if instruction.code == op.JMP | op.JA:
        return (index + 1 + instruction.k,)
    return index + 1 + instruction.jt, index + 1 + instruction.jf


def reachable(program: Sequence[ClassicInstruction]) -> frozenset[int]:
    """Return the indexes of the instructions of a checked program that can be reached."""
    reached = {0}
    for index, instruction in enumerate(program):
        if index in reached and not _ends(instruction):
            reached.update(targets(index, instruction) or (index + 1,))
    return frozenset(reached)


def _ends(instruction: ClassicInstruction) -> bool:
    """Return whether an instruction ends the program: a return, or a load from an offset that no packet has."""
    code, k = instruction.code, op.signed(instruction.k)
    is_absolute = (code in op.LOADS and code & 0xE0 == op.ABS) or code == op.LDX | op.MSH | op.B
    return code & 7 == op.RET or (is_absolute and k < op.LL_OFF)


def _operand_fault(instruction: ClassicInstruction) -> str:
    code, k = instruction.code, instruction.k
    if code not in op.ALLOWED:
        return f"unknown opcode {code} ({code:#x})"
    if code in (op.ALU | op.DIV, op.ALU | op.MOD) and k == 0:
        return "it divides by 0"
    if code in (op.ALU | op.LSH, op.ALU | op.RSH) and k >= _WORD_BITS:
        return f"it shifts by {k} bits; the maximum is 31"
    if code in _CELL_USERS and k >= op.MEMORY_WORDS:
        return f"no M[{k}]; scratch memory is M[0] to M[{op.MEMORY_WORDS - 1}]"
    is_absolute = code in op.LOADS and code & 0xE0 == op.ABS
    if is_absolute and op.signed(k) < 0 and op.signed(k) >= op.AD_OFF and not op.ancillary(code, k):
        return f"unknown extension {op.signed(k) - op.AD_OFF} (load offset {k})"
    return ""


def _jump_fault(program: Sequence[ClassicInstruction], index: int) -> str:
    furthest = max(targets(index, program[index]), default=0)
    return f"it jumps to {furthest}, past the last of {len(program)} instructions" if furthest >= len(program) else ""


def _unset_memory(program: Sequence[ClassicInstruction]) -> Problem | None:
    """Return the first load from a cell of M that not every path has stored to.

    This is the kernel's bookkeeping with its quirks: a return does not end a path.
    """
    at_targets: dict[int, int] = {}
    stored = 0
    for index, instruction in enumerate(program):
        stored &= at_targets.get(index, _ALL_CELLS)
        if instruction.code in (op.ST, op.STX):
            stored |= 1 << instruction.k
        elif instruction.code in _CELL_READERS and not stored & 1 << instruction.k:
            return Problem(index, f"it loads M[{instruction.k}], which some path to it has not stored")
        elif is_jump(instruction.code):
            for target in targets(index, instruction):
                at_targets[target] = at_targets.get(target, _ALL_CELLS) & stored
            stored = _ALL_CELLS
    return None
