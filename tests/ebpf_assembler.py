"""eBPF from text: the other way of :mod:`pytc.bpf.insn.disassemble`.

A line is a statement as the kernel writes it, with or without the slot and the opcode in front: ``12: (bf) r1 = r6`` or
``r1 = r6``. Lines that begin with ``;``, and declarations of functions (``int cls(struct __sk_buff *skb):``), are left
out, so that a whole dump can be read back. Numbers of calls count, their names do not: ``call bpf_tail_call#12``;
``call kernel-function#7`` is one of the kernel's functions by its BTF id. What only the kernel can mean by a distance
(``call pc+7#name``) becomes a call of the program's own code.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pytc.bpf.insn import disassemble as d
from pytc.bpf.insn import instructions as ins
from pytc.errors import BytecodeError

_Key = TypeVar("_Key")
_Match = re.Match[str]
_SLOT = re.compile(r"(?:\d+:\s*)?(?:\([0-9a-f]{2}\)\s*)?")
_FUNCTION = re.compile(r"[A-Za-z_][^=]*\):$")


def assemble(text: str) -> bytes:
    """The instructions of a text; raises BytecodeError, which says the line."""
    code = b""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith(";") or _FUNCTION.match(words):
            continue
        try:
            code += assemble_statement(words)
        except BytecodeError as error:
            raise BytecodeError(f"line {number}: {error}") from None
    return code


def assemble_statement(text: str) -> bytes:
    """One instruction, of 8 or 16 bytes; raises BytecodeError."""
    slot = _SLOT.match(text)
    statement = " ".join(text[slot.end() if slot else 0 :].split())
    for pattern, make in _FORMS:
        match = pattern.fullmatch(statement)
        if match is not None:
            return make(match)
    raise BytecodeError(f'"{statement}" is no instruction in the kernel\'s notation')


def _encode(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    if not -0x8000 <= offset < 0x8000:
        raise BytecodeError(f"{offset} does not fit into the 16 bits of an offset")
    if not -(1 << 31) <= immediate < 1 << 32:
        raise BytecodeError(f"{immediate} does not fit into 32 bits")
    return struct.pack("=BBhI", opcode, destination | source << 4, offset, immediate & 0xFFFFFFFF)


def _reversed(names: Mapping[_Key, str]) -> dict[str, _Key]:
    return {name: key for key, name in names.items()}


_ALU, _SIGNED = _reversed(d.ALU_OPERATORS), _reversed(d.SIGNED_OPERATORS)
_SIGNS = _reversed(d.MOVE_SIGNS)
_JUMPS = _reversed(d.COMPARISONS)
_LOCKED, _FETCHED = _reversed(d.ATOMICS), _reversed(d.FETCHES)
_UNSIGNED = {name: number << 3 for number, name in enumerate(d.SIZES)}
_SIGNED_LOADS = {name: number << 3 for number, name in enumerate(d.SIGNED_SIZES)}


def _register(word: str) -> int:
    number = int(word)
    if number > 15:
        raise BytecodeError(f"there is no register {number}")
    return number


def _by_value(m: _Match) -> bytes:
    signed = _SIGNED.get(m["op"])
    opcode = (_ALU[m["op"]] if signed is None else signed) << 4 | (ins.ALU64 if m["w"] == "r" else ins.ALU)
    return _encode(opcode, _register(m["dst"]), offset=int(signed is not None), immediate=int(m["imm"]))


def _by_register(m: _Match) -> bytes:
    signed, sign = _SIGNED.get(m["op"]), m["sign"] or ""
    if sign and m["op"] != "=":
        raise BytecodeError(f'"{sign}" goes with "=" only')
    opcode = (_ALU[m["op"]] if signed is None else signed) << 4 | 8 | (ins.ALU64 if m["w"] == "r" else ins.ALU)
    return _encode(opcode, _register(m["dst"]), _register(m["src"]), _SIGNS[sign] if sign else int(signed is not None))


def _negated(m: _Match) -> bytes:
    return _encode(d.NEG << 4 | (ins.ALU64 if m["w"] == "r" else ins.ALU), _register(m["dst"]))


def _swapped(m: _Match) -> bytes:
    opcode = {"bswap": ins.ALU64, "be": ins.ALU | 8, "le": ins.ALU}[m["to"]] | d.END << 4
    return _encode(opcode, _register(m["dst"]), immediate=int(m["bits"]))


def _cast(m: _Match) -> bytes:
    to, of = int(m["to"]), int(m["of"])
    if max(to, of) > 0xFFFF:
        raise BytecodeError("an address space is a number of 16 bits")
    return _encode(d.MOV << 4 | 8 | ins.ALU64, _register(m["dst"]), _register(m["src"]), d.ADDRESS_SPACE, to << 16 | of)


def _per_cpu(m: _Match) -> bytes:
    return _encode(d.MOV << 4 | 8 | ins.ALU64, _register(m["dst"]), _register(m["src"]), d.PER_CPU_ADDRESS)


def _wide(source: int) -> Callable[[_Match], bytes]:
    def make(m: _Match) -> bytes:
        found = m.groupdict()
        value, second = int(m["imm"], 0), int(found.get("second") or 0)
        if source == 0:
            if value >> 64:
                raise BytecodeError(f"{value:#x} does not fit into 64 bits")
            value, second = value & 0xFFFFFFFF, value >> 32
        return _encode(ins.OP_LD_IMM64, _register(m["dst"]), source, immediate=value) + _encode(0, immediate=second)

    return make


def _load(m: _Match) -> bytes:
    size, mode = (_UNSIGNED[m["size"]], ins.MEM) if m["size"] in _UNSIGNED else (_SIGNED_LOADS[m["size"]], ins.MEMSX)
    return _encode(ins.LDX | mode | size, _register(m["dst"]), _register(m["src"]), int(m["off"]))


def _packet(m: _Match) -> bytes:
    mode, source = (ins.ABS, 0) if m["src"] is None else (ins.IND, _register(m["src"]))
    return _encode(ins.LD | mode | _UNSIGNED[m["size"]], source=source, immediate=int(m["imm"]))


def _store(m: _Match) -> bytes:
    opcode = ins.MEM | _UNSIGNED[m["size"]]
    if m["src"] is None:
        return _encode(ins.ST | opcode, _register(m["dst"]), offset=int(m["off"]), immediate=int(m["imm"]))
    return _encode(ins.STX | opcode, _register(m["dst"]), _register(m["src"]), int(m["off"]))


def _atomic(number: Callable[[_Match], int], *, checked: bool = True) -> Callable[[_Match], bytes]:
    def make(m: _Match) -> bytes:
        found = m.groupdict()
        if checked and (found.get("wide") == "64") != (m["size"] == "u64"):
            raise BytecodeError("atomic64 goes with u64, atomic with the others")
        if found.get("result") is not None and found["result"] != m["src"]:
            raise BytecodeError("what was there comes back in the register that it is changed by")
        return _encode(
            ins.STX | ins.ATOMIC | _UNSIGNED[m["size"]],
            _register(m["dst"]),
            _register(m["src"]),
            int(m["off"]),
            number(m),
        )

    return make


def _condition(m: _Match) -> bytes:
    opcode = _JUMPS[m["op"]] << 4 | (ins.JMP if m["w"] == "r" else ins.JMP32)
    if m["src"] is None:
        return _encode(opcode, _register(m["dst"]), offset=int(m["off"]), immediate=int(m["imm"], 16))
    return _encode(opcode | 8, _register(m["dst"]), _register(m["src"]), int(m["off"]))


def _call(m: _Match) -> bytes:
    source = ins.PSEUDO_KFUNC_CALL if m["name"] == "kernel-function" else 0
    return _encode(ins.OP_CALL, source=source, immediate=int(m["imm"]))


def _alternatives(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_N, _S = r"-?[0-9]{1,11}", r"[+-][0-9]{1,6}"
_AT = rf"\((?P<size>{_alternatives(_UNSIGNED)}) \*\)\(r(?P<dst>[0-9]{{1,2}}) (?P<off>{_S})\)"
_FROM = _AT.replace("dst", "src")
_REGISTER = r"(?P<w>[rw])(?P<dst>[0-9]{1,2})"
_R_DST, _R_SRC, _R_RESULT = (rf"r(?P<{name}>[0-9]{{1,2}})" for name in ("dst", "src", "result"))
_OPERATOR = rf"(?P<op>{_alternatives([*_ALU, *_SIGNED])})"
_LOADED = _FROM.replace(_alternatives(_UNSIGNED), _alternatives([*_UNSIGNED, *_SIGNED_LOADS]))
_FORMS: tuple[tuple[re.Pattern[str], Callable[[_Match], bytes]], ...] = tuple(
    (re.compile(p, re.ASCII), m)
    for p, m in (
        (rf"{_REGISTER} {_OPERATOR} (?P<imm>{_N})", _by_value),
        (rf"{_REGISTER} {_OPERATOR} (?P<sign>\(s(?:8|16|32)\))?(?P=w)(?P<src>[0-9]{{1,2}})", _by_register),
        (rf"{_REGISTER} = -(?P=w)(?P=dst)", _negated),
        (rf"{_R_DST} = (?P<to>bswap|be|le)(?P<bits>{_N}) r(?P=dst)", _swapped),
        (rf"{_R_DST} = addr_space_cast\({_R_SRC}, (?P<to>[0-9]{{1,5}}), (?P<of>[0-9]{{1,5}})\)", _cast),
        (rf"{_R_DST} = &\(void __percpu \*\)\({_R_SRC}\)", _per_cpu),
        (rf"{_R_DST} = (?P<imm>0x[0-9a-f]{{1,32}})", _wide(0)),
        (rf"{_R_DST} = map\[id:(?P<imm>[0-9]{{1,10}})\]", _wide(ins.PSEUDO_MAP_FD)),
        (rf"{_R_DST} = map\[id:(?P<imm>[0-9]{{1,10}})\]\[0\]\+(?P<second>[0-9]{{1,10}})", _wide(ins.PSEUDO_MAP_VALUE)),
        (rf"{_R_DST} = map\[idx:(?P<imm>[0-9]{{1,10}})\]", _wide(d.PSEUDO_MAP_INDEX)),
        (rf"{_R_DST} = map\[idx:(?P<imm>[0-9]{{1,10}})\]\+(?P<second>[0-9]{{1,10}})", _wide(d.PSEUDO_MAP_INDEX_VALUE)),
        (
            rf"{_R_DST} = btf\[id:(?P<imm>[0-9]{{1,10}})\](?:\[fd:(?P<second>[0-9]{{1,10}})\])?",
            _wide(ins.PSEUDO_BTF_ID),
        ),
        (rf"{_R_DST} = subprog\[(?P<imm>[+-][0-9]{{1,10}})\]", _wide(ins.PSEUDO_FUNC)),
        (rf"{_R_DST} = \*{_LOADED}", _load),
        (rf"r0 = \*\((?P<size>{_alternatives(_UNSIGNED)}) \*\)skb\[(?:{_R_SRC} \+ )?(?P<imm>{_N})\]", _packet),
        (rf"\*{_AT} = (?:{_R_SRC}|(?P<imm>{_N}))", _store),
        (
            rf"lock \*{_AT} (?P<op>{_alternatives(_LOCKED)}) {_R_SRC}",
            _atomic(lambda m: _LOCKED[m["op"]], checked=False),
        ),
        (
            rf"{_R_RESULT} = atomic(?P<wide>64)?_fetch_(?P<op>{_alternatives(_FETCHED)})\({_AT}, {_R_SRC}\)",
            _atomic(lambda m: _FETCHED[m["op"]]),
        ),
        (rf"{_R_RESULT} = atomic(?P<wide>64)?_xchg\({_AT}, {_R_SRC}\)", _atomic(lambda m: d.EXCHANGE)),
        (rf"r0 = atomic(?P<wide>64)?_cmpxchg\({_AT}, r0, {_R_SRC}\)", _atomic(lambda m: d.COMPARE_EXCHANGE)),
        (rf"{_R_DST} = load_acquire\({_FROM}\)", _atomic(lambda m: d.LOAD_ACQUIRE, checked=False)),
        (rf"store_release\({_AT}, {_R_SRC}\)", _atomic(lambda m: d.STORE_RELEASE, checked=False)),
        (
            rf"if {_REGISTER} (?P<op>{_alternatives(_JUMPS)}) "
            rf"(?:(?P=w)(?P<src>[0-9]{{1,2}})|(?P<imm>0x[0-9a-f]{{1,8}})) goto pc(?P<off>{_S})",
            _condition,
        ),
        (rf"goto pc(?P<off>{_S})", lambda m: _encode(ins.OP_GOTO, offset=int(m["off"]))),
        (r"gotol pc(?P<off>[+-][0-9]{1,10})", lambda m: _encode(ins.OP_GOTO_LONG, immediate=int(m["off"]))),
        (rf"may_goto pc(?P<off>{_S})", lambda m: _encode(d.OP_MAY_GOTO, offset=int(m["off"]))),
        (rf"gotox {_R_DST}", lambda m: _encode(d.OP_GOTO_REGISTER, _register(m["dst"]))),
        (r"exit", lambda m: _encode(ins.OP_EXIT)),
        (r"nospec", lambda m: _encode(d.OP_NO_SPECULATION)),
        (
            r"call pc(?P<imm>[+-][0-9]{1,10})(?:#.*)?",
            lambda m: _encode(ins.OP_CALL, source=ins.PSEUDO_CALL, immediate=int(m["imm"])),
        ),
        (rf"call (?P<name>[^ #]+)#(?P<imm>{_N})", _call),
    )
)
