"""Words for programs that are attached already, and for those that take their place: tcx, cgroups, links."""

from collections.abc import Sequence
from typing import Any

from pytc.commands.shared.attach_values import Reference
from pytc.errors import InvalidOptionsError, UsageError
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, BpfSource, ProgramWords, parse_program, source_of
from pytc.words.engine import Cursor, Word, choose, unsigned

_KINDS = ("id", "name", "pinned", "link")
_MOST = (1 << 32) - 1


def number(word: str) -> int:
    """Converter for ids: 1 to 4294967295; raises ValueError."""
    found: int = unsigned(_MOST)(word)
    if not found:
        raise ValueError(word)
    return found


def revision(word: str) -> int:
    """Converter for the revision of a list of programs; raises ValueError."""
    found: int = unsigned((1 << 64) - 1)(word)
    if not found:
        raise ValueError(word)
    return found


def take_reference(cursor: Cursor) -> Reference:
    """``id N``, ``name NAME``, ``pinned PATH``, ``link N`` or ``link PATH``; raises UsageError."""
    word = cursor.take()
    kind = choose(word, _KINDS)
    if not kind:
        raise UsageError(
            f'What is "{word}"? Name an attached program: id NUMBER, name NAME, pinned PATH or '
            "link { NUMBER | PATH }."
        )
    text = cursor.take()
    if kind == "id":
        try:
            number(text)
        except ValueError:
            raise UsageError(f'Error: argument "{text}" is wrong: id') from None
    return Reference(kind, text)


def take_program(cursor: Cursor, own: Sequence[Word], found: dict[str, Any], topic: str) -> BpfSource:
    """The words of an eBPF program and, among them, those of a table; raises UsageError, InvalidOptionsError,
    HelpRequested."""
    parse_program(cursor, ProgramWords(*own), found, topic=topic)
    source = source_of(found)
    if source is None or source.mode in (BYTECODE, BYTECODE_FILE):
        raise InvalidOptionsError(
            "which program? object-file FILE and its words, or object-pinned PATH, is needed here",
            hints=(f'"pytc {topic} help" lists the words',),
        )
    return source
