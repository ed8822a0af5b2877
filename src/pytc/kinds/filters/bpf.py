"""The ``bpf`` filter: cls_bpf (tc-bpf(8); include/uapi/linux/pkt_cls.h, net/sched/cls_bpf.c)."""

from typing import Any, NamedTuple

from pytc.bpf.classic import ClassicInstruction, format_bytecode, pack, parse_bytecode, unpack
from pytc.bpf.info import ProgramDescription
from pytc.bpf.program_types import program_type
from pytc.documents import Document, Field, Group, Shown
from pytc.errors import BytecodeError, InvalidOptionsError
from pytc.grammar.words import Cursor, Word, choose, fill, find, text, unsigned
from pytc.handles import Handle, parse_classid
from pytc.kinds.interface import Attributes, FilterKind, OpenedProgram, ProgramLookup, Schema

# What a program comes from.
OBJECT = "object-file"
PINNED = "object-pinned"
BYTECODE = "bytecode"
BYTECODE_FILE = "bytecode-file"
#: A word without a mode: an object file, if it is one.
BARE = "bare"

# TCA_BPF_FLAGS and TCA_BPF_FLAGS_GEN.
_ACT_DIRECT = 1
_SKIP_HW, _SKIP_SW, _IN_HW, _NOT_IN_HW = 1, 2, 4, 8


class MapWords(NamedTuple):
    """``map NAME max_entries N`` or ``map NAME pinned PATH``."""

    name: str
    max_entries: int = 0
    pinned: str = ""


class BpfSource(NamedTuple):
    """Where the program comes from: ``mode`` and ``path``, or ``instructions`` for bytecode.

    Of an object: ``variables`` are (path, text), ``maps`` what is said of maps when the program is loaded. ``type`` is
    0 for what fits here.
    """

    mode: str
    path: str = ""
    instructions: tuple[ClassicInstruction, ...] = ()
    section: str = ""
    program: str = ""
    verbose: bool = False
    type: int = 0
    variables: tuple[tuple[str, str], ...] = ()
    maps: tuple[MapWords, ...] = ()


class BpfOptions(NamedTuple):
    """The words of a ``bpf`` filter. ``source`` is None where none is given (then only options change)."""

    source: BpfSource | None = None
    classid: Handle | None = None
    direct_action: bool = False
    skip_hw: bool = False
    skip_sw: bool = False


class BpfRecord(NamedTuple):
    """A bpf filter as the kernel has it. ``flags`` is None where the kernel sends no TCA_BPF_FLAGS_GEN."""

    classid: Handle | None
    annotation: str
    direct_action: bool
    flags: int | None
    instructions: tuple[ClassicInstruction, ...]
    program_id: int
    tag: str
    program: ProgramDescription | None


def _later(word: str) -> Word:
    return Word(word, "later", value=word, repeat=True)


_WORDS = (
    Word("run", "run"),
    Word("classid", "classid", parse_classid),
    Word("flowid", "classid", parse_classid, wrong="classid"),
    Word("direct-action", "direct_action", repeat=True),
    Word("da", "direct_action", repeat=True),
    Word("skip_hw", "skip_hw", repeat=True),
    Word("skip_sw", "skip_sw", repeat=True),
    _later("action"),
    _later("police"),
)
def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        raise ValueError(word)
    return name, value


def _map_words(cursor: Cursor) -> MapWords:
    name, word = cursor.take(), cursor.take()
    attribute = choose(word, ("max_entries", "pinned"))
    value = cursor.take()
    if attribute == "pinned":
        return MapWords(name, pinned=value)
    try:
        return MapWords(name, max_entries=unsigned(0xFFFFFFFF)(value)) if attribute else _unknown(name, word)
    except ValueError:
        raise InvalidOptionsError(f'Illegal "max_entries": "{value}"') from None


def _unknown(name: str, word: str) -> MapWords:
    raise InvalidOptionsError(f'What is "{word}"? "map {name} max_entries N" and "map {name} pinned PATH" are known.')


_OBJECT_WORDS = (
    Word("type", "type", program_type, wrong="program type"),
    Word("section", "section", text),
    Word("program", "program", text, exact=True),
    _later("export"),
    Word("verbose", "verbose", repeat=True),
    Word("set", "variables", _variable, wrong="set; NAME=VALUE expected", many=True, exact=True),
    Word("map", "maps", read=_map_words, many=True, exact=True),
)
_MODES = (
    Word("bytecode", BYTECODE), Word("bc", BYTECODE, exact=True),
    Word("bytecode-file", BYTECODE_FILE), Word("bcf", BYTECODE_FILE, exact=True),
    Word("object-file", OBJECT), Word("obj", OBJECT, exact=True),
    Word("object-pinned", PINNED), Word("pinned", PINNED), Word("fd", PINNED),
)

SCHEMA: Schema = (
    ("TCA_BPF_UNSPEC", "none"), ("TCA_BPF_ACT", "cdata"), ("TCA_BPF_POLICE", "cdata"),
    ("TCA_BPF_CLASSID", "uint32"), ("TCA_BPF_OPS_LEN", "uint16"), ("TCA_BPF_OPS", "cdata"),
    ("TCA_BPF_FD", "uint32"), ("TCA_BPF_NAME", "asciiz"), ("TCA_BPF_FLAGS", "uint32"),
    ("TCA_BPF_FLAGS_GEN", "uint32"), ("TCA_BPF_TAG", "cdata"), ("TCA_BPF_ID", "uint32"),
)


def parse(cursor: Cursor) -> BpfOptions:
    """The words after ``bpf``; raises InvalidOptionsError, UsageError, HelpRequested."""
    found: dict[str, Any] = {}
    while True:
        table = (*_OBJECT_WORDS, *_WORDS) if found.get("mode") in (OBJECT, BARE) else _WORDS
        fill(cursor, table, found, topic="filter bpf", error=InvalidOptionsError)
        if "later" in found:
            raise InvalidOptionsError(f'"{found["later"]}" is not supported by this version of pytc')
        if cursor.done:
            break
        if "mode" in found:
            raise InvalidOptionsError(f'What is "{cursor.peek()}"? Try "pytc filter add bpf help".')
        _parse_mode(cursor, found)
    if found.pop("run", False) and "mode" not in found:
        cursor.take()
    return _options(found)


def _parse_mode(cursor: Cursor, found: dict[str, Any]) -> None:
    word = cursor.take()
    row = find(word, _MODES)
    found["mode"] = row.into if row is not None else BARE
    found["path"] = word if row is None else cursor.take()
    if found["mode"] == BYTECODE:
        try:
            found["instructions"] = parse_bytecode(found.pop("path"))
        except BytecodeError as error:
            raise InvalidOptionsError(str(error)) from error


def _options(found: dict[str, Any]) -> BpfOptions:
    values = {name: found.pop(name) for name in ("classid", "direct_action", "skip_hw", "skip_sw")
              if name in found}
    return BpfOptions(BpfSource(**found) if found else None, **values)


def encode(options: BpfOptions, program: OpenedProgram | None) -> list[tuple[str, Any]]:
    """Attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = []
    if options.classid is not None:
        attributes.append(("TCA_BPF_CLASSID", options.classid.number))
    if options.source is not None and options.source.instructions:
        attributes.append(("TCA_BPF_OPS_LEN", len(options.source.instructions)))
        attributes.append(("TCA_BPF_OPS", pack(options.source.instructions)))
    if program is not None:
        attributes.append(("TCA_BPF_FD", program.fd))
        attributes.append(("TCA_BPF_NAME", program.annotation))
    if options.skip_hw or options.skip_sw:
        attributes.append(("TCA_BPF_FLAGS_GEN", _SKIP_HW * options.skip_hw | _SKIP_SW * options.skip_sw))
    if options.direct_action:
        attributes.append(("TCA_BPF_FLAGS", _ACT_DIRECT))
    return attributes


def decode(attributes: Attributes, lookup: ProgramLookup) -> BpfRecord:
    """What a dump says of a bpf filter."""
    classid = attributes.get("TCA_BPF_CLASSID")
    program_id = attributes.get("TCA_BPF_ID", 0)
    return BpfRecord(
        classid=Handle.from_number(classid) if classid is not None else None,
        annotation=attributes.get("TCA_BPF_NAME", ""),
        direct_action=bool(attributes.get("TCA_BPF_FLAGS", 0) & _ACT_DIRECT),
        flags=attributes.get("TCA_BPF_FLAGS_GEN"),
        instructions=unpack(attributes.get("TCA_BPF_OPS", b"")),
        program_id=program_id,
        tag=attributes.get("TCA_BPF_TAG", b"").hex(),
        program=lookup(program_id) if program_id else None)


def document(record: BpfRecord, handle: int, shown: Shown) -> Document:
    """As tc prints it."""
    fields: list[Field | Group] = []
    if handle:
        fields.append(Field("handle", f"{handle:#x}", f"handle {handle:#x} "))
    if record.classid is not None:
        fields.append(Field("flowid", str(record.classid), f"flowid {record.classid} "))
    if record.annotation:
        fields.append(Field("bpf_name", record.annotation, f"{record.annotation} "))
    if record.direct_action:
        fields.append(Field("direct-action", True, "direct-action "))
    if record.flags is not None:
        fields += [Field(name, True, f"{name} ") for bit, name in
                   ((_SKIP_HW, "skip_hw"), (_SKIP_SW, "skip_sw")) if record.flags & bit]
        fields += [Field(name, True, f"{name} ") for bit, name in
                   ((_IN_HW, "in_hw"), (_NOT_IN_HW, "not_in_hw")) if record.flags & bit][:1]
    if record.instructions:
        fields.append(_bytecode(record.instructions))
    if record.program_id:
        fields.append(Group("prog", _program(record.program_id, record.program, shown)))
    if record.tag and record.program is None:
        fields.append(Field("tag", record.tag, f"tag {record.tag} "))
    return fields


def _bytecode(instructions: tuple[ClassicInstruction, ...]) -> Field:
    return Field("bytecode", {"length": len(instructions), "insns": [dict(i._asdict()) for i in instructions]},
                 f"bytecode '{format_bytecode(instructions)}'")


def _program(number: int, program: ProgramDescription | None, shown: Shown) -> list[Field]:
    fields = [Field("id", number, f"id {number} ")]
    if program is None:
        return fields
    if program.name:
        fields.append(Field("name", program.name, f"name {program.name} "))
    fields.append(Field("tag", program.tag, f"tag {program.tag} "))
    if program.jited:
        fields.append(Field("jited", 1, "jited "))
    if shown.details:
        fields.append(Field("load_time", program.load_time, f"load_time {program.load_time} "))
        fields.append(Field("created_by_uid", program.created_by_uid, f"created_by_uid {program.created_by_uid} "))
        if program.btf_id:
            fields.append(Field("btf_id", program.btf_id, f"btf_id {program.btf_id} "))
    return fields


KIND = FilterKind("bpf", SCHEMA, parse, encode, decode, document, unsigned(0xFFFFFFFF))
