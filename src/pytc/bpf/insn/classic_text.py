"""Parse the text form of classic BPF programs, and check them as a kernel does; errors say where the fault is."""

from __future__ import annotations

from codecs import BOM_UTF8
from errno import EINVAL

from pytc.bpf.insn.classic import LIMITS, MAX_INSTRUCTIONS, ClassicInstruction
from pytc.bpf.insn.classic_check import first_problem
from pytc.bpf.sys.files import STANDARD_INPUT, read_input_file
from pytc.cpython import lru_cache
from pytc.errors import BytecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The largest text of a program that is read from a file, in bytes.
MAX_TEXT = 1 << 20

_LONGEST_SHOWN = 40
_LONGEST_NUMBER = 20


def parse_bytecode(text: str) -> tuple[ClassicInstruction, ...]:
    """Return the program of a text ``N,c t f k,...`` or of one instruction a line.

    Checks the program as a kernel does. Raises BytecodeError with the instruction at fault and its position in the
    text, and the kernel's errno for a program that the text tells well.
    """
    parts = _split(text)
    if not parts:
        raise BytecodeError("bytecode is empty; 'N,c t f k,...' expected")
    count = _number(parts[0].strip(), "the number of instructions", MAX_INSTRUCTIONS)
    if not count:
        raise BytecodeError("bytecode of 0 instructions")
    if len(parts) - 1 != count:
        raise BytecodeError(f"bytecode claims {count} instructions but has {len(parts) - 1}")
    program = _instructions(text, parts[1:])
    problem = first_problem(program)
    if problem is not None:
        error = _fault(text, problem.instruction, problem.text)
        error.errno = EINVAL
        raise error
    return program


def parse_bytecode_file(path: str) -> tuple[ClassicInstruction, ...]:
    """Return the program in a file with the text of :func:`parse_bytecode`; raises BytecodeError that names the
    file."""
    try:
        readable = f"./{path}" if path == STANDARD_INPUT else path  # to tc, it is a file
        text = read_input_file(readable, MAX_TEXT).removeprefix(BOM_UTF8)
        return parse_bytecode(text.decode("ascii", "replace"))
    except OSError as error:
        raise BytecodeError(f'cannot read bytecode file "{path}": {error.strerror}', errno=error.errno) from error
    except (BytecodeError, ValueError) as error:
        number = error.errno if isinstance(error, BytecodeError) else None
        raise BytecodeError(f'bytecode file "{path}": {error}', errno=number) from error


def _split(text: str) -> list[str]:
    """Return the parts between commas where there are any, else the lines that are not empty."""
    if "," not in text:
        return [line for line in map(str.strip, text.splitlines()) if line]
    parts = text.split(",")
    if not parts[-1].strip():
        parts.pop()
    return parts


def _position(text: str, index: int) -> str:
    """Return the position of a part of a text for a message: a line, or a character."""
    if "," not in text:
        lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        return f"line {lines[index]}"
    fields = text.split(",")
    blanks = len(fields[index]) - len(fields[index].lstrip())
    return f"character {sum(len(field) + 1 for field in fields[:index]) + blanks + 1}"


def _fault(text: str, index: int, problem: str) -> BytecodeError:
    return BytecodeError(f"instruction {index}: {problem} (at {_position(text, index + 1)})")


def _instructions(text: str, parts: Sequence[str]) -> tuple[ClassicInstruction, ...]:
    try:
        return tuple(map(_instruction, parts))
    except BytecodeError:
        for index, part in enumerate(parts):
            try:
                _instruction(part)
            except BytecodeError as error:
                raise _fault(text, index, str(error)) from None
        raise


@lru_cache(maxsize=1024)  # the programs of a batch are much alike
def _instruction(part: str) -> ClassicInstruction:
    words = part.split()
    if len(words) != len(LIMITS):
        raise BytecodeError(f'"{part.strip()[:_LONGEST_SHOWN]}" has {len(words)} numbers, "c t f k" expected')
    return ClassicInstruction(*[_number(word, name, limit) for word, (name, limit) in zip(words, LIMITS, strict=True)])


def _number(word: str, what: str, limit: int) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > _LONGEST_NUMBER:
        raise BytecodeError(f'{what}: "{word[:_LONGEST_SHOWN]}" is not a decimal number')
    number = int(word)
    if number > limit:
        raise BytecodeError(f"{what}: {number} is more than {limit}")
    return number
