"""Find loops that no verifier sees an end of."""

from __future__ import annotations

from pytc.bpf.insn import instructions as ins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.insn.instructions import Instruction
    from pytc.bpf.link.linker import LinkedProgram

_FRAME = 10
_OP_MAY_GOTO = 0xE5
_MOVE = 0xB0


def endless_loops(linked: LinkedProgram) -> list[int]:
    """Return the first slots of loops that are left only by comparisons in which nothing counts.

    A comparison counts where one side is changed in the loop by arithmetic, and the other is a constant or comes from
    outside of the loop: that may be bounded. Loops that call functions or ask may_goto are taken for bounded.
    """
    code = dict(ins.decode_all(linked.code))
    return [min(loop) for loop in _loops(code) if _is_endless(loop, code)]


def _is_endless(loop: set[int], code: dict[int, Instruction]) -> bool:
    if any(_is_uncertain(code[slot]) for slot in loop):
        return False
    loaded = {i.destination for slot in loop if (i := code[slot]).opcode & 7 == ins.LDX and i.source != _FRAME}
    counted = {i.destination for slot in loop if _counts(i := code[slot])}
    if any((i := code[slot]).opcode & 7 == ins.LDX and i.source == _FRAME for slot in loop):
        # A counter on the stack is changed in a register.
        counted |= {i.destination for slot in loop if (i := code[slot]).opcode & 7 == ins.LDX and i.source == _FRAME}
    for slot in loop:
        i = code[slot]
        if i.opcode & 7 not in (ins.JMP, ins.JMP32) or i.opcode in (ins.OP_GOTO, ins.OP_GOTO_LONG):
            continue
        if all(follower in loop for follower in _followers(slot, i)):
            continue
        right = {i.source} if i.opcode & ins.FROM_REGISTER else set()
        if right & (loaded - counted) or (i.destination in loaded - counted):
            continue  # read anew in each pass
        if i.destination in counted or right & counted:
            return False
        if any(_writes(code[other], register) for other in loop for register in {i.destination, *right}):
            return False
    return True


def _is_uncertain(i: Instruction) -> bool:
    return i.opcode in (ins.OP_CALL, ins.OP_CALL_REGISTER, _OP_MAY_GOTO, ins.OP_EXIT)


def _counts(i: Instruction) -> bool:
    """Return whether an instruction changes a register by arithmetic."""
    return i.opcode & 7 in (ins.ALU, ins.ALU64) and i.opcode & 0xF0 != _MOVE


def _writes(i: Instruction, register: int) -> bool:
    return i.opcode & 7 in (ins.ALU, ins.ALU64, ins.LDX, ins.LD) and i.destination == register


def _followers(slot: int, i: Instruction) -> list[int]:
    after = slot + (2 if i.opcode == ins.OP_LD_IMM64 else 1)
    if i.opcode == ins.OP_EXIT:
        return []
    if i.opcode == ins.OP_GOTO:
        return [after + i.offset]
    if i.opcode == ins.OP_GOTO_LONG:
        return [after + i.immediate]
    if i.opcode & 7 in (ins.JMP, ins.JMP32) and i.opcode not in (ins.OP_CALL, ins.OP_CALL_REGISTER):
        return [after, after + i.offset]
    return [after]


def _loops(code: dict[int, Instruction]) -> Iterator[set[int]]:
    """Yield the sets of slots that lead to one another (Tarjan's algorithm, without recursion)."""
    followers = {slot: [one for one in _followers(slot, i) if one in code] for slot, i in code.items()}
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    closed: set[int] = set()
    for root in code:
        work = [] if root in index else [(root, 0)]
        while work:
            slot, position = work.pop()
            if not position:
                index[slot] = low[slot] = len(index)
                stack.append(slot)
            if position < len(followers[slot]):
                work.append((slot, position + 1))
                follower = followers[slot][position]
                if follower not in index:
                    work.append((follower, 0))
                continue
            low[slot] = min([low[slot], *(low[one] for one in followers[slot] if one not in closed)])
            if low[slot] == index[slot]:
                members = set(stack[stack.index(slot) :])
                del stack[stack.index(slot) :]
                closed |= members
                if len(members) > 1 or slot in followers[slot]:
                    yield members
