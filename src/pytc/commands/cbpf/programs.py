"""Programs of classic BPF: the words that name one, where it comes from, and its document."""

from __future__ import annotations

from pytc.bpf.insn.classic import format_bytecode
from pytc.cbpf.compiler import ETHERNET, compile_expression
from pytc.cbpf.disassembler import statement
from pytc.cbpf.formats import FORMS, format_program, parse_program, read_program
from pytc.errors import BytecodeError, UsageError
from pytc.render.documents import Field
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.shared.expression_words import link_type
from pytc.value import Value
from pytc.words.engine import Word, choose, fill, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document, Json
    from pytc.words.engine import Cursor

    Program = Sequence[ClassicInstruction]

MAX_U32 = 0xFFFFFFFF


class ClassicSource(Value):
    """The origin of a program.

    ``mode`` is text (``text`` is the program), file (its path), expression (tcpdump's, for packets of ``link_type``;
    empty: what the capture has, or Ethernet) or filter (attached ones that ``selector`` covers, of ``handle``; 0: all).
    """

    mode: Literal["text", "file", "expression", "filter"]
    text: str = ""
    link_type: str = ""
    selector: FilterSelector | None = None
    handle: int = 0


def _form(word: str) -> str:
    form = "c" if word == "c" else choose(word, FORMS)
    if not form:
        raise ValueError(word)
    return form


#: The row of ``as``, which sets ``form`` to one of :data:`pytc.cbpf.formats.FORMS`.
AS = Word("as", "form", _form, exact=True, wrong="unknown form; tc, tcpdump, c and asm are known")

_DLT = Word("dlt", "link_type", link_type, exact=True, wrong="invalid link type")
_PREF = Word("pref", "pref", unsigned(0xFFFF), wrong="invalid priority value", called="priority")


def take_source(cursor: Cursor) -> ClassicSource:
    """Return the program that the next words name; raises UsageError, HelpRequested."""
    word = cursor.take()
    if word == "expression":
        return ClassicSource("expression", cursor.take(), **_link_type(cursor))
    if word == "from":
        return _take_filters(cursor)
    if word in ("bytecode", "bc"):
        return ClassicSource("text", cursor.take())
    if word in ("bytecode-file", "bcf"):
        return ClassicSource("file", cursor.take())
    is_text = word.lstrip()[:1].isdigit() and ("," in word or "\n" in word)
    return ClassicSource("text" if is_text else "file", word)


def _link_type(cursor: Cursor) -> dict[str, Any]:
    """Take ``dlt NAME`` where it follows, and leave other words, ``help`` among them, to the verb."""
    fields: dict[str, Any] = {}
    while cursor.peek() == _DLT.name:
        fill(cursor, (_DLT,), fields, topic="cbpf")
    return fields


def _take_filters(cursor: Cursor) -> ClassicSource:
    from pytc.tc.filters.words import SELECTORS

    rows = [
        row._replace(convert=unsigned(MAX_U32), wrong="invalid handle") if row.name == "handle" else row
        for row in (*SELECTORS, _PREF)
    ]
    fields = fill(cursor, [row._replace(exact=True) for row in rows], {}, topic="cbpf disasm")
    if "device" not in fields:
        raise UsageError('"dev NAME" is missing after "from"')
    handle = fields.pop("handle", 0)
    return ClassicSource("filter", selector=FilterSelector(**fields), handle=handle)


def load_program(context: Context, source: ClassicSource) -> Program:
    """Return the program of a source; raises BytecodeError, ExpressionError, and what listing filters raises."""
    if source.mode == "text":
        return parse_program(source.text)
    if source.mode == "file":
        return read_program(source.text)
    if source.mode == "expression":
        return compile_expression(source.text, source.link_type or ETHERNET)
    attached = attached_programs(context, source)
    if len(attached) > 1:
        raise BytecodeError(
            f'{len(attached)} filters of classic BPF are meant ({"; ".join(attached)}): say "pref" and "handle"'
        )
    return next(iter(attached.values()))


def load_for_capture(context: Context, source: ClassicSource) -> Program | Callable[[int], Program]:
    """Return the program of a source; for an expression without link type, a function that compiles it for a
    LINKTYPE_ number. Raises what :func:`load_program` raises."""
    if source.mode != "expression" or source.link_type:
        return load_program(context, source)
    from pytc.packets.link_types import link_type

    return lambda number: compile_expression(source.text, link_type(number).name)


def attached_programs(context: Context, source: ClassicSource) -> dict[str, Program]:
    """Return the programs of the classic filters that a source's selector covers, by "pref N handle H"; raises
    BytecodeError where there is none."""
    from pytc.tc.filters.records import filter_records
    from pytc.tc.kinds.filters.bpf import BpfRecord

    assert source.selector is not None
    selector = source.selector
    programs: dict[str, Program] = {}
    other_count = 0
    for record in filter_records(context.session, selector, selector.ifindex(context.device_index)):
        instructions = record.options.instructions if isinstance(record.options, BpfRecord) else ()
        if not record.handle or source.handle not in (0, record.handle):
            continue
        other_count += not instructions
        if instructions:
            programs[f"pref {record.pref} handle {record.handle:#x}"] = instructions
    if not programs:
        raise BytecodeError(
            f"no filter of classic BPF on {selector.device}"
            + (f"; {other_count} of other kinds or of eBPF" if other_count else "")
        )
    return programs


def program_document(program: Program, form: str) -> Document:
    """Describe a program: as text in a form, in JSON with its instructions and their statements."""
    instructions: list[Json] = [
        {**instruction._asdict(), "text": statement(index, instruction)} for index, instruction in enumerate(program)
    ]
    return [
        Field("length", len(program), format_program(program, form)),
        Field("bytecode", format_bytecode(program)),
        Field("insns", instructions),
    ]
