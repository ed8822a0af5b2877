"""How many bytes of stack the functions of a linked program use."""

from __future__ import annotations

from pytc.bpf.insn import instructions as ins
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.link.linker import LinkedProgram

_FRAME = 10
_LARGEST = 512
_ADD, _MOVE = 0x00, 0xB0


class FunctionStack(NamedTuple):
    """A function of a linked program: its first slot, the bytes of stack that it names, and the functions it calls, by
    their first slots."""

    name: str
    start: int
    size: int
    calls: tuple[int, ...]


def function_stacks(linked: LinkedProgram) -> list[FunctionStack]:
    """Return the functions in the order of their instructions.

    The size is the lowest offset from the frame pointer that an instruction names, by access or by address, which is
    what the verifier comes to for code of a compiler; rounding is up to the kernel.
    """
    starts = [part.start for part in linked.functions] + [len(linked.code) // ins.SIZE]
    decoded = ins.decode_all(linked.code)
    result = []
    for part, end in zip(linked.functions, starts[1:], strict=True):
        lowest, calls = 0, []
        copies: set[int] = set()
        for slot, i in decoded:
            if not part.start <= slot < end:
                continue
            kind = i.opcode & 7
            if (kind == ins.LDX and i.source == _FRAME) or (kind in (ins.ST, ins.STX) and i.destination == _FRAME):
                lowest = min(lowest, i.offset)
            elif kind == ins.ALU64 and i.opcode & 0xF0 == _MOVE and i.opcode & ins.FROM_REGISTER:
                (copies.add if i.source == _FRAME else copies.discard)(i.destination)
            elif kind == ins.ALU64 and i.opcode & 0xF0 == _ADD and not i.opcode & ins.FROM_REGISTER:
                if i.destination in copies:
                    # A lower one is no address of the stack, and may never be used.
                    lowest = min(lowest, max(i.immediate, -_LARGEST))
                    copies.discard(i.destination)
            elif i.opcode == ins.OP_CALL and i.source == ins.PSEUDO_CALL:
                calls.append(slot + 1 + i.immediate)
        result.append(FunctionStack(part.function.name, part.start, -lowest, tuple(dict.fromkeys(calls))))
    return result


def deepest_chain(stacks: list[FunctionStack]) -> list[FunctionStack]:
    """Return the chain of calls from the first function that uses the most stack; empty where calls go in circles."""
    by_start = {one.start: one for one in stacks}
    best: dict[int, list[FunctionStack]] = {}
    open_calls: set[int] = set()

    def chain(start: int) -> list[FunctionStack] | None:
        if start in best:
            return best[start]
        function = by_start.get(start)
        if function is None or start in open_calls:
            return None
        open_calls.add(start)
        below: list[FunctionStack] = []
        for callee in function.calls:
            found = chain(callee)
            if found is None:
                return None
            if sum(one.size for one in found) > sum(one.size for one in below):
                below = found
        open_calls.discard(start)
        best[start] = [function, *below]
        return best[start]

    return (chain(0) or []) if len(stacks) < 500 else []
