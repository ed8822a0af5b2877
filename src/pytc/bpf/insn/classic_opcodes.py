"""The instruction set of classic BPF: include/uapi/linux/bpf_common.h and filter.h.

An opcode is a class (bits 0 to 2) and, of loads, a size (3, 4) and a mode (5 to 7); of ALU and jumps, an operation
(4 to 7) and the source of the operand (3: X, else k); of returns, the source (3, 4).
"""

from __future__ import annotations

LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)

W, H, B = 0x00, 0x08, 0x10
IMM, ABS, IND, MEM, LEN, MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0

ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR = range(0x00, 0xB0, 0x10)
JA, JEQ, JGT, JGE, JSET = range(0x00, 0x50, 0x10)
K, X, A = 0x00, 0x08, 0x10
TAX, TXA = 0x00, 0x80

#: Cells of scratch memory, M[0] to M[15].
MEMORY_WORDS = 16
#: Bytes of each size.
SIZES = {W: 4, H: 2, B: 1}

LOADS = frozenset(LD | mode | size for mode in (ABS, IND) for size in (W, H, B))
ALLOWED = LOADS | {
    LD | IMM,
    LD | MEM,
    LD | LEN,
    LDX | IMM,
    LDX | MEM,
    LDX | LEN,
    LDX | MSH | B,
    ST,
    STX,
    ALU | NEG,
    JMP | JA,
    RET | K,
    RET | A,
    MISC | TAX,
    MISC | TXA,
    *(ALU | operation | source for operation in (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR) for source in (K, X)),
    *(JMP | operation | source for operation in (JEQ, JGT, JGE, JSET) for source in (K, X)),
}

# Load offsets are signed to Linux, and some negative ones mean something: SKF_* of filter.h.
#: From here on, ``AD_OFF + n``: what the kernel knows of a packet besides its bytes.
AD_OFF = -0x1000
#: Offsets from the network header, and from the link-layer header.
NET_OFF, LL_OFF = -0x100000, -0x200000

#: SKF_AD_*, by bpf_asm's names where it has one.
ANCILLARY = {
    "proto": 0,
    "type": 4,
    "ifidx": 8,
    "nla": 12,
    "nlan": 16,
    "mark": 20,
    "queue": 24,
    "hatype": 28,
    "rxhash": 32,
    "cpu": 36,
    "alu_xor_x": 40,
    "vlan_tci": 44,
    "vlan_avail": 48,
    "poff": 52,
    "rand": 56,
    "vlan_tpid": 60,
}
ANCILLARY_NAMES = {number: name for name, number in ANCILLARY.items()}


def signed(number: int) -> int:
    """Return a u32 as an s32."""
    return number - (1 << 32) if number >= 1 << 31 else number


def ancillary(code: int, k: int) -> str:
    """Return the name of the extension that an absolute load reads; empty for a load from the packet and other
    instructions."""
    if code not in LOADS or code & 0xE0 != ABS:
        return ""
    return ANCILLARY_NAMES.get(signed(k) - AD_OFF, "")
