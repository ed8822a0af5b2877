"""Print eBPF in the kernel's notation, that of the verifier's log and of ``bpftool prog dump xlated``.

Source: kernel/bpf/disasm.c of Linux 6.18, and Documentation/bpf/standardization/instruction-set.rst for what the fields
mean. A statement is ``(opcode in hex) text``; what the kernel has no text for is ``BUG_`` and the opcode.
"""

from __future__ import annotations

from pytc.bpf.insn import instructions as ins
from pytc.bpf.insn.instructions import SIZE, decode_all, immediate_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytc.bpf.insn.instructions import Instruction

#: Sizes by bits 3 and 4 of a load or store.
SIZES = ("u32", "u16", "u8", "u64")
SIGNED_SIZES = ("s32", "s16", "s8")
#: ALU operations by their upper four bits; NEG (8) and END (13) are written differently.
ALU_OPERATORS = {
    0x0: "+=",
    0x1: "-=",
    0x2: "*=",
    0x3: "/=",
    0x4: "|=",
    0x5: "&=",
    0x6: "<<=",
    0x7: ">>=",
    0x9: "%=",
    0xA: "^=",
    0xB: "=",
    0xC: "s>>=",
}
#: Division with sign: the offset is 1.
SIGNED_OPERATORS = {0x3: "s/=", 0x9: "s%="}
NEG, MOV, END = 0x8, 0xB, 0xD
#: Moves that keep the sign, by their offset.
MOVE_SIGNS = {8: "(s8)", 16: "(s16)", 32: "(s32)"}
ADDRESS_SPACE, PER_CPU_ADDRESS = 1, -1
COMPARISONS = {
    0x1: "==",
    0x2: ">",
    0x3: ">=",
    0x4: "&",
    0x5: "!=",
    0x6: "s>",
    0x7: "s>=",
    0xA: "<",
    0xB: "<=",
    0xC: "s<",
    0xD: "s<=",
}
#: Atomic operations by their immediate.
ATOMICS = {0x00: "+=", 0x40: "|=", 0x50: "&=", 0xA0: "^="}
FETCHES = {0x01: "add", 0x41: "or", 0x51: "and", 0xA1: "xor"}
EXCHANGE, COMPARE_EXCHANGE, LOAD_ACQUIRE, STORE_RELEASE = 0xE1, 0xF1, 0x100, 0x110
OP_MAY_GOTO, OP_GOTO_REGISTER = 0xE5, 0x0D
OP_NO_SPECULATION = 0xC2
PSEUDO_MAP_INDEX, PSEUDO_MAP_INDEX_VALUE = 5, 6

if TYPE_CHECKING:
    #: Says what stands behind ``call``, or nothing for what an instruction says by itself.
    Caller = Callable[[Instruction], str]


def disassemble(code: bytes | bytearray | memoryview, call: Caller | None = None) -> Iterator[tuple[int, str]]:
    """Yield (slot, statement) for each instruction; the second slot of one of 16 bytes yields nothing.

    Takes any bytes: those after the last whole instruction are left out. ``call`` names the targets of calls.
    """
    whole = len(code) // SIZE
    for slot, instruction in decode_all(memoryview(code)[: whole * SIZE]):
        second = immediate_at(code, slot + 1) if instruction.opcode == ins.OP_LD_IMM64 and slot + 1 < whole else 0
        yield slot, statement(instruction, second, call)


def statement(instruction: Instruction, second: int = 0, call: Caller | None = None) -> str:
    """Return an instruction as text; ``second`` is the immediate of the second slot of one of 16 bytes."""
    if instruction.opcode == ins.OP_LD_IMM64:
        text = f"r{instruction.destination} = {_wide(instruction, second)}"
    elif instruction.opcode == ins.OP_CALL:
        text = f"call {(call(instruction) if call is not None else '') or callee(instruction)}"
    else:
        text = _BY_CLASS[instruction.opcode & 7](instruction)
    return f"({instruction.opcode:02x}) {text}" if text else f"BUG_{instruction.opcode:02x}"


def _wide(i: Instruction, second: int) -> str:
    low, high = i.immediate & 0xFFFFFFFF, second & 0xFFFFFFFF
    return {
        ins.PSEUDO_MAP_FD: f"map[id:{low}]",
        ins.PSEUDO_MAP_VALUE: f"map[id:{low}][0]+{high}",
        ins.PSEUDO_BTF_ID: f"btf[id:{low}]" + (f"[fd:{high}]" if high else ""),
        ins.PSEUDO_FUNC: f"subprog[{i.immediate:+d}]",
        PSEUDO_MAP_INDEX: f"map[idx:{low}]",
        PSEUDO_MAP_INDEX_VALUE: f"map[idx:{low}]+{high}",
    }.get(i.source, f"{high << 32 | low:#x}")


def callee(i: Instruction) -> str:
    """Return the target of a call, as far as the instruction itself names it."""
    if i.source == ins.PSEUDO_CALL:
        return f"pc{i.immediate:+d}"
    if i.source == ins.PSEUDO_KFUNC_CALL:
        return f"kernel-function#{i.immediate}"
    return f"{helper_name(i.immediate) or 'unknown'}#{i.immediate}"


def helper_name(number: int) -> str:
    """Return a helper's full name, like ``bpf_map_lookup_elem``; empty for a number that pytc does not know."""
    from pytc.bpf.sys.helpers import helper

    known = helper(number)
    return f"bpf_{known.name}" if known is not None else "" if number else "bpf_unspec"


def _alu(i: Instruction) -> str:
    register, operation = "w" if i.opcode & 7 == ins.ALU else "r", i.opcode >> 4
    if operation == END:
        return _byte_order(i)
    if operation == NEG:
        return f"{register}{i.destination} = -{register}{i.destination}"
    operator = SIGNED_OPERATORS.get(operation, "") if i.offset == 1 else ""
    operator = operator or ALU_OPERATORS.get(operation, "")
    if not operator:
        return ""
    if not i.opcode & 8:
        return f"{register}{i.destination} {operator} {i.immediate}"
    if operation == MOV and register == "r" and i.offset == ADDRESS_SPACE:
        spaces = i.immediate & 0xFFFFFFFF
        return f"r{i.destination} = addr_space_cast(r{i.source}, {spaces >> 16}, {spaces & 0xFFFF})"
    if operation == MOV and register == "r" and i.offset == PER_CPU_ADDRESS:
        return f"r{i.destination} = &(void __percpu *)(r{i.source})"
    sign = MOVE_SIGNS.get(i.offset, "") if operation == MOV else ""
    return f"{register}{i.destination} {operator} {sign}{register}{i.source}"


def _byte_order(i: Instruction) -> str:
    to = "bswap" if i.opcode & 7 == ins.ALU64 else "be" if i.opcode & 8 else "le"
    return f"r{i.destination} = {to}{i.immediate} r{i.destination}"


def _jump(i: Instruction) -> str:
    fixed = {
        ins.OP_GOTO: f"goto pc{i.offset:+d}",
        ins.OP_GOTO_LONG: f"gotol pc{i.immediate:+d}",
        ins.OP_EXIT: "exit",
        OP_GOTO_REGISTER: f"gotox r{i.destination}",
    }.get(i.opcode)
    if fixed is not None:
        return fixed
    if i.opcode == OP_MAY_GOTO:
        return "" if i.source else f"may_goto pc{i.offset:+d}"
    comparison = COMPARISONS.get(i.opcode >> 4)
    if comparison is None:
        return ""
    register = "w" if i.opcode & 7 == ins.JMP32 else "r"
    right = f"{register}{i.source}" if i.opcode & 8 else f"{i.immediate & 0xFFFFFFFF:#x}"
    return f"if {register}{i.destination} {comparison} {right} goto pc{i.offset:+d}"


def _size(i: Instruction) -> str:
    return SIZES[i.opcode >> 3 & 3]


def _load(i: Instruction) -> str:
    mode = i.opcode & 0xE0
    if mode not in (ins.ABS, ins.IND):
        return ""
    return (
        f"r0 = *({_size(i)} *)skb[{i.immediate}]"
        if mode == ins.ABS
        else f"r0 = *({_size(i)} *)skb[r{i.source} + {i.immediate}]"
    )


def _load_register(i: Instruction) -> str:
    mode, size = i.opcode & 0xE0, i.opcode >> 3 & 3
    if mode != ins.MEM and (mode != ins.MEMSX or size == 3):
        return ""
    name = SIZES[size] if mode == ins.MEM else SIGNED_SIZES[size]
    return f"r{i.destination} = *({name} *)(r{i.source} {i.offset:+d})"


def _store(i: Instruction) -> str:
    if i.opcode == OP_NO_SPECULATION:
        return "nospec"
    return f"*({_size(i)} *)(r{i.destination} {i.offset:+d}) = {i.immediate}" if i.opcode & 0xE0 == ins.MEM else ""


def _store_register(i: Instruction) -> str:
    mode, target = i.opcode & 0xE0, f"({_size(i)} *)(r{i.destination} {i.offset:+d})"
    if mode == ins.MEM:
        return f"*{target} = r{i.source}"
    if mode != ins.ATOMIC:
        return ""
    wide = "64" if _size(i) == "u64" else ""
    if i.immediate in ATOMICS:
        return f"lock *{target} {ATOMICS[i.immediate]} r{i.source}"
    if i.immediate in FETCHES:
        return f"r{i.source} = atomic{wide}_fetch_{FETCHES[i.immediate]}({target}, r{i.source})"
    return {
        EXCHANGE: f"r{i.source} = atomic{wide}_xchg({target}, r{i.source})",
        COMPARE_EXCHANGE: f"r0 = atomic{wide}_cmpxchg({target}, r0, r{i.source})",
        LOAD_ACQUIRE: f"r{i.destination} = load_acquire(({_size(i)} *)(r{i.source} {i.offset:+d}))",
        STORE_RELEASE: f"store_release({target}, r{i.source})",
    }.get(i.immediate, "")


_BY_CLASS = {
    ins.LD: _load,
    ins.LDX: _load_register,
    ins.ST: _store,
    ins.STX: _store_register,
    ins.ALU: _alu,
    ins.JMP: _jump,
    ins.JMP32: _jump,
    ins.ALU64: _alu,
}
