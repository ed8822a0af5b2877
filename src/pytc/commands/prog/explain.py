"""``pytc prog explain``: why the verifier refused a program, from its log, whoever loaded it."""

from __future__ import annotations

import re

from pytc.bpf.sys.files import read_input_file
from pytc.bpf.sys.program_types import program_type
from pytc.commands.shared.command import Query
from pytc.errors import BpfError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words.engine import Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec
    from pytc.bpf.verifier.log import Log
    from pytc.bpf.verifier.report import Report
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog explain LOG [ obj FILE [ program NAME ] ] [ type TYPE ]

LOG      the verifier's log, or the output of a loader that has it (libbpf, bpftool, cilium/ebpf, aya), a file or - for
         standard input
obj      the object that was loaded: its lines of C, its maps and functions are named then
program  which of its programs was refused; without it, the one that the log fits
type     the type of the program, like sched_cls or xdp, where the section's name does not tell it

"pytc help verifier" lists the kinds of mistakes, "pytc help verifier CATEGORY" explains one with an example.
"""

WORDS = (
    Word("object-file", "path", text),
    Word("obj", "path", text, exact=True),
    Word("program", "program", text),
    Word("type", "type", program_type, wrong="invalid program type"),
)

_MOST_BYTES = 1 << 30
_NAMED = re.compile(r"prog(?:ram)? '([^']+)': (?:BPF program load failed|-- BEGIN)")


class ExplainLog(Query):
    """A log to explain; ``path`` is an object file, empty for none, ``type`` a program type, 0 for unknown."""

    log: str
    path: str = ""
    program: str = ""
    type: int = 0


def parse(cursor: Cursor) -> ExplainLog:
    """Return the command; raises UsageError, HelpRequested."""
    log = cursor.take()
    fields = fill(cursor, WORDS, {}, topic="prog explain")
    refuse_more(cursor, "prog explain")
    return ExplainLog(log, **fields)


def run(context: Context, command: ExplainLog) -> list[Document]:
    """Return the explanation; raises BpfError for a log that tells no refusal, ObjectError, SelectionError."""
    from pytc.bpf.verifier.log import Log, read_log
    from pytc.bpf.verifier.report import explain

    output = _read(command.log)
    log = read_log(output)
    parsed = Log(log)
    spec, linked = None, None
    if command.path:
        from pytc.bpf.object.reader import read_object

        named = _NAMED.findall(output)
        spec = read_object(command.path, layout20=context.layout20)
        linked = _choose(spec, command.program or (named[-1] if named else ""), parsed)
    type = command.type or (linked.program.type if linked is not None else 0)
    report = explain(log, spec=spec, linked=linked, type=type)
    is_log = parsed.report is not None or next(parsed.instructions(), None) is not None
    if not report.message or (report.category == "other" and not is_log):
        raise BpfError(f'"{command.log}" has no message of the verifier that refuses a program')
    return [_document(report)]


def _read(path: str) -> str:
    try:
        return read_input_file(path, _MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise BpfError(f'cannot read "{path}": {error.strerror}', errno=error.errno) from error
    except ValueError as error:
        raise BpfError(f'cannot read "{path}": {error}') from error


def _choose(spec: ObjectSpec, name: str, log: Log) -> LinkedProgram | None:
    """Return the program with a name, or the first one that has the instructions of the log; raises SelectionError."""
    from pytc.bpf.link.linker import link
    from pytc.bpf.loader.program import select_program
    from pytc.errors import ObjectError, SelectionError

    if name:
        return link(spec, select_program(spec, program=name))
    seen = [(found.slot, found.opcode) for found, _ in zip(log.instructions(), range(1000), strict=False)]
    for program in spec.programs:
        try:
            linked = link(spec, program)
        except ObjectError:
            continue
        opcodes = linked.code[::8]
        # CO-RE and missing symbols change an instruction here and there.
        same = sum(slot < len(opcodes) and opcodes[slot] == opcode for slot, opcode in seen)
        if same >= len(seen) * 0.9:
            return linked
    raise SelectionError(f'no program of "{spec.path}" has the instructions of the log')


def _document(report: Report) -> Document:
    return [
        Field("category", report.category),
        Field("title", report.title, printable(report.title) + "\n"),
        Field("reason", report.reason),
        Field("at", report.at),
        Field("path", list(report.path)),
        Field("suggestion", report.suggestion),
        Field("message", report.message, printable(report.text(), "\n") + "\n"),
    ]
