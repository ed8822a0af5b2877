"""Classic BPF bytecode: tc's text form, and ``struct sock_filter``.

Text: ``N,c t f k,c t f k,...`` with N instructions of four decimals: opcode (u16), jump-true and jump-false
offsets (u8), constant (u32). Structure (include/uapi/linux/filter.h): ``code u16, jt u8, jf u8, k u32``, 8
bytes.
"""

import struct
from typing import NamedTuple

from pytc.bpf.files import read_regular_file
from pytc.errors import BytecodeError

MAX_INSTRUCTIONS = 4096
_SOCK_FILTER = struct.Struct("=HBBI")
_LIMITS = (("opcode", 0xFFFF), ("jt", 0xFF), ("jf", 0xFF), ("k", 0xFFFFFFFF))
_MAX_TEXT = 1 << 20


class ClassicInstruction(NamedTuple):
    """``c t f k`` of the text form."""

    code: int
    jt: int
    jf: int
    k: int


def parse_bytecode(text: str) -> tuple[ClassicInstruction, ...]:
    """Text to instructions; raises BytecodeError that says where."""
    fields = [field.strip() for field in text.strip().split(",")]
    if fields and not fields[-1]:
        fields.pop()
    if not fields:
        raise BytecodeError("bytecode is empty; 'N,c t f k,...' expected")
    count = _number(fields[0], "the number of instructions", MAX_INSTRUCTIONS)
    if not count:
        raise BytecodeError("bytecode of 0 instructions")
    if len(fields) - 1 != count:
        raise BytecodeError(f"bytecode says {count} instructions, and has {len(fields) - 1}")
    program = tuple(_instruction(index, field) for index, field in enumerate(fields[1:]))
    _check_jumps(program)
    return program


def parse_bytecode_file(path: str) -> tuple[ClassicInstruction, ...]:
    """A file with the text form on one line; raises BytecodeError that names the file."""
    try:
        return parse_bytecode(read_regular_file(path, _MAX_TEXT).decode("ascii", "replace"))
    except OSError as error:
        raise BytecodeError(f'cannot read bytecode file "{path}": {error.strerror}', errno=error.errno) from error
    except (BytecodeError, ValueError) as error:
        raise BytecodeError(f'bytecode file "{path}": {error}') from error


def pack(program: tuple[ClassicInstruction, ...]) -> bytes:
    """Instructions as an array of ``struct sock_filter``."""
    return b"".join(_SOCK_FILTER.pack(*instruction) for instruction in program)


def unpack(data: bytes) -> tuple[ClassicInstruction, ...]:
    """An array of ``struct sock_filter``; what is left of an incomplete last one is dropped."""
    whole = data[:len(data) // _SOCK_FILTER.size * _SOCK_FILTER.size]
    return tuple(ClassicInstruction(*fields) for fields in _SOCK_FILTER.iter_unpack(whole))


def format_bytecode(program: tuple[ClassicInstruction, ...]) -> str:
    """Instructions to text, as tc prints it: without a comma at the end."""
    return ",".join([str(len(program)), *("%d %d %d %d" % instruction for instruction in program)])


def _instruction(index: int, field: str) -> ClassicInstruction:
    words = field.split()
    if len(words) != len(_LIMITS):
        raise BytecodeError(f'instruction {index}: "{field}" has {len(words)} numbers, "c t f k" expected')
    return ClassicInstruction(*(_number(word, f"instruction {index}: {name}", limit)
                                for word, (name, limit) in zip(words, _LIMITS, strict=True)))


def _number(word: str, what: str, limit: int) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 20:
        raise BytecodeError(f'{what}: "{word}" is not a decimal number')
    number = int(word)
    if number > limit:
        raise BytecodeError(f"{what}: {number} is more than {limit}")
    return number


def _check_jumps(program: tuple[ClassicInstruction, ...]) -> None:
    for index, (code, jt, jf, k) in enumerate(program):
        if code & 7 != 5:  # BPF_JMP
            continue
        furthest = index + 1 + (k if code & 0xF0 == 0 else max(jt, jf))
        if furthest >= len(program):
            raise BytecodeError(f"instruction {index}: it jumps to {furthest}, behind the last of {len(program)}")
    if program[-1].code & 7 != 6:  # BPF_RET
        raise BytecodeError(f"instruction {len(program) - 1}: the last instruction is no return")
