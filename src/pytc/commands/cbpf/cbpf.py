"""``cbpf``: compile, assemble, disassemble, run, translate. Only ``from`` and ``dev`` ask a kernel."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice

from pytc.bpf.insn.classic import ClassicInstruction, format_bytecode
from pytc.cbpf.compiler import ETHERNET, compile_expression
from pytc.cbpf.debugger import Debugger
from pytc.cbpf.disassembler import statement
from pytc.cbpf.formats import ASM, TC, format_program, parse_program, read_program
from pytc.commands.shared.context import Context
from pytc.commands.shared.expressions import link_type_of
from pytc.commands.values import (
    AssembleProgram,
    ClassicSource,
    CompileExpression,
    DisassembleProgram,
    RunProgram,
    StepProgram,
    TranslateProgram,
)
from pytc.errors import BytecodeError, UsageError
from pytc.render.documents import Document, Field, Json

Program = Sequence[ClassicInstruction]


def compile_program(context: Context, command: CompileExpression) -> list[Document]:
    """The program of an expression; raises ExpressionError, DeviceNotFoundError."""
    link_type = command.link_type or (link_type_of(context, command.device) if command.device else ETHERNET)
    program = compile_expression(command.expression, link_type, device=command.device, snaplen=command.snaplen)
    return [_document(program, command.form or TC)]


def assemble_program(context: Context, command: AssembleProgram) -> list[Document]:
    """The program in a file; raises BytecodeError."""
    return [_document(read_program(command.path), command.form or TC)]


def disassemble_program(context: Context, command: DisassembleProgram) -> list[Document]:
    """A program, or those of all attached filters that are meant; raises what finding it raises."""
    form = command.form or ASM
    if command.source.mode != "filter":
        return [_document(_program(context, command.source), form)]
    found = _attached(context, command.source)
    return [
        [Field("filter", name, f"; {name}\n" if form == ASM and len(found) > 1 else ""), *_document(program, form)]
        for name, program in found
    ]


def run_program(context: Context, command: RunProgram) -> list[Document]:
    """A verdict on each packet, and how many there were; raises CaptureError and what finding the program raises."""
    from pytc.cbpf.pcap import run_capture
    from pytc.packets.capture import open_capture

    rows: list[Json] = []
    texts: list[str] = []
    packets = matches = 0
    with ExitStack() as stack:
        source = islice(stack.enter_context(open_capture(command.path)), command.limit or None)
        write = _writer(stack, command.write)
        for verdict in run_capture(
            _by_link_type(context, command.source), source, values=dict(command.values), untagged=command.untagged
        ):
            packets += 1
            matches += verdict.value != 0
            if verdict.value:
                write(verdict.packet)
            if not command.summary:
                rows.append({"number": verdict.number, "match": verdict.value != 0, "value": verdict.value})
                texts.append(f"packet {verdict.number}: {_said(verdict.value)}\n")
    summary = f"{packets} packet{'s' * (packets != 1)}, {matches} matched, {packets - matches} did not\n"
    return [
        [
            *([] if command.summary else [Field("packets", rows, "".join(texts))]),
            Field("count", packets, summary),
            Field("matched", matches),
        ]
    ]


def translate_program(context: Context, command: TranslateProgram) -> None:
    """Writes an object file; raises OutputError, BytecodeError and what finding the program raises."""
    from pytc.cbpf.object_file import object_file
    from pytc.cbpf.translate import translate
    from pytc.commands.shared.output_files import replacing

    data = object_file(translate(_program(context, command.source), verdict=command.verdict))
    with replacing(command.write) as file:
        file.write(data)


@contextmanager
def debugger(context: Context, command: StepProgram) -> Iterator[Debugger]:
    """A debugger on a capture, which is open for as long as the block runs."""
    from pytc.packets.capture import open_capture

    program = _by_link_type(context, command.source)
    with open_capture(command.path) as packets:
        yield Debugger(program, packets, values=dict(command.values), untagged=command.untagged)


def _program(context: Context, source: ClassicSource) -> Program:
    if source.mode == "text":
        return parse_program(source.text)
    if source.mode == "file":
        return read_program(source.text)
    if source.mode == "expression":
        return compile_expression(source.text, source.link_type or ETHERNET)
    found = _attached(context, source)
    if len(found) > 1:
        raise BytecodeError(
            f"{len(found)} filters of classic BPF are meant ({'; '.join(name for name, _ in found)}): "
            'say "pref" and "handle"'
        )
    return found[0][1]


def _by_link_type(context: Context, source: ClassicSource) -> "Program | Callable[[int], Program]":
    """An expression is compiled for the packets that there are."""
    if source.mode != "expression" or source.link_type:
        return _program(context, source)
    from pytc.packets.link_types import link_type

    return lambda number: compile_expression(source.text, link_type(number).name)


def _attached(context: Context, source: ClassicSource) -> list[tuple[str, Program]]:
    """(what identifies it, program) of the filters of classic BPF that a selector covers; raises BytecodeError
    when there is none."""
    from pytc.tc.filters.records import filter_records
    from pytc.tc.kinds.filters.bpf import BpfRecord

    assert source.selector is not None
    selector, wanted = source.selector, source.selector.handle
    found: list[tuple[str, Program]] = []
    others = 0
    for record in filter_records(context.session, selector, selector.ifindex(context.device_index)):
        instructions = record.options.instructions if isinstance(record.options, BpfRecord) else ()
        if not record.handle or (wanted and record.handle != _number(wanted)):
            continue
        others += not instructions
        if instructions:
            found.append((f"pref {record.pref} handle {record.handle:#x}", instructions))
    if not found:
        raise BytecodeError(
            f"no filter of classic BPF on {selector.device}"
            + (f"; {others} of other kinds or of eBPF" if others else "")
        )
    return found


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid handle') from None


def _document(program: Program, form: str) -> Document:
    instructions: list[Json] = [
        {**instruction._asdict(), "text": statement(index, instruction)} for index, instruction in enumerate(program)
    ]
    return [
        Field("length", len(program), format_program(program, form)),
        Field("bytecode", format_bytecode(program)),
        Field("insns", instructions),
    ]


def _said(value: int) -> str:
    return f"match ({value:#x})" if value else "no match"


def _writer(stack: ExitStack, path: str) -> Callable[[object], None]:
    """Takes packets; a file that has none is a capture all the same."""
    if not path:
        return lambda packet: None
    from pytc.commands.shared.output_files import replacing
    from pytc.packets.writer import PcapngWriter

    return PcapngWriter(stack.enter_context(replacing(path))).write  # type: ignore[return-value]
