"""Hypothesis strategies for classic BPF: programs that a kernel takes, and any."""

from __future__ import annotations

from hypothesis import strategies as st

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic import ClassicInstruction

_U32 = 0xFFFFFFFF
_CELLS = 3
_BINARY = (op.ADD, op.SUB, op.MUL, op.DIV, op.OR, op.AND, op.LSH, op.RSH, op.MOD, op.XOR)
_EDGES = (
    0,
    1,
    2,
    4,
    15,
    16,
    31,
    32,
    255,
    256,
    4095,
    4096,
    0x7FFFFFFF,
    0x80000000,
    0xFFF00000,
    0xFFFFF000,
    0xFFFFF028,
    0xFFFFF03C,
    0xFFFFF040,
    0xFFE00000,
    _U32,
)
numbers = st.one_of(st.integers(0, 64), st.sampled_from(_EDGES), st.integers(0, _U32))
_offsets = st.one_of(st.integers(0, 70), st.sampled_from((1000, 0x7FFFFFFF, 0x80000000, 0xFFDFFFFF)))
#: Offsets from the network and link-layer headers.
header_offsets = st.one_of(
    st.integers(0, 60).map(lambda at: op.NET_OFF + at & _U32), st.integers(0, 60).map(lambda at: op.LL_OFF + at & _U32)
)


def _alu(operation: int, source: int, k: int) -> ClassicInstruction:
    if source == op.X:
        return ClassicInstruction(op.ALU | operation | source, 0, 0, 0)
    k = k % 32 if operation in (op.LSH, op.RSH) else k or 1 if operation in (op.DIV, op.MOD) else k
    return ClassicInstruction(op.ALU | operation | source, 0, 0, k)


def straight(extensions: tuple[str, ...] = (), *, from_headers: bool = False) -> st.SearchStrategy[ClassicInstruction]:
    """An instruction that neither jumps nor returns; of M, the first three cells are used."""
    offsets = st.one_of(_offsets, header_offsets) if from_headers else _offsets
    sizes = st.sampled_from((op.W, op.H, op.B))
    cells = st.integers(0, _CELLS - 1)
    plain = st.sampled_from((op.LD | op.LEN, op.LDX | op.LEN, op.ALU | op.NEG, op.MISC | op.TAX, op.MISC | op.TXA))
    choices = [
        st.builds(lambda size, k: ClassicInstruction(op.LD | op.ABS | size, 0, 0, k), sizes, offsets),
        st.builds(lambda size, k: ClassicInstruction(op.LD | op.IND | size, 0, 0, k), sizes, offsets),
        st.builds(lambda k: ClassicInstruction(op.LDX | op.MSH | op.B, 0, 0, k), offsets),
        st.builds(_alu, st.sampled_from(_BINARY), st.sampled_from((op.K, op.X)), numbers),
        st.builds(lambda code, k: ClassicInstruction(code, 0, 0, k), st.sampled_from((op.LD, op.LDX)), numbers),
        st.builds(
            lambda code, k: ClassicInstruction(code, 0, 0, k),
            st.sampled_from((op.LD | op.MEM, op.LDX | op.MEM, op.ST, op.STX)),
            cells,
        ),
        plain.map(lambda code: ClassicInstruction(code, 0, 0, 0)),
    ]
    if extensions:
        choices.append(
            st.builds(
                lambda size, name: ClassicInstruction(
                    op.LD | op.ABS | size, 0, 0, op.AD_OFF + op.ANCILLARY[name] & _U32
                ),
                sizes,
                st.sampled_from(extensions),
            )
        )
    return st.one_of(choices)


@st.composite
def programs(
    draw: st.DrawFn, extensions: tuple[str, ...] = (), *, from_headers: bool = False, longest: int = 24
) -> tuple[ClassicInstruction, ...]:
    """A program that a kernel takes. It ends by returning one byte of A, so that a socket shows what it computes."""
    before = [ClassicInstruction(op.ST, 0, 0, cell) for cell in range(_CELLS)]
    after = [
        ClassicInstruction(op.ALU | op.RSH, 0, 0, draw(st.sampled_from((0, 8, 16, 24)))),
        ClassicInstruction(op.ALU | op.AND, 0, 0, 0xFF),
        ClassicInstruction(op.RET | op.A, 0, 0, 0),
    ]
    body = draw(st.lists(straight(extensions, from_headers=from_headers), min_size=1, max_size=longest))
    for index in range(len(body)):
        left = len(body) - index - 1
        kind = draw(st.integers(0, 9))
        if kind == 0:
            body[index] = ClassicInstruction(op.JMP | op.JA, 0, 0, draw(st.integers(0, left)))
        elif kind <= 2:
            code = (
                op.JMP | draw(st.sampled_from((op.JEQ, op.JGT, op.JGE, op.JSET))) | draw(st.sampled_from((op.K, op.X)))
            )
            body[index] = ClassicInstruction(
                code, draw(st.integers(0, left)), draw(st.integers(0, left)), 0 if code & op.X else draw(numbers)
            )
        elif kind == 3 and draw(st.booleans()):
            body[index] = ClassicInstruction(op.RET | op.K, 0, 0, draw(numbers))
    return (*before, *body, *after)


_codes = st.one_of(st.sampled_from(sorted(op.ALLOWED)), st.integers(0, 0xFF), st.integers(0, 0xFFFF))
#: Instructions of any sort, most of which no kernel takes.
anything = st.builds(ClassicInstruction, _codes, st.integers(0, 5), st.integers(0, 5), numbers)
wild_programs = st.builds(
    lambda body, end: (*body, end),
    st.lists(anything, max_size=6),
    st.one_of(anything, st.builds(lambda k: ClassicInstruction(op.RET | op.K, 0, 0, k), numbers)),
)

_cells_used = st.builds(
    ClassicInstruction,
    st.sampled_from((op.ST, op.STX, op.LD | op.MEM, op.LDX | op.MEM)),
    st.just(0),
    st.just(0),
    st.integers(0, 1),
)
_short_jumps = st.builds(
    ClassicInstruction,
    st.sampled_from((op.JMP | op.JEQ, op.JMP | op.JA)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
)
#: Programs in which it is the ways to loads of M that decide.
memory_programs = st.builds(
    lambda body: (*body, *(ClassicInstruction(op.RET | op.K, 0, 0, k) for k in range(3))),
    st.lists(
        st.one_of(_cells_used, _cells_used, _short_jumps, st.just(ClassicInstruction(op.RET | op.A, 0, 0, 0))),
        min_size=2,
        max_size=9,
    ),
)


def single_instructions() -> list[tuple[ClassicInstruction, ...]]:
    """Each opcode up to 0x1ff with a plain constant, and each that there is with constants at all limits."""
    alone = [ClassicInstruction(code, 0, 0, 1) for code in range(0x200)]
    alone += [ClassicInstruction(code, 1, 1, k) for code in sorted(op.ALLOWED) for k in _EDGES]
    stores = tuple(ClassicInstruction(op.ST, 0, 0, cell) for cell in range(op.MEMORY_WORDS))
    ends = (ClassicInstruction(op.RET | op.K, 0, 0, 0), ClassicInstruction(op.RET | op.K, 0, 0, 1))
    return [(*stores, one, *ends) for one in alone]


#: What no expression has: loads from headers, extensions, X that wraps, constants beyond s32.
ASSEMBLED = (
    "ldb [-1048567]\nret a",
    "ldh [-2097140]\nret a",
    "ldxi #2\nldh [x - 1048576]\nret a",
    "ldxi #9\nldb [x - 2097152]\nret a",
    "ldxi #-1\nldb [x + 5]\nret a",
    "ldxi #-1048576\nldb [x + 9]\nret a",
    "ldxi #-2097153\nldb [x + 0]\nret #9",
    "ldxi #-2097152\nldh [x + 12]\nret a",
    "ld #proto\nret a",
    "ld #mark\nadd #7\nret a",
    "ld #vlan_avail\nret a",
    "ld [-4056]\nret a",
    "ld #len\ntax\nldi #1000\ndiv x\nret a",
    "ldi #9\nmod x\nret #3",
    "ldx 4*([14]&0xf)\ntxa\nmul #3\nneg\nret a",
    "ldb [20]\nst M[3]\nldxi #33\nlsh x\nldx M[3]\nxor x\nret a",
    *(
        f"ldi #{a}\n{jump} #{k}, yes\nret #1\nyes: ret #2"
        for jump in ("jeq", "jgt", "jge", "jset")
        for a, k in (("-1", "-1"), ("1", "-1"), ("-1", "0x80000000"), ("0x80000000", "0x80000001"))
    ),
)
