"""``pytc prog dump``: the instructions of a loaded program, with the source that they come from."""

from __future__ import annotations

from itertools import pairwise

from pytc.bpf.analyse.program_info import (
    CallNames,
    program_info,
    read_machine_code,
    read_translated,
)
from pytc.bpf.insn.disassemble import disassemble
from pytc.bpf.insn.instructions import SIZE
from pytc.bpf.kernel.symbols import KernelSymbols
from pytc.commands.prog.machine_code import instructions, is_installed
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.words import TARGET, require_target, take_words
from pytc.commands.shared.command import Query
from pytc.errors import BpfError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words.engine import Word, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pytc.bpf.analyse.program_info import (
        MachineCode,
        Source,
        TranslatedProgram,
    )
    from pytc.bpf.btf.ext import Line
    from pytc.commands.prog.machine_code import MachineInstruction
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document, Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog dump PROG [ xlated | jited ] [ opcodes ] [ lines ] [ write FILE ]

xlated  the instructions as the kernel translated them, in its own notation, with the C source where it is known
jited   the machine code of each function, by the lines of C that it comes from: instructions where objdump (binutils)
        is installed, else bytes
opcodes also the bytes of each instruction
lines   also file and line of the C source
write   the bare instructions into FILE
"""

WORDS = (
    *TARGET,
    Word("xlated", "form", value="xlated"),
    Word("jited", "form", value="jited"),
    Word("opcodes", "opcodes"),
    Word("lines", "lines"),
    Word("linum", "lines"),
    Word("write", "write", text, wrong="invalid file"),
)

_BYTES_IN_LINE = 16


class DumpProgram(Query):
    """A program to dump; ``write`` is a file for the bare instructions, empty for text."""

    target: Target
    form: Literal["xlated", "jited"] = "xlated"
    opcodes: bool = False
    lines: bool = False
    write: str = ""


def parse(cursor: Cursor) -> DumpProgram:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "prog dump")
    refuse_more(cursor, "prog dump")
    require_target(fields)
    return DumpProgram(**fields)


def run(context: Context, command: DumpProgram) -> list[Document] | None:
    """Return the instructions, or write them into a file; raises PytcError."""
    fd = open_program(context, command.target).fd
    if command.form == "jited":
        machine_code = read_machine_code(fd)
        if not machine_code.functions:
            raise BpfError(
                "the program is interpreted, or this process may not see its machine code "
                "(sysctl net.core.bpf_jit_enable, kernel.kptr_restrict)"
            )
        code = b"".join(bytes for _, _, bytes in machine_code.functions)
        document = _dump_machine_code(context, machine_code, command)
    else:
        instructions = read_translated(fd)
        code = instructions.instructions
        if not code and program_info(fd).translated_length:
            raise BpfError("this process may not see the instructions: CAP_SYS_ADMIN is needed")
        document = _dump_instructions(instructions, command)
    if not command.write:
        return [document]
    from pytc.commands.shared.output_files import replace_file

    with replace_file(command.write) as file:
        file.write(code)
    return None


class _Source:
    """The lines of C, each shown where its instructions begin, and once for those that follow one another."""

    def __init__(self, source: Source, command: DumpProgram) -> None:
        self._lines = dict(source.lines)
        self._functions = {function.start: function.text for function in source.functions}
        self._with_files = command.lines
        self._last: tuple[str, int] | None = None

    def before(self, start: int) -> tuple[str, Line | None]:
        """Return the text before the instruction at a slot or address, and the line that begins there."""
        text = ""
        if start in self._functions:
            text = f"{printable(self._functions[start])}:\n"
            self._last = None
        line = self._lines.get(start)
        if line is None or not line.text or (line.file, line.line) == self._last:
            return text, line
        self._last = line.file, line.line
        where = f" [{line.file}:{line.line}]" if self._with_files else ""
        return f"{text}; {printable(line.text)}{printable(where)}\n", line


def _dump_instructions(program: TranslatedProgram, command: DumpProgram) -> Document:
    source, rows, text = _Source(program.source, command), [], []
    code = program.instructions
    statements = list(disassemble(code, CallNames(program.addresses)))
    ends = [slot for slot, _ in statements[1:]] + [len(code) // SIZE]
    for (slot, statement), end in zip(statements, ends, strict=True):
        before, line = source.before(slot)
        opcodes = code[slot * SIZE : end * SIZE].hex(" ")
        text.append(f"{before}{slot: 4d}: {printable(statement)}\n")
        if command.opcodes:
            text.append(f"       {opcodes}\n")
        rows.append(_row(slot, statement, line) | ({"opcodes": opcodes} if command.opcodes else {}))
    instructions: list[Json] = [*rows]
    return [Field("insns", instructions, "".join(text), color="code")]


def _row(slot: int, statement: str, line: Line | None) -> dict[str, Json]:
    row: dict[str, Json] = {"slot": slot, "text": statement}
    return row | _source_line(line)


def _source_line(line: Line | None) -> dict[str, Json]:
    """Return the members for a line of C; none for code that comes from no line."""
    return {"source": line.text, "file": line.file, "line": line.line} if line is not None and line.text else {}


def _dump_machine_code(context: Context, program: MachineCode, command: DumpProgram) -> Document:
    """Return instructions by the lines of C that they come from; bytes where nothing can disassemble them."""
    source = _Source(program.source._replace(functions=()), command)
    starts = sorted(address for address, _ in program.source.lines)
    instructions_of = _disassemble(context, program)
    rows: list[Json] = []
    text: list[str] = []
    for number, (name, address, code) in enumerate(program.functions):
        declared = program.source.functions
        text.append(f"{printable(declared[number].text if number < len(declared) else name)}:\n")
        parts: list[Json] = []
        for start, end in _between(address, len(code), starts):
            before, line = source.before(start)
            part = code[start - address : end - address]
            instructions = [
                instruction for instruction in instructions_of[number] if start <= address + instruction.offset < end
            ]
            text.append(
                before
                + "".join(_machine_lines(instructions, command) if instructions else _hex_lines(part, start - address))
            )
            row: dict[str, Json] = {"offset": start - address, "bytes": part.hex()}
            insns: list[Json] = [
                {"offset": instruction.offset, "text": instruction.text} for instruction in instructions
            ]
            parts.append(row | ({"insns": insns} if instructions else {}) | _source_line(line))
        rows.append({"name": name, "address": f"{address:#x}", "code": parts})
    return [Field("functions", rows, "".join(text), color="code")]


def _disassemble(context: Context, program: MachineCode) -> list[list[MachineInstruction]]:
    """Return the instructions of each function; none, with a remark, without objdump."""
    if not is_installed():
        context.notes.append("machine code is shown as bytes: objdump (package binutils) is not installed")
        return [[] for _ in program.functions]
    symbols = KernelSymbols()
    return [instructions(code, address, symbols.name) for _, address, code in program.functions]


def _machine_lines(insns: list[MachineInstruction], command: DumpProgram) -> Iterator[str]:
    for insn in insns:
        yield f"{insn.offset: 5x}: {printable(insn.text)}\n"
        if command.opcodes:
            yield f"       {insn.code.hex(' ')}\n"


def _between(address: int, length: int, starts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the start and end address of each line within a function."""
    edges = sorted({address, address + length, *(start for start in starts if address < start < address + length)})
    return pairwise(edges)


def _hex_lines(code: bytes, offset: int) -> Iterator[str]:
    for start in range(0, len(code), _BYTES_IN_LINE):
        yield f"{offset + start: 5x}: {code[start : start + _BYTES_IN_LINE].hex(' ')}\n"
