"""Run classic BPF as Linux runs it (``bpf_convert_filter`` of net/core/filter.c).

Numbers are u32 and wrap. A and X begin as 0. A load that is not wholly within the packet, and a division by an X of 0,
end the program with 0; a shift by X counts its lower five bits. Where libpcap's own interpreter differs (a shift by 32
and more gives 0 there), this follows the kernel.
"""

from __future__ import annotations

import sys

from pytc.bpf.insn import classic_opcodes as op
from pytc.cbpf.ancillary import Ancillary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.insn.classic import ClassicInstruction

_U32 = 0xFFFFFFFF
_NO_MATCH = 0
_NLA_HEADER = 4
_NLA_TYPE = 0x3FFF


class Machine:
    """The state of a program that runs on a packet: the registers ``a`` and ``x``, ``memory``, and ``pc``, the index of
    the next instruction. ``verdict`` is None until the program returns.

    ``program`` has to be a checked one (:func:`pytc.bpf.insn.classic_check.check`). ``length`` is the packet's on the
    wire, by default that of ``data``.
    """

    __slots__ = ("a", "ancillary", "data", "length", "memory", "pc", "program", "verdict", "x")

    def __init__(
        self,
        program: Sequence[ClassicInstruction],
        data: bytes,
        length: int | None = None,
        ancillary: Ancillary | None = None,
    ) -> None:
        self.program = program
        self.data = data
        self.length = len(data) if length is None else length
        self.ancillary = ancillary if ancillary is not None else Ancillary()
        self.a = self.x = self.pc = 0
        self.memory = [0] * op.MEMORY_WORDS
        self.verdict: int | None = None

    def step(self) -> None:
        """Run the next instruction; do nothing when the program has returned."""
        if self.verdict is None:
            code, jt, jf, k = self.program[self.pc]
            self.pc += 1
            _HANDLERS[code](self, k, jt, jf)

    def run(self) -> int:
        """Run to the end; return the verdict, a u32."""
        program = self.program
        while self.verdict is None:
            code, jt, jf, k = program[self.pc]
            self.pc += 1
            _HANDLERS[code](self, k, jt, jf)
        return self.verdict

    def load(self, offset: int, size: int) -> int | None:
        """Return the number at an s32 offset; where the packet does not reach, end the program and return None."""
        if offset < 0:
            if offset >= op.NET_OFF:
                offset += self.ancillary.network_header - op.NET_OFF
            elif offset >= op.LL_OFF:
                offset -= op.LL_OFF
        if offset < 0 or offset + size > len(self.data):
            self.verdict = _NO_MATCH
            return None
        return int.from_bytes(self.data[offset : offset + size], "big")


def run(
    program: Sequence[ClassicInstruction], data: bytes, length: int | None = None, ancillary: Ancillary | None = None
) -> int:
    """Return the verdict of a checked program on a packet, a u32: 0 for no match."""
    return Machine(program, data, length, ancillary).run()


if TYPE_CHECKING:
    _Handler = Callable[[Machine, int, int, int], None]


def _packet_load(size: int, *, indirect: bool) -> _Handler:
    def absolute(m: Machine, k: int, _t: int, _f: int) -> None:
        offset = op.signed(k)
        if offset >= 0:
            if offset + size > len(m.data):
                m.verdict = _NO_MATCH
            else:
                m.a = int.from_bytes(m.data[offset : offset + size], "big")
        elif offset >= op.AD_OFF:
            _EXTENSIONS[op.ANCILLARY_NAMES[offset - op.AD_OFF]](m)
        elif (number := m.load(offset, size)) is not None:
            m.a = number

    def relative_to_x(m: Machine, k: int, _t: int, _f: int) -> None:
        number = m.load(op.signed(m.x + k & _U32), size)
        if number is not None:
            m.a = number

    return relative_to_x if indirect else absolute


def _header_length(m: Machine, k: int, _t: int, _f: int) -> None:
    number = m.load(op.signed(k), 1)
    if number is not None:
        m.x = (number & 0xF) << 2


def _alu(compute: Callable[[int, int], int]) -> tuple[_Handler, _Handler]:
    def with_k(m: Machine, k: int, _t: int, _f: int) -> None:
        m.a = compute(m.a, k) & _U32

    def with_x(m: Machine, _k: int, _t: int, _f: int) -> None:
        m.a = compute(m.a, m.x) & _U32

    return with_k, with_x


def _division(divide: Callable[[int, int], int]) -> tuple[_Handler, _Handler]:
    with_k, unguarded = _alu(divide)

    def with_x(m: Machine, k: int, jt: int, jf: int) -> None:
        if m.x:
            unguarded(m, k, jt, jf)
        else:
            m.verdict = _NO_MATCH

    return with_k, with_x


def _conditional(holds: Callable[[int, int], object]) -> tuple[_Handler, _Handler]:
    def with_k(m: Machine, k: int, jt: int, jf: int) -> None:
        m.pc += jt if holds(m.a, k) else jf

    def with_x(m: Machine, _k: int, jt: int, jf: int) -> None:
        m.pc += jt if holds(m.a, m.x) else jf

    return with_k, with_x


def _set(register: str, value: Callable[[Machine, int], int]) -> _Handler:
    def handler(m: Machine, k: int, _t: int, _f: int) -> None:
        setattr(m, register, value(m, k))

    return handler


def _store(value: Callable[[Machine], int]) -> _Handler:
    def handler(m: Machine, k: int, _t: int, _f: int) -> None:
        m.memory[k] = value(m)

    return handler


def _jump(m: Machine, k: int, _t: int, _f: int) -> None:
    m.pc += k


def _attribute(m: Machine, start: int, end: int) -> int:
    """Return the offset of the netlink attribute of type X between two offsets, 0 for none; nla_find() of the
    kernel."""
    while end - start >= _NLA_HEADER:
        length = int.from_bytes(m.data[start : start + 2], sys.byteorder)
        if not _NLA_HEADER <= length <= end - start:
            return 0
        if int.from_bytes(m.data[start + 2 : start + 4], sys.byteorder) & _NLA_TYPE == m.x:
            return start
        start += length + -length % 4
    return 0


def _nla(m: Machine) -> None:
    m.a = _attribute(m, m.a, len(m.data)) if m.a + _NLA_HEADER <= len(m.data) else 0


def _nlan(m: Machine) -> None:
    start, m.a = m.a, 0
    if start + _NLA_HEADER <= len(m.data):
        length = int.from_bytes(m.data[start : start + 2], sys.byteorder)
        if length <= len(m.data) - start:
            m.a = _attribute(m, start + _NLA_HEADER, start + length)


def _poff(m: Machine) -> None:
    from pytc.cbpf.payload import payload_offset

    m.a = payload_offset(m.data, m.ancillary.proto, m.ancillary.network_header)


def _xor_x(m: Machine) -> None:
    m.a ^= m.x


def _rand(m: Machine) -> None:
    m.a = m.ancillary.random()


def _extension(name: str) -> Callable[[Machine], None]:
    index = Ancillary._fields.index(name)

    def handler(m: Machine) -> None:
        m.a = m.ancillary[index] or 0

    return handler


_EXTENSIONS: dict[str, Callable[[Machine], None]] = {
    "nla": _nla,
    "nlan": _nlan,
    "poff": _poff,
    "alu_xor_x": _xor_x,
    "rand": _rand,
    **{
        name: _extension(name)
        for name in (
            "proto",
            "type",
            "ifidx",
            "mark",
            "queue",
            "hatype",
            "rxhash",
            "cpu",
            "vlan_tci",
            "vlan_avail",
            "vlan_tpid",
        )
    },
}
_BINARY = {
    op.ADD: _alu(lambda a, b: a + b),
    op.SUB: _alu(lambda a, b: a - b),
    op.MUL: _alu(lambda a, b: a * b),
    op.DIV: _division(lambda a, b: a // b),
    op.MOD: _division(lambda a, b: a % b),
    op.OR: _alu(lambda a, b: a | b),
    op.AND: _alu(lambda a, b: a & b),
    op.XOR: _alu(lambda a, b: a ^ b),
    op.LSH: _alu(lambda a, b: a << (b & 31)),
    op.RSH: _alu(lambda a, b: a >> (b & 31)),
}
_CONDITIONS = {
    op.JEQ: _conditional(lambda a, b: a == b),
    op.JGT: _conditional(lambda a, b: a > b),
    op.JGE: _conditional(lambda a, b: a >= b),
    op.JSET: _conditional(lambda a, b: a & b),
}
_HANDLERS: dict[int, _Handler] = {
    **{
        op.LD | mode | size: _packet_load(count, indirect=mode == op.IND)
        for mode in (op.ABS, op.IND)
        for size, count in op.SIZES.items()
    },
    **{
        op.ALU | operation | source: handlers[source == op.X]
        for operation, handlers in _BINARY.items()
        for source in (op.K, op.X)
    },
    **{
        op.JMP | operation | source: handlers[source == op.X]
        for operation, handlers in _CONDITIONS.items()
        for source in (op.K, op.X)
    },
    op.LD | op.IMM: _set("a", lambda m, k: k),
    op.LDX | op.IMM: _set("x", lambda m, k: k),
    op.LD | op.LEN: _set("a", lambda m, k: m.length),
    op.LDX | op.LEN: _set("x", lambda m, k: m.length),
    op.LD | op.MEM: _set("a", lambda m, k: m.memory[k]),
    op.LDX | op.MEM: _set("x", lambda m, k: m.memory[k]),
    op.MISC | op.TAX: _set("x", lambda m, k: m.a),
    op.MISC | op.TXA: _set("a", lambda m, k: m.x),
    op.RET | op.K: _set("verdict", lambda m, k: k),
    op.RET | op.A: _set("verdict", lambda m, k: m.a),
    op.ALU | op.NEG: _set("a", lambda m, k: -m.a & _U32),
    op.LDX | op.MSH | op.B: _header_length,
    op.ST: _store(lambda m: m.a),
    op.STX: _store(lambda m: m.x),
    op.JMP | op.JA: _jump,
}
