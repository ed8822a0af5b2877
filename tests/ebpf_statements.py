"""Instructions of each form, as bytes and as the kernel prints them."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

#: The text by Linux 6.18, and the bytes.
STATEMENTS = {
    "(b7) r1 = -5": "b7010000fbffffff",
    "(b4) w1 = 7": "b401000007000000",
    "(bf) r1 = r6": "bf61000000000000",
    "(bc) w1 = w6": "bc61000000000000",
    "(bf) r1 = (s8)r2": "bf21080000000000",
    "(bc) w1 = (s16)w2": "bc21100000000000",
    "(bf) r1 = (s32)r2": "bf21200000000000",
    "(07) r1 += 8": "0701000008000000",
    "(1f) r1 -= r2": "1f21000000000000",
    "(24) w3 *= 3": "2403000003000000",
    "(3f) r1 /= r2": "3f21000000000000",
    "(3f) r1 s/= r2": "3f21010000000000",
    "(34) w1 s/= 8": "3401010008000000",
    "(9c) w1 s%= w2": "9c21010000000000",
    "(97) r1 %= 10": "970100000a000000",
    "(4f) r1 |= r2": "4f21000000000000",
    "(57) r1 &= 255": "57010000ff000000",
    "(67) r1 <<= 32": "6701000020000000",
    "(77) r1 >>= 32": "7701000020000000",
    "(c7) r1 s>>= 63": "c70100003f000000",
    "(af) r1 ^= r1": "af11000000000000",
    "(87) r1 = -r1": "8701000000000000",
    "(84) w1 = -w1": "8401000000000000",
    "(dc) r1 = be16 r1": "dc01000010000000",
    "(d4) r1 = le64 r1": "d401000040000000",
    "(d7) r1 = bswap32 r1": "d701000020000000",
    "(bf) r1 = addr_space_cast(r2, 0, 1)": "bf21010001000000",
    "(bf) r1 = &(void __percpu *)(r2)": "bf21ffff00000000",
    "(18) r1 = 0x1122334455667788": "18010000887766550000000044332211",
    "(18) r1 = map[id:7]": "18110000070000000000000000000000",
    "(18) r1 = map[id:7][0]+12": "1821000007000000000000000c000000",
    "(18) r1 = btf[id:9]": "18310000090000000000000000000000",
    "(18) r1 = btf[id:9][fd:5]": "18310000090000000000000005000000",
    "(18) r1 = subprog[+14]": "184100000e0000000000000000000000",
    "(18) r1 = map[idx:2]": "18510000020000000000000000000000",
    "(18) r1 = map[idx:2]+4": "18610000020000000000000004000000",
    "(61) r1 = *(u32 *)(r2 +112)": "6121700000000000",
    "(79) r1 = *(u64 *)(r10 -8)": "79a1f8ff00000000",
    "(91) r1 = *(s8 *)(r2 +0)": "9121000000000000",
    "(89) r1 = *(s16 *)(r2 +2)": "8921020000000000",
    "(81) r1 = *(s32 *)(r2 +4)": "8121040000000000",
    "(28) r0 = *(u16 *)skb[12]": "280000000c000000",
    "(50) r0 = *(u8 *)skb[r7 + 14]": "507000000e000000",
    "(7b) *(u64 *)(r10 -8) = r1": "7b1af8ff00000000",
    "(62) *(u32 *)(r10 -4) = -1": "620afcffffffffff",
    "(db) lock *(u64 *)(r2 +0) += r1": "db12000000000000",
    "(c3) lock *(u32 *)(r2 +0) |= r1": "c312000040000000",
    "(db) r1 = atomic64_fetch_add((u64 *)(r2 +0), r1)": "db12000001000000",
    "(c3) r1 = atomic_fetch_xor((u32 *)(r2 +4), r1)": "c3120400a1000000",
    "(db) r1 = atomic64_xchg((u64 *)(r2 +0), r1)": "db120000e1000000",
    "(c3) r0 = atomic_cmpxchg((u32 *)(r2 +0), r0, r1)": "c3120000f1000000",
    "(db) r1 = load_acquire((u64 *)(r2 +8))": "db21080000010000",
    "(cb) store_release((u16 *)(r1 +8), r2)": "cb21080010010000",
    "(05) goto pc-3": "0500fdff00000000",
    "(06) gotol pc+100000": "06000000a0860100",
    "(e5) may_goto pc+5": "e500050000000000",
    "(0d) gotox r1": "0d01000000000000",
    "(15) if r1 == 0x0 goto pc+47": "15012f0000000000",
    "(a5) if r1 < 0xffffffff goto pc+1": "a5010100ffffffff",
    "(7d) if r1 s>= r2 goto pc-1": "7d21ffff00000000",
    "(4e) if w1 & w2 goto pc+2": "4e21020000000000",
    "(85) call bpf_map_lookup_elem#1": "8500000001000000",
    "(85) call unknown#99999": "850000009f860100",
    "(85) call kernel-function#123": "852000007b000000",
    "(85) call pc+3": "8510000003000000",
    "(95) exit": "9500000000000000",
    "(c2) nospec": "c200000000000000",
}
_REGISTERS, _OFFSETS = st.integers(0, 10), st.integers(-0x8000, 0x7FFF)
_IMMEDIATES, _WORDS = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 0xFFFFFFFF)
_ALU = st.sampled_from([op << 4 for op in (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12)])
_COMPARISONS = st.sampled_from([op << 4 for op in (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13)])
_SIZES = st.sampled_from([0x00, 0x08, 0x10, 0x18])
_CLASSES, _JUMPS = st.sampled_from([4, 7]), st.sampled_from([5, 6])


def _pack(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("=BBhi", opcode, destination | source << 4, offset, immediate)


def _wide(register: int, source: int, first: int, second: int) -> bytes:
    has_second = source in (0, 2, 3, 6)
    return struct.pack("=BBhIII", 0x18, register | source << 4, 0, first, 0, second if has_second else 0)


def _atomic(size: int, of: tuple[int, int, int], immediate: int) -> bytes:
    return _pack(0xC3 | size, *of, immediate)


def statements() -> st.SearchStrategy[bytes]:
    """Instructions without anything in their reserved fields."""
    return st.one_of(
        st.builds(lambda c, o, d, i: _pack(c | o, d, 0, 0, i), _CLASSES, _ALU, _REGISTERS, _IMMEDIATES),
        st.builds(lambda c, o, d, s: _pack(c | o | 8, d, s), _CLASSES, _ALU, _REGISTERS, _REGISTERS),
        st.builds(
            lambda c, o, d, i: _pack(c | o, d, 0, 1, i),
            _CLASSES,
            st.sampled_from([0x30, 0x90]),
            _REGISTERS,
            _IMMEDIATES,
        ),
        st.builds(
            lambda c, d, s, o: _pack(c | 0xB8, d, s, o), _CLASSES, _REGISTERS, _REGISTERS, st.sampled_from([8, 16, 32])
        ),
        st.builds(
            lambda o, d, i: _pack(o, d, 0, 0, i),
            st.sampled_from([0xD4, 0xD7, 0xDC]),
            _REGISTERS,
            st.sampled_from([16, 32, 64]),
        ),
        st.builds(
            lambda m, z, d, s, o: _pack(m | z, d, s, o),
            st.sampled_from([0x61, 0x63]),
            _SIZES,
            _REGISTERS,
            _REGISTERS,
            _OFFSETS,
        ),
        st.builds(lambda z, d, o, i: _pack(0x62 | z, d, 0, o, i), _SIZES, _REGISTERS, _OFFSETS, _IMMEDIATES),
        st.builds(
            _atomic,
            st.sampled_from([0x00, 0x18]),
            st.tuples(_REGISTERS, _REGISTERS, _OFFSETS),
            st.sampled_from([0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xA0, 0xA1, 0xE1, 0xF1, 0x100, 0x110]),
        ),
        st.builds(
            lambda c, o, d, off, i: _pack(c | o, d, 0, off, i), _JUMPS, _COMPARISONS, _REGISTERS, _OFFSETS, _IMMEDIATES
        ),
        st.builds(
            lambda c, o, d, s, off: _pack(c | o | 8, d, s, off), _JUMPS, _COMPARISONS, _REGISTERS, _REGISTERS, _OFFSETS
        ),
        st.builds(lambda o: _pack(0x05, offset=o), _OFFSETS),
        st.builds(lambda i: _pack(0x06, immediate=i), _IMMEDIATES),
        st.builds(lambda s, i: _pack(0x85, source=s, immediate=i), st.sampled_from([0, 1, 2]), _IMMEDIATES),
        st.builds(_wide, _REGISTERS, st.sampled_from([0, 1, 2, 3, 5, 6]), _WORDS, _WORDS),
        st.sampled_from([bytes.fromhex(code) for code in STATEMENTS.values()]),
    )
