"""``prog dump``: the instructions of a loaded program, with the source that they come from."""

from collections.abc import Iterator
from itertools import pairwise

from pytc.bpf.analyse.program_info import Code, Compiled, Names, Translated, compiled, program_info, translated
from pytc.bpf.btf.ext import Line
from pytc.bpf.codec.text import printable
from pytc.bpf.insn.disassemble import disassemble
from pytc.bpf.insn.instructions import SIZE
from pytc.bpf.kernel.symbols import KernelSymbols
from pytc.commands.prog.machine_code import MachineInstruction, instructions, is_installed
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.values import DumpProgram
from pytc.commands.shared.context import Context
from pytc.errors import BpfError
from pytc.render.documents import Document, Field, Json

_BYTES_IN_LINE = 16


def dump_program(context: Context, command: DumpProgram) -> list[Document] | None:
    """The instructions as text, or into a file; raises PytcError."""
    fd = open_program(context, command.target).fd
    if command.form == "jited":
        machine_code = compiled(fd)
        if not machine_code.functions:
            raise BpfError(
                "the program is interpreted, or its machine code is not to be seen by this process "
                "(sysctl net.core.bpf_jit_enable, kernel.kptr_restrict)"
            )
        code = b"".join(bytes for _, _, bytes in machine_code.functions)
        document = _of_machine_code(context, machine_code, command)
    else:
        instructions = translated(fd)
        code = instructions.instructions
        if not code and program_info(fd).translated_length:
            raise BpfError("the instructions are not to be seen by this process: CAP_SYS_ADMIN is needed")
        document = _of_instructions(instructions, command)
    if not command.write:
        return [document]
    from pytc.commands.shared.output_files import replacing

    with replacing(command.write) as file:
        file.write(code)
    return None


class _Source:
    """The lines of C, each said where it begins, and once for instructions that follow one another."""

    def __init__(self, source: Code, command: DumpProgram) -> None:
        self._lines = dict(source.lines)
        self._functions = {function.start: function.text for function in source.functions}
        self._with_place = command.lines
        self._last: tuple[str, int] | None = None

    def at(self, place: int) -> tuple[str, Line | None]:
        """(what comes before the instruction at a slot or address, the line that begins there)."""
        text = ""
        if place in self._functions:
            text = f"{printable(self._functions[place])}:\n"
            self._last = None
        line = self._lines.get(place)
        if line is None or not line.text or (line.file, line.line) == self._last:
            return text, line
        self._last = line.file, line.line
        where = f" [{line.file}:{line.line}]" if self._with_place else ""
        return f"{text}; {printable(line.text)}{printable(where)}\n", line


def _of_instructions(found: Translated, command: DumpProgram) -> Document:
    source, rows, text = _Source(found.source, command), [], []
    code = found.instructions
    statements = list(disassemble(code, Names(found.addresses)))
    ends = [slot for slot, _ in statements[1:]] + [len(code) // SIZE]
    for (slot, statement), end in zip(statements, ends, strict=True):
        before, line = source.at(slot)
        opcodes = code[slot * SIZE : end * SIZE].hex(" ")
        text.append(f"{before}{slot: 4d}: {printable(statement)}\n")
        if command.opcodes:
            text.append(f"       {opcodes}\n")
        rows.append(_row(slot, statement, line) | ({"opcodes": opcodes} if command.opcodes else {}))
    return [Field("insns", list[Json](rows), "".join(text))]


def _row(slot: int, statement: str, line: Line | None) -> dict[str, Json]:
    row: dict[str, Json] = {"slot": slot, "text": statement}
    return row | _place(line)


def _place(line: Line | None) -> dict[str, Json]:
    """Members for a place in the source, none for code that comes from none."""
    return {"source": line.text, "file": line.file, "line": line.line} if line is not None and line.text else {}


def _of_machine_code(context: Context, found: Compiled, command: DumpProgram) -> Document:
    """Instructions by the lines of C that they come from; bytes where nothing knows the machine's."""
    source = _Source(found.source._replace(functions=()), command)
    starts = sorted(address for address, _ in found.source.lines)
    known = _disassembled(context, found)
    rows: list[Json] = []
    text: list[str] = []
    for number, (name, address, code) in enumerate(found.functions):
        declared = found.source.functions
        text.append(f"{printable(declared[number].text if number < len(declared) else name)}:\n")
        parts: list[Json] = []
        for start, end in _between(address, len(code), starts):
            before, line = source.at(start)
            part = code[start - address : end - address]
            own = [one for one in known[number] if start <= address + one.offset < end]
            text.append(before + "".join(_machine_lines(own, command) if own else _hex_lines(part, start - address)))
            row: dict[str, Json] = {"offset": start - address, "bytes": part.hex()}
            insns: list[Json] = [{"offset": one.offset, "text": one.text} for one in own]
            parts.append(row | ({"insns": insns} if own else {}) | _place(line))
        rows.append({"name": name, "address": f"{address:#x}", "code": parts})
    return [Field("functions", rows, "".join(text))]


def _disassembled(context: Context, found: Compiled) -> list[list[MachineInstruction]]:
    """The instructions of each function, with a remark where there can be none."""
    if not is_installed():
        context.notes.append(
            "machine code is shown as bytes: objdump (package binutils), which knows the machine's "
            "instructions, is not installed"
        )
        return [[] for _ in found.functions]
    symbols = KernelSymbols()
    return [instructions(code, address, symbols.name) for _, address, code in found.functions]


def _machine_lines(found: list[MachineInstruction], command: DumpProgram) -> Iterator[str]:
    for one in found:
        yield f"{one.offset: 5x}: {printable(one.text)}\n"
        if command.opcodes:
            yield f"       {one.code.hex(' ')}\n"


def _between(address: int, length: int, starts: list[int]) -> Iterator[tuple[int, int]]:
    """The addresses at which lines begin, and the beginning and the end of the function."""
    edges = sorted({address, address + length, *(start for start in starts if address < start < address + length)})
    return pairwise(edges)


def _hex_lines(code: bytes, at: int) -> Iterator[str]:
    for start in range(0, len(code), _BYTES_IN_LINE):
        yield f"{at + start: 5x}: {code[start : start + _BYTES_IN_LINE].hex(' ')}\n"
