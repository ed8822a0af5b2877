"""The forms in which programs are read and written."""

from collections.abc import Sequence

from pytc.bpf.classic import MAX_TEXT, ClassicInstruction, format_bytecode, parse_bytecode
from pytc.bpf.files import read_regular_file
from pytc.errors import BytecodeError

TC, TCPDUMP, C, ASM = "tc", "tcpdump", "c", "asm"
FORMS = (TC, TCPDUMP, C, ASM)


def format_program(program: Sequence[ClassicInstruction], form: str = TC) -> str:
    """A program as text, with a newline at the end.

    ``tc`` is what tc takes; ``tcpdump`` the same in lines, as of ``tcpdump -ddd``; ``c`` an initializer of an array of
    ``struct sock_filter``, as of ``tcpdump -dd``; ``asm`` the language of bpf_asm.
    """
    if form == ASM:
        from pytc.cbpf.disassembler import disassemble

        return disassemble(program)
    if form == C:
        return "".join(f"{{ {code:#x}, {jt}, {jf}, {k:#010x} }},\n" for code, jt, jf, k in program)
    return format_bytecode(program, "\n" if form == TCPDUMP else ",") + "\n"


def parse_program(text: str) -> tuple[ClassicInstruction, ...]:
    """A program of any form but C: what begins with a digit is bytecode. Raises BytecodeError."""
    if text.lstrip()[:1].isdigit():
        return parse_bytecode(text)
    from pytc.cbpf.assembler import assemble

    return assemble(text)


def read_program(path: str) -> tuple[ClassicInstruction, ...]:
    """The program in a file; raises BytecodeError that names the file."""
    try:
        return parse_program(read_regular_file(path, MAX_TEXT).decode("ascii", "replace"))
    except OSError as error:
        raise BytecodeError(f'cannot read "{path}": {error.strerror}', errno=error.errno) from error
    except (BytecodeError, ValueError) as error:
        raise BytecodeError(f'"{path}": {error}') from error
