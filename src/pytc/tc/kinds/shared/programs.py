"""Programs in words and in dumps: what bpf filters and bpf actions have in common (tc-bpf(8))."""

from __future__ import annotations

from errno import EINVAL

from pytc.bpf.insn.classic import format_packed, format_packed_json, numbers
from pytc.bpf.sys.files import is_bpffs, looks_like_elf
from pytc.cpython import lru_cache, partial
from pytc.errors import BytecodeError, InvalidOptionsError, NetlinkError
from pytc.render.documents import Common, Field, LazyField
from pytc.typing import NamedTuple
from pytc.words.engine import Table, Word, choose, fill, find, text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Literal

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.errors import PytcError
    from pytc.render.documents import Display, Group, Json
    from pytc.words.engine import Cursor

    #: Origins of a program, by the word that names one.
    Mode = Literal["object-file", "object-pinned", "id", "name", "bytecode", "bytecode-file", "expression", "bare"]
OBJECT: Final = "object-file"
PINNED: Final = "object-pinned"
IDENTIFIED: Final = "id"
NAMED: Final = "name"
#: Origins of programs that are loaded already.
LOADED = (PINNED, IDENTIFIED, NAMED)
BYTECODE: Final = "bytecode"
BYTECODE_FILE: Final = "bytecode-file"
#: tcpdump's, compiled when it is attached; :attr:`BpfSource.path` is its text.
EXPRESSION: Final = "expression"
#: A word without a mode: an object file, if it is one.
BARE: Final = "bare"


class MapWords(NamedTuple):
    """Words about a map: ``map NAME max_entries N`` or ``map NAME pinned PATH``."""

    name: str
    max_entries: int = 0
    pinned: str = ""


class BpfSource(NamedTuple):
    """A program's origin: ``mode`` and ``path`` (of a loaded program its id or name), or ``instructions`` for bytecode.

    For an object: ``variables`` are (path, text), ``maps`` the words about maps when the program is loaded. ``type`` is
    0 for what fits here. ``export`` is the path of the socket that the maps go to, ``entry_size`` the bytes of an entry
    there, 0 for what the object's own definitions suggest. For an expression: ``link_type`` is libpcap's name of what
    packets begin with, empty for the device's; ``verdict`` what a match returns with direct-action, None where it is
    not given.
    """

    mode: Mode
    path: str = ""
    instructions: tuple[ClassicInstruction, ...] = ()
    section: str = ""
    program: str = ""
    verbose: bool = False
    type: int = 0
    variables: tuple[tuple[str, str], ...] = ()
    maps: tuple[MapWords, ...] = ()
    link_type: str = ""
    verdict: int | None = None
    export: str = ""
    entry_size: int = 0


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


def _entry_size(word: str) -> int:
    """Convert 20 or 36; raises ValueError."""
    if word not in ("20", "36"):
        raise ValueError(word)
    return int(word)


def _program_type(word: str) -> int:
    # Only now: enum takes as long as half the modules of "filter show".
    from pytc.bpf.sys.program_types import program_type

    return program_type(word)


#: What other tools name a loaded program by.
_IDENTITIES = ("tag",)
#: What may be said of an object's program.
OBJECT_WORDS = (
    Word("type", "type", _program_type, wrong="program type"),
    Word("section", "section", text),
    Word("program", "program", text, exact=True),
    Word("export", "export", text),
    Word("entries", "entry_size", _entry_size, wrong='Illegal "entries": "{}" is neither 20 nor 36', exact=True),
    Word("verbose", "verbose", repeat=True),
    Word("set", "variables", _variable, wrong='Illegal "set": "{}" is not NAME=VALUE', many=True, exact=True),
    Word("map", "maps", read=_map_words, many=True, exact=True),
)
MODES = Table(
    (
        Word("bytecode", BYTECODE),
        Word("bc", BYTECODE, exact=True),
        Word("bytecode-file", BYTECODE_FILE),
        Word("bcf", BYTECODE_FILE, exact=True),
        Word("object-file", OBJECT),
        Word("obj", OBJECT, exact=True),
        Word("object-pinned", PINNED),
        Word("pinned", PINNED),
        Word("fd", PINNED),
        Word(IDENTIFIED, IDENTIFIED, exact=True),
        Word(NAMED, NAMED, exact=True),
    )
)
#: For those who have a device to compile it for.
WITH_EXPRESSION = Table((*MODES, Word("expression", EXPRESSION)))


class ProgramWords:
    """The words of a kind that takes a program: its own, and those that go with the sort of program."""

    def __init__(self, *words: Word) -> None:
        self._own = words
        self._tables: dict[str, Table] = {}

    def table(self, mode: str) -> Table:
        """Return the words that may come next; ``mode`` is empty before the program is named."""
        if mode not in self._tables:
            self._tables[mode] = Table((*_mode_words(mode), *self._own))
        return self._tables[mode]


def parse_program(
    cursor: Cursor, words: ProgramWords, values: dict[str, Any], *, topic: str, stop: bool = False, modes: Table = MODES
) -> None:
    """Reads the words of a program, and the kind's own, in any order into ``fields``. ``modes`` are what
    it may come from.

    Ends at the end of the words; with ``stop`` also at the first that is none of them once a program is named.
    Raises InvalidOptionsError, UsageError, HelpRequested.
    """
    while True:
        table = words.table(values.get("mode", ""))
        fill(cursor, table, values, topic=topic, error=InvalidOptionsError)
        if cursor.done or (stop and "mode" in values):
            return
        if "mode" in values:
            raise _unknown_word(cursor.peek(), values["mode"], values.get("path", ""), topic)
        _parse_mode(cursor, values, modes)


def _unknown_word(word: str, mode: str, path: str, topic: str) -> InvalidOptionsError:
    """Return the error about a word behind a program; without a mode, it may be the program that is wrong."""
    if mode == BARE and not looks_like_elf(path):
        return unknown_mode(path)
    hint = "an expression of several words is one in quotes: expression 'tcp port 80'"
    return InvalidOptionsError(
        f'What is "{word}"? Try "pytc {_help_topic(topic)} help".', hints=(hint,) if mode == EXPRESSION else ()
    )


def unknown_mode(word: str) -> InvalidOptionsError:
    """Return tc's error about a word that neither tells the program's origin nor is an ELF file."""
    row = find(word, OBJECT_WORDS)
    if row is not None:
        hint = f'"{row.name}" goes behind the object file: object-file FILE {row.name} ...'
    elif word in _IDENTITIES:
        hint = "a loaded program is attached by id NUMBER, name NAME or object-pinned PATH"
    elif is_bpffs(word):
        hint = f'"{word}" is in a bpffs: object-pinned {word} names a pinned program'
    else:
        hint = f'an object is named by object-file FILE (or obj FILE), and "{word}" is not an ELF file'
    return InvalidOptionsError(f'What mode is "{word}"?', hints=(hint,))


def _help_topic(topic: str) -> str:
    """Return the words in front of "help": for a kind of filter or action, the topic leaves out the verb."""
    return {"filter bpf": "filter add bpf", "action bpf": "action add action bpf"}.get(topic, topic)


def _mode_words(mode: str) -> tuple[Word, ...]:
    """Return the words that go with a mode."""
    if mode == EXPRESSION:
        from pytc.tc.kinds.shared.expression_words import WORDS

        return WORDS
    return OBJECT_WORDS if mode in (OBJECT, BARE) else ()


def _parse_mode(cursor: Cursor, values: dict[str, Any], modes: Table) -> None:
    word = cursor.take()
    row = modes.find(word)
    if row is not None and row.into in (IDENTIFIED, NAMED) and looks_like_elf(word):
        row = None  # to tc, a word that names no mode is a file
    if row is None and (word in _IDENTITIES or find(word, OBJECT_WORDS)) and not looks_like_elf(word):
        raise unknown_mode(word)
    values["mode"] = row.into if row is not None else BARE
    values["path"] = word if row is None else cursor.take()
    if values["mode"] == IDENTIFIED:
        _check_id(values["path"])
    if values["mode"] == BYTECODE:
        from pytc.bpf.insn.classic_text import parse_bytecode  # which programs of objects do without

        try:
            values["instructions"] = parse_bytecode(values.pop("path"))
        except BytecodeError as error:
            raise bytecode_refusal(error) from error


def _check_id(word: str) -> None:
    try:
        unsigned(0xFFFFFFFF, 10)(word)
    except ValueError:
        raise InvalidOptionsError(f'Illegal "id": "{word}"') from None


def bytecode_refusal(error: BytecodeError) -> PytcError:
    """Return the error about bytecode that the words hold: of a program that the kernel would refuse, as tc reports
    the kernel's refusal."""
    if error.errno != EINVAL:
        return InvalidOptionsError(str(error))
    refused = NetlinkError(EINVAL, hints=(str(error),))
    refused.operation = "filter"
    return refused


def take_source(values: dict[str, Any]) -> BpfSource | None:
    """Takes the fields of a program out of what was read; None when there are none."""
    fields = {name: values.pop(name) for name in BpfSource._fields if name in values}
    return BpfSource(**fields) if fields else None


def bytecode_field(packed: bytes) -> LazyField:
    """Return classic instructions, an array of ``struct sock_filter``, as tc prints them."""

    def members() -> Json:
        insns: list[Json] = [{"code": code, "jt": jt, "jf": jf, "k": k} for code, jt, jf, k in numbers(packed)]
        return {"length": len(insns), "insns": insns}

    return LazyField(
        "bytecode", members, lambda: f"bytecode '{format_packed(packed)}'", partial(format_packed_json, packed)
    )


def program_group(number: int, program: ProgramDescription | None, display: Display) -> Group:
    """Return a loaded program as tc prints it; only its id where it cannot be looked at."""
    return _program_group(number, program, display.details)


@lru_cache(maxsize=256)  # a program is often attached many times
def _program_group(number: int, program: ProgramDescription | None, details: bool) -> Group:
    fields = [Field("id", number, f"id {number} ")]
    if program is None:
        return Common.of("prog", fields)
    if program.name:
        fields.append(Field("name", program.name, f"name {program.name} "))
    fields.append(Field("tag", program.tag, f"tag {program.tag} "))
    fields.append(Field("jited", int(program.jited), "jited " if program.jited else ""))
    if details:
        fields.append(Field("load_time", program.load_time, f"load_time {program.load_time} "))
        fields.append(Field("created_by_uid", program.created_by_uid, f"created_by_uid {program.created_by_uid} "))
        if program.btf_id:
            fields.append(Field("btf_id", program.btf_id, f"btf_id {program.btf_id} "))
    return Common.of("prog", fields)
