"""Translate classic BPF to eBPF for traffic control.

The kernel translates a classic program itself when it is attached as bytecode. Translated here, it is a program like
any other: it has a verdict for direct-action, an id and pins, and runs under BPF_PROG_TEST_RUN. For packets that end
early, it returns "no match" instead of a 0: with direct-action that 0 is TC_ACT_OK, which lets a short packet through
where the next filter should see it.

Registers: R6 the context, R7 A, R8 X. Stack: M from -64 on, below it 8 bytes for loads. Loads are by the helpers
skb_load_bytes and, for offsets from headers and from X, skb_load_bytes_relative (Linux 4.18).
"""

from __future__ import annotations

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic_check import check, is_jump, reachable, targets
from pytc.cbpf.emit import Code
from pytc.errors import BytecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.insn.classic import ClassicInstruction

#: TC_ACT_*: return values of a filter's program with direct-action.
VERDICTS = {"continue": -1, "ok": 0, "pass": 0, "drop": 2, "shot": 2, "stolen": 4, "trap": 8}
CONTINUE = -1

_MEMORY, _BUFFER = -64, -72
_R0, _R1, _R2, _R3, _R4, _R5, _CONTEXT, _A, _X = range(9)
_LOAD_BYTES, _LOAD_BYTES_RELATIVE, _RANDOM, _PROCESSOR = 26, 68, 7, 8
_FROM_LINK_LAYER, _FROM_NETWORK = 0, 1
_S32_MAX = 0x7FFFFFFF
#: Fields of ``struct __sk_buff``, and whether they are u16 in network byte order.
_FIELDS = {
    "type": (4, False),
    "mark": (8, False),
    "queue": (12, False),
    "proto": (16, True),
    "vlan_avail": (20, False),
    "vlan_tci": (24, False),
    "vlan_tpid": (28, True),
    "ifidx": (40, False),
    "rxhash": (68, False),
}
_LENGTH = 0
#: Extensions without a counterpart in eBPF, and why.
_UNTRANSLATABLE = {
    "hatype": "struct __sk_buff does not have the type of the device",
    "poff": "no helper returns where the payload begins",
    **dict.fromkeys(("nla", "nlan"), "no helper finds netlink attributes, and a search would take a loop"),
}
_CALLS = {"cpu": _PROCESSOR, "rand": _RANDOM}


def translate(program: Sequence[ClassicInstruction], *, verdict: int | None = None) -> bytes:
    """Return the instructions of an eBPF program of type SCHED_CLS, in this machine's byte order.

    It returns what the classic program returns; with a ``verdict`` (TC_ACT_*, see :data:`VERDICTS`), that for a match
    and TC_ACT_UNSPEC, which goes on with the next filter, for none. Raises BytecodeError for a program that no kernel
    takes, and for extensions without a counterpart in eBPF: hatype, nla, nlan, poff.
    """
    check(program)
    return _Translation(program, verdict).code.finish()


class _Translation:
    def __init__(self, program: Sequence[ClassicInstruction], verdict: int | None) -> None:
        self.code = Code()
        self._verdict = verdict
        self._no_match = 0 if verdict is None else CONTINUE
        self.code.copy64(_CONTEXT, _R1)
        self.code.set(_A, 0)
        self.code.set(_X, 0)
        reached = reachable(program)
        for index in sorted(reached):
            self.code.label(index)
            self._instruction(index, program[index])

    def _instruction(self, index: int, instruction: ClassicInstruction) -> None:
        kind = instruction.code & 7
        if kind == op.RET:
            self._return(instruction)
        elif is_jump(instruction.code):
            self._jump(index, instruction)
        elif kind == op.ALU:
            self._alu(instruction)
        elif kind in (op.ST, op.STX):
            self.code.store(_A if kind == op.ST else _X, _cell(instruction.k))
        elif kind == op.MISC:
            to_x = instruction.code == op.MISC | op.TAX
            self.code.copy(_X if to_x else _A, _A if to_x else _X)
        else:
            self._load(index, instruction)

    def _return(self, instruction: ClassicInstruction) -> None:
        if instruction.code == op.RET | op.K:
            self._end(
                instruction.k if self._verdict is None or not instruction.k else self._verdict,
                is_match=bool(instruction.k),
            )
        elif self._verdict is None:
            self.code.copy(_R0, _A)
            self.code.exit()
        else:
            self.code.set(_R0, self._no_match)
            self.code.skip_if_zero(_A, 1)
            self.code.set(_R0, self._verdict)
            self.code.exit()

    def _end(self, value: int, *, is_match: bool) -> None:
        self.code.set(_R0, value if is_match else self._no_match)
        self.code.exit()

    def _jump(self, index: int, instruction: ClassicInstruction) -> None:
        yes, *no = targets(index, instruction)
        if no:
            self._condition(instruction, yes)
        if (no or [yes])[0] != index + 1:
            self.code.jump((no or [yes])[0])

    def _condition(self, instruction: ClassicInstruction, target: int) -> None:
        operation = instruction.code & 0xF0
        if instruction.code & op.X:
            self.code.jump_if(operation, _A, _X, target)
        elif instruction.k <= _S32_MAX:
            self.code.jump_if_constant(operation, _A, instruction.k, target)
        else:  # the constant of a jump is s32, and would be extended with its sign
            self.code.set(_R0, instruction.k)
            self.code.jump_if(operation, _A, _R0, target)

    def _alu(self, instruction: ClassicInstruction) -> None:
        operation = instruction.code & 0xF0
        if not instruction.code & op.X:
            self.code.alu_constant(operation, _A, 0 if operation == op.NEG else instruction.k)
            return
        if operation in (op.DIV, op.MOD):
            self.code.skip_unless_zero(_X, 2)
            self._end(0, is_match=False)
        self.code.alu(operation, _A, _X)

    def _load(self, index: int, instruction: ClassicInstruction) -> None:
        code, k = instruction.code, instruction.k
        target = _A if code & 7 == op.LD else _X
        mode = code & 0xE0
        if mode == op.IMM:
            self.code.set(target, k)
        elif mode == op.MEM:
            self.code.load(target, 10, _cell(k))
        elif mode == op.LEN:
            self.code.load(target, _CONTEXT, _LENGTH)
        elif name := op.ancillary(code, k):
            self._extension(index, name)
        else:
            self._packet(code, k, target)

    def _extension(self, index: int, name: str) -> None:
        if name == "alu_xor_x":
            self.code.alu(op.XOR, _A, _X)
        elif name in _CALLS:
            self.code.call(_CALLS[name])
            self.code.copy(_A, _R0)
        elif name in _FIELDS:
            offset, is_big_endian = _FIELDS[name]
            self.code.load(_A, _CONTEXT, offset)
            if is_big_endian:
                self.code.big_endian(_A, 2)
        else:
            raise BytecodeError(
                f"instruction {index}: #{name} cannot be translated: {_UNTRANSLATABLE[name]}",
                hints=("attach the program as bytecode instead: the kernel itself can translate it",),
            )

    def _packet(self, code: int, k: int, target: int) -> None:
        size = op.SIZES[code & 0x18]
        if code & 0xE0 == op.IND:
            self._fetch_from_x(k, size)
        elif not self._fetch(op.signed(k), size):
            self._end(0, is_match=False)
            return
        self.code.skip_if_zero(_R0, 2)
        self._end(0, is_match=False)
        self.code.load(target, 10, _BUFFER, size)
        if size > 1:
            self.code.big_endian(target, size)
        if target == _X:  # 4*([k]&0xf)
            self.code.alu_constant(op.AND, _X, 0xF)
            self.code.alu_constant(op.LSH, _X, 2)

    def _fetch(self, offset: int, size: int) -> bool:
        """Call a helper that puts the bytes into the buffer; return False where no packet has this offset."""
        if offset < op.LL_OFF:
            return False
        if offset >= 0:
            self.code.set(_R2, offset)
            self._call_load(size)
            return True
        base = op.NET_OFF if offset >= op.NET_OFF else op.LL_OFF
        self.code.set(_R2, offset - base)
        self._call_load_relative(size, _FROM_NETWORK if base == op.NET_OFF else _FROM_LINK_LAYER)
        return True

    def _fetch_from_x(self, k: int, size: int) -> None:
        """Load from X + k, which wraps and is then an s32, like the offsets of other loads."""
        code = self.code
        code.copy(_R2, _X)
        if k:
            code.alu_constant(op.ADD, _R2, k)
        negative, relative, done = code.new_label(), code.new_label(), code.new_label()
        code.jump_if_constant(op.JGT, _R2, _S32_MAX, negative)
        self._call_load(size)
        code.jump(done)
        code.label(negative)
        code.set(_R5, _FROM_NETWORK)
        code.set(_R3, op.NET_OFF)
        code.jump_if(op.JGE, _R2, _R3, relative)
        code.set(_R5, _FROM_LINK_LAYER)
        code.set(_R3, op.LL_OFF)
        code.jump_if(op.JGE, _R2, _R3, relative)
        self._end(0, is_match=False)
        code.label(relative)
        code.alu(op.SUB, _R2, _R3)
        self._call_load_relative(size, None)
        code.label(done)

    def _call_load(self, size: int) -> None:
        self._arguments(size)
        self.code.call(_LOAD_BYTES)

    def _call_load_relative(self, size: int, base: int | None) -> None:
        self._arguments(size)
        if base is not None:
            self.code.set(_R5, base)
        self.code.call(_LOAD_BYTES_RELATIVE)

    def _arguments(self, size: int) -> None:
        self.code.copy64(_R1, _CONTEXT)
        self.code.copy64(_R3, 10)
        self.code.add64(_R3, _BUFFER)
        self.code.set(_R4, size)


def _cell(number: int) -> int:
    return _MEMORY + 4 * number
