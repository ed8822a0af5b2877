"""Assemble the language of bpf_asm (Documentation/networking/filter.rst of the kernel).

A program is a run of instructions, each with or without ``label:`` before it; line ends mean nothing. Comments are
``;`` to the end of the line, ``/* */``, and lines that begin with ``#``. Words are taken in any case, labels are not.

=====================================  ====================================================================
``ld ldh ldb``                         ``[k]``, ``[x + k]``, an extension like ``#proto``; ``ld`` also ``#k``,
                                       ``M[k]``, ``#len``
``ldi``, ``ldxi``                      ``#k``
``ldx``                                ``#k``, ``M[k]``, ``#len``, ``4*([k]&0xf)``; ``ldxb`` the last only
``st``, ``stx``                        ``M[k]``
``jmp``, ``ja``                        label
``jeq jne jneq jlt jle jgt jge jset``  ``#k, label`` or ``x, label``; of ``jeq jgt jge jset`` a second label, for no
``add sub mul div mod and or xor       ``#k``, ``x``
lsh rsh``
``neg``, ``tax``, ``txa``
``ret``                                ``#k``, ``a``
=====================================  ====================================================================
"""

from __future__ import annotations

import re

from pytc.bpf.insn import classic_opcodes as op
from pytc.bpf.insn.classic import MAX_INSTRUCTIONS, ClassicInstruction
from pytc.bpf.insn.classic_check import first_problem
from pytc.errors import BytecodeError
from pytc.typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<comment>/\*.*?\*/|;[^\n]*|^\#[^\n]*)"
    r"|(?P<space>\s+)|(?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)(?![0-9A-Za-z_])"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[-:,+*&()\[\]%\#])",
    re.DOTALL | re.MULTILINE | re.ASCII,
)
_LARGEST, _SMALLEST = 0xFFFFFFFF, -0x80000000
_FURTHEST = 0xFF

_ALU = {
    "add": op.ADD,
    "sub": op.SUB,
    "mul": op.MUL,
    "div": op.DIV,
    "mod": op.MOD,
    "and": op.AND,
    "or": op.OR,
    "xor": op.XOR,
    "lsh": op.LSH,
    "rsh": op.RSH,
}
_JUMPS = {"jeq": op.JEQ, "jgt": op.JGT, "jge": op.JGE, "jset": op.JSET}
#: Jumps whose label is for "no".
_INVERSE = {"jne": op.JEQ, "jneq": op.JEQ, "jlt": op.JGE, "jle": op.JGT}
_PACKET_LOADS = {"ld": op.W, "ldh": op.H, "ldb": op.B}
_PLAIN = {"neg": op.ALU | op.NEG, "tax": op.MISC | op.TAX, "txa": op.MISC | op.TXA}
_STORES = {"st": op.ST, "stx": op.STX}
_IMMEDIATE = {"ldi": op.LD | op.IMM, "ldxi": op.LDX | op.IMM}
_EXTENSIONS = {
    **{name: number for name, number in op.ANCILLARY.items() if name != "alu_xor_x"},
    "vlan_pr": op.ANCILLARY["vlan_avail"],
}
MNEMONICS = frozenset(
    {*_ALU, *_JUMPS, *_INVERSE, *_PACKET_LOADS, *_PLAIN, *_STORES, *_IMMEDIATE, "ldx", "ldxb", "jmp", "ja", "ret"}
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


class _Draft(NamedTuple):
    """An instruction with names of labels where numbers will be; ``always`` is the label of ``jmp``."""

    code: int
    k: int
    line: int
    yes: str = ""
    no: str = ""
    always: str = ""


def assemble(text: str) -> tuple[ClassicInstruction, ...]:
    """Return the program, checked as a kernel checks it; raises BytecodeError with the line of the fault."""
    drafts, labels = _Parser(_tokens(text)).program()
    if not drafts:
        raise BytecodeError("there are no instructions")
    program = tuple(_resolved(draft, index, labels) for index, draft in enumerate(drafts))
    problem = first_problem(program)
    if problem is not None:
        raise BytecodeError(f"line {drafts[problem.instruction].line}: {problem.text}")
    return program


def _tokens(text: str) -> list[_Token]:
    tokens, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            what = "a comment without an end" if text.startswith("/*", position) else f'what is "{text[position]}"?'
            raise BytecodeError(f"line {line}: {what}")
        kind = match.lastgroup or ""
        if kind not in ("comment", "space"):
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
        position = match.end()
    return tokens


class _Parser:
    """A parser of tokens to drafts and labels, which are indexes of instructions by name."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = _Token("end", "the end of the text", tokens[-1].line if tokens else 1)

    def program(self) -> tuple[list[_Draft], dict[str, int]]:
        """Return the drafts and the labels; raises BytecodeError."""
        drafts: list[_Draft] = []
        labels: dict[str, int] = {}
        while self._peek().kind != "end":
            while self._peek(1).text == ":":
                self._label(labels, len(drafts))
            if len(drafts) == MAX_INSTRUCTIONS:
                raise self._fault(f"more than {MAX_INSTRUCTIONS} instructions")
            drafts.append(self._instruction())
        return drafts, labels

    def _peek(self, ahead: int = 0) -> _Token:
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _fault(self, what: str) -> BytecodeError:
        return BytecodeError(f"line {self._peek().line}: {what}")

    def _expected(self, what: str) -> BytecodeError:
        return self._fault(f'{what} expected, not "{self._peek().text}"')

    def _accept(self, text: str) -> bool:
        """Take a token when it is the next one; return whether it is."""
        if self._peek().text.lower() != text:
            return False
        self._at += 1
        return True

    def _require(self, *texts: str) -> None:
        for text in texts:
            if not self._accept(text):
                raise self._expected(f'"{text}"')

    def _label(self, labels: dict[str, int], index: int) -> None:
        name = self._name()
        if name in labels:
            raise self._fault(f'duplicate label "{name}"')
        labels[name] = index
        self._require(":")

    def _name(self) -> str:
        token = self._peek()
        if token.kind != "word" or token.text.lower() in MNEMONICS | _EXTENSIONS.keys() | {"a", "x", "m", "len"}:
            raise self._expected("a label")
        return self._take().text

    def _number(self) -> int:
        sign = -1 if self._accept("-") else 1
        if sign > 0:
            self._accept("+")
        if self._peek().kind != "number":
            raise self._expected("a number")
        digits = self._peek().text.lower()
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        if octal and set(digits) & set("89"):
            raise self._fault(f'"{digits}" is not an octal number')
        number = sign * int(digits, 8 if octal else 0) if len(digits) <= 40 else _LARGEST + 1
        if not _SMALLEST <= number <= _LARGEST:
            raise self._fault(f'"{digits}" does not fit in 32 bits')
        self._at += 1
        return number & _LARGEST

    def _instruction(self) -> _Draft:
        token = self._peek()
        word = token.text.lower()
        if token.kind != "word" or word not in MNEMONICS:
            raise self._expected("an instruction")
        self._at += 1
        if word in _JUMPS or word in _INVERSE:
            return self._jump(word, token.line)
        if word in ("jmp", "ja"):
            return _Draft(op.JMP | op.JA, 0, token.line, always=self._name())
        code, k = self._operand(word)
        return _Draft(code, k, token.line)

    def _operand(self, word: str) -> tuple[int, int]:
        """Return (opcode, k) for the operand of a mnemonic that is not a jump."""
        if word in _PLAIN:
            return _PLAIN[word], 0
        if word in _ALU:
            source, k = self._immediate_or_x()
            return op.ALU | _ALU[word] | source, k
        if word in _STORES:
            return _STORES[word], self._cell()
        if word in _IMMEDIATE:
            self._accept("#")
            return _IMMEDIATE[word], self._number()
        if word in _PACKET_LOADS:
            return self._load(word)
        return self._return() if word == "ret" else self._load_x(word)

    def _load(self, word: str) -> tuple[int, int]:
        size = _PACKET_LOADS[word]
        if self._accept("["):
            mode = op.ABS
            if self._x():
                mode = op.IND
                if self._peek().text not in "+-":
                    raise self._expected('"+"')
            k = self._number()
            self._require("]")
            return op.LD | mode | size, k
        if word == "ld" and self._peek().text.lower() == "m":
            return op.LD | op.MEM, self._cell()
        hashed = self._accept("#")
        if word == "ld" and self._accept("len"):
            return op.LD | op.LEN, 0
        number = _EXTENSIONS.get(self._peek().text.lower())
        if number is not None:
            self._at += 1
            return op.LD | op.ABS | size, op.AD_OFF + number & _LARGEST
        if word == "ld" and hashed and self._peek().kind != "word":
            return op.LD | op.IMM, self._number()
        raise self._expected("an extension" if hashed else '"["')

    def _load_x(self, word: str) -> tuple[int, int]:
        if word == "ldx":
            if self._peek().text.lower() == "m":
                return op.LDX | op.MEM, self._cell()
            hashed = self._accept("#")
            if self._accept("len"):
                return op.LDX | op.LEN, 0
            if hashed:
                return op.LDX | op.IMM, self._number()
        if self._peek().kind != "number" or self._number() != 4:
            raise self._fault("4*([k]&0xf) expected")
        self._require("*", "(", "[")
        k = self._number()
        self._require("]", "&")
        if self._number() != 0xF:
            raise self._fault("4*([k]&0xf) expected")
        self._require(")")
        return op.LDX | op.MSH | op.B, k

    def _return(self) -> tuple[int, int]:
        if self._accept("#"):
            return op.RET | op.K, self._number()
        self._accept("%")
        if self._accept("a"):
            return op.RET | op.A, 0
        raise self._expected('"#" or "a"')

    def _jump(self, word: str, line: int) -> _Draft:
        source, k = self._immediate_or_x()
        self._require(",")
        first = self._name()
        if word in _INVERSE:
            return _Draft(op.JMP | _INVERSE[word] | source, k, line, no=first)
        return _Draft(op.JMP | _JUMPS[word] | source, k, line, first, self._name() if self._accept(",") else "")

    def _immediate_or_x(self) -> tuple[int, int]:
        if self._accept("#"):
            return op.K, self._number()
        if self._x():
            return op.X, 0
        raise self._expected('"#" or "x"')

    def _x(self) -> bool:
        if self._accept("%"):
            self._require("x")
            return True
        return self._accept("x")

    def _cell(self) -> int:
        self._require("m", "[")
        number = self._number()
        self._require("]")
        return number


def _resolved(draft: _Draft, index: int, labels: dict[str, int]) -> ClassicInstruction:
    if draft.always:
        return ClassicInstruction(draft.code, 0, 0, _distance(draft.always, index, draft, labels, _LARGEST))
    return ClassicInstruction(
        draft.code,
        _distance(draft.yes, index, draft, labels, _FURTHEST),
        _distance(draft.no, index, draft, labels, _FURTHEST),
        draft.k,
    )


def _distance(label: str, index: int, draft: _Draft, labels: dict[str, int], limit: int) -> int:
    if not label:
        return 0
    if label not in labels:
        raise BytecodeError(f'line {draft.line}: no label "{label}"')
    distance = labels[label] - index - 1
    if distance < 0:
        raise BytecodeError(f'line {draft.line}: "{label}" is before the jump; classic BPF jumps forward only')
    if distance > limit:
        raise BytecodeError(
            f'line {draft.line}: "{label}" is {distance} instructions away; a conditional jump reaches {limit}, jmp any'
        )
    return distance
