"""Classic BPF bytecode: its text forms, and ``struct sock_filter``.

Text: N, the number of instructions, then each as four decimals ``c t f k``: opcode (u16), jump-true and jump-false
offsets (u8), constant (u32). tc and bpf_asm separate them with commas, on one line; ``tcpdump -ddd`` puts each on a
line of its own. Structure (include/uapi/linux/filter.h): ``code u16, jt u8, jf u8, k u32``, 8 bytes.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import NamedTuple, cast

from pytc.bpf.sys.files import STANDARD_INPUT, read_given_file
from pytc.errors import BytecodeError

MAX_INSTRUCTIONS = 4096
_SOCK_FILTER = struct.Struct("=HBBI")
#: The fields of an instruction, and the largest number of each.
LIMITS = (("opcode", 0xFFFF), ("jt", 0xFF), ("jf", 0xFF), ("k", 0xFFFFFFFF))
#: The largest text of a program that is read from a file.
MAX_TEXT = 1 << 20
_LONGEST_SHOWN = 40


class ClassicInstruction(NamedTuple):
    """``c t f k`` of the text form."""

    code: int
    jt: int
    jf: int
    k: int


#: From a tuple of its four numbers; ``_make`` takes three times as long.
_instruction_of: Callable[[tuple[int, ...]], ClassicInstruction] = partial(tuple.__new__, ClassicInstruction)


class _Part(NamedTuple):
    """Text between two separators, and its position."""

    text: str
    place: str


def parse_bytecode(text: str) -> tuple[ClassicInstruction, ...]:
    """Text to instructions, checked as a kernel checks them; raises BytecodeError that says where."""
    return parse_plain(text) or parse_any(text)


def parse_any(text: str) -> tuple[ClassicInstruction, ...]:
    """Parse bytecode piece by piece, so that errors name their position."""
    parts = _split(text)
    if not parts:
        raise BytecodeError("bytecode is empty; 'N,c t f k,...' expected")
    count = _number(parts[0].text, "the number of instructions", MAX_INSTRUCTIONS)
    if not count:
        raise BytecodeError("bytecode of 0 instructions")
    if len(parts) - 1 != count:
        raise BytecodeError(f"bytecode claims {count} instructions but has {len(parts) - 1}")
    program = tuple(_instruction(index, part) for index, part in enumerate(parts[1:]))
    _check(program, parts)
    return program


def parse_plain(text: str) -> tuple[ClassicInstruction, ...] | None:
    """Parse bytecode without errors in the usual notation, fast: batches have ten thousand such lines. Returns None for
    any other text."""
    from pytc.bpf.insn.classic_check import first_problem

    count, *parts = text.removesuffix(",").split(",")
    if count != str(len(parts)) or not 0 < len(parts) <= MAX_INSTRUCTIONS:
        return None
    try:
        program = tuple(map(_plain_instruction, parts))
    except (ValueError, struct.error):
        return None
    return None if first_problem(program) else program


@lru_cache(maxsize=1024)  # programs are much alike
def _plain_instruction(text: str) -> ClassicInstruction:
    """Raises ValueError or struct.error for all but four decimals within their limits, with single blanks between."""
    (found,) = unpack(_SOCK_FILTER.pack(*map(int, text.split(" "))))
    if text != "%d %d %d %d" % found:  # int() takes more than decimals
        raise ValueError(text)
    return found


@lru_cache(maxsize=16)
def _layout(count: int) -> struct.Struct:
    return struct.Struct("=" + "HBBI" * count)


def parse_bytecode_file(path: str) -> tuple[ClassicInstruction, ...]:
    """A file with one of the text forms; raises BytecodeError that names the file."""
    try:
        given = f"./{path}" if path == STANDARD_INPUT else path  # to tc, it is a file
        return parse_bytecode(read_given_file(given, MAX_TEXT).decode("ascii", "replace"))
    except OSError as error:
        raise BytecodeError(f'cannot read bytecode file "{path}": {error.strerror}', errno=error.errno) from error
    except (BytecodeError, ValueError) as error:
        raise BytecodeError(f'bytecode file "{path}": {error}') from error


def pack(program: Sequence[ClassicInstruction]) -> bytes:
    """Instructions as an array of ``struct sock_filter``."""
    return _layout(len(program)).pack(*chain.from_iterable(program))


def unpack(data: bytes) -> tuple[ClassicInstruction, ...]:
    """An array of ``struct sock_filter``; what is left of an incomplete last one is dropped."""
    return tuple(map(_instruction_of, numbers(data)))


def numbers(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Return packed instructions as plain numbers, ``c t f k``, for long lists."""
    return cast("Iterator[tuple[int, int, int, int]]", _SOCK_FILTER.iter_unpack(whole(data)))


def whole(data: bytes) -> bytes:
    """Return packed instructions without an incomplete last one."""
    left = len(data) % _SOCK_FILTER.size
    return data[:-left] if left else data


def format_bytecode(program: Sequence[ClassicInstruction], separator: str = ",") -> str:
    """Instructions to text, as tc prints it: without a separator at the end."""
    return _template(len(program), separator) % (len(program), *chain.from_iterable(program))


def format_packed(data: bytes) -> str:
    """Format an array of ``struct sock_filter`` as bytecode; long lists have thousands."""
    count = len(data) // _SOCK_FILTER.size
    return _template(count, ",") % (count, *_layout(count).unpack_from(data))


@lru_cache(maxsize=16)
def _template(count: int, separator: str) -> str:
    return separator.join(["%d"] + ["%d %d %d %d"] * count)


def _split(text: str) -> list[_Part]:
    """By commas where there are any, else by lines, of which empty ones do not count."""
    if "," not in text:
        lines = enumerate(text.splitlines(), 1)
        return [_Part(line.strip(), f"line {number}") for number, line in lines if line.strip()]
    parts, at = [], 0
    for field in text.split(","):
        parts.append(_Part(field.strip(), f"character {at + len(field) - len(field.lstrip()) + 1}"))
        at += len(field) + 1
    if not parts[-1].text:
        parts.pop()
    return parts


def _instruction(index: int, part: _Part) -> ClassicInstruction:
    try:
        words = part.text.split()
        if len(words) != len(LIMITS):
            raise BytecodeError(f'"{part.text[:_LONGEST_SHOWN]}" has {len(words)} numbers, "c t f k" expected')
        return ClassicInstruction(
            *(_number(word, name, limit) for word, (name, limit) in zip(words, LIMITS, strict=True))
        )
    except BytecodeError as error:
        raise BytecodeError(f"instruction {index}: {error} (at {part.place})") from None


def _number(word: str, what: str, limit: int) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 20:
        raise BytecodeError(f'{what}: "{word[:_LONGEST_SHOWN]}" is not a decimal number')
    number = int(word)
    if number > limit:
        raise BytecodeError(f"{what}: {number} is more than {limit}")
    return number


def _check(program: tuple[ClassicInstruction, ...], parts: list[_Part]) -> None:
    from pytc.bpf.insn.classic_check import first_problem

    problem = first_problem(program)
    if problem is not None:
        place = parts[problem.at + 1].place
        raise BytecodeError(f"instruction {problem.at}: {problem.text} (at {place})")
