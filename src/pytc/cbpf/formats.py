"""Read and write programs as bytecode, C and assembly."""

from __future__ import annotations

import re

from pytc.bpf.insn.classic import LIMITS, ClassicInstruction, format_bytecode
from pytc.bpf.insn.classic_check import check
from pytc.bpf.insn.classic_text import MAX_TEXT, parse_bytecode
from pytc.bpf.sys.files import read_input_file
from pytc.errors import BytecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, Literal

    #: The forms of a program as text; see :func:`format_program`.
    Form = Literal["tc", "tcpdump", "c", "asm"]
TC: Final = "tc"
TCPDUMP: Final = "tcpdump"
C: Final = "c"
ASM: Final = "asm"
FORMS: tuple[Form, ...] = (TC, TCPDUMP, C, ASM)
_ENTRY = re.compile(r"\{\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*\}[\s,;]*", re.ASCII)
_LONGEST_SHOWN = 40


def format_program(program: Sequence[ClassicInstruction], form: str = TC) -> str:
    """Return a program as text, with a newline at the end.

    The form ``tc`` is a line for tc; ``tcpdump`` has a line for each instruction, like ``tcpdump -ddd``; ``c`` is an
    initializer of an array of ``struct sock_filter``, like ``tcpdump -dd``; ``asm`` is the language of bpf_asm.
    """
    if form == ASM:
        from pytc.cbpf.disassembler import disassemble

        return disassemble(program)
    if form == C:
        return "".join(f"{{ {code:#x}, {jt}, {jf}, {k:#010x} }},\n" for code, jt, jf, k in program)
    return format_bytecode(program, "\n" if form == TCPDUMP else ",") + "\n"


def parse_program(text: str) -> tuple[ClassicInstruction, ...]:
    """Return a program of any form: text that begins with a digit is bytecode, with a brace C. Raises BytecodeError."""
    begin = text.lstrip()
    if begin[:1].isdigit():
        return parse_bytecode(text)
    if begin.startswith("{"):
        return _parse_c(text)
    if begin.startswith("(000)"):
        raise BytecodeError('this is what "tcpdump -d" prints for people; "tcpdump -ddd" prints bytecode')
    from pytc.cbpf.assembler import assemble

    return assemble(text)


def _parse_c(text: str) -> tuple[ClassicInstruction, ...]:
    """Return the program of ``{ code, jt, jf, k },`` ..., which ``tcpdump -dd`` and ``bpf_asm -c`` print."""
    program, position = [], len(text) - len(text.lstrip())
    while position < len(text):
        entry = _ENTRY.match(text, position)
        where = f"line {text.count(chr(10), 0, position) + 1}"
        if entry is None:
            shown = text[position : position + _LONGEST_SHOWN].partition("\n")[0]
            raise BytecodeError(f'{where}: "{{ code, jt, jf, k }}," expected, not "{shown}"')
        program.append(
            ClassicInstruction(
                *(
                    _c_number(word, what, limit, where)
                    for word, (what, limit) in zip(entry.groups(), LIMITS, strict=True)
                )
            )
        )
        position = entry.end()
    check(program)
    return tuple(program)


def _c_number(word: str, what: str, limit: int, where: str) -> int:
    try:
        number = int(word, 0) if len(word) < _LONGEST_SHOWN else limit + 1
    except ValueError:
        raise BytecodeError(f'{where}: {what}: "{word}" is not a number') from None
    if number > limit:
        raise BytecodeError(f"{where}: {what}: {word[:_LONGEST_SHOWN]} is more than {limit}")
    return number


def read_program(path: str) -> tuple[ClassicInstruction, ...]:
    """Return the program in a file, ``-`` for the standard input; raises BytecodeError that names the file."""
    try:
        return parse_program(read_input_file(path, MAX_TEXT).decode("ascii", "replace"))
    except OSError as error:
        raise BytecodeError(f'cannot read "{path}": {error.strerror}', errno=error.errno) from error
    except (BytecodeError, ValueError) as error:
        raise BytecodeError(f'"{path}": {error}') from error
