"""Words for programs that are attached, and for those to attach: shared by tcx, cgroup and link."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.tc.kinds.shared.ownership import owner_word
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, ProgramWords, parse_program, take_source
from pytc.value import Value
from pytc.words.engine import Word, choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

#: Help on the words that :func:`take_program` reads.
PROGRAM = """\
PROGRAM := { object-file | obj } FILE [ section NAME ] [ program NAME ] [ export PATH [ entries BYTES ] ]
           [ verbose ] [ set VARIABLE=VALUE ] ... [ map NAME { max_entries NUMBER | pinned PATH } ] ...
         | { object-pinned | pinned } { PATH | m:NAME } | id NUMBER | name NAME
"""
#: Help on the words that :func:`take_reference` reads.
REFERENCE = """\
REF := id NUMBER | name NAME | pinned PATH | link { NUMBER | PATH }
"""

if TYPE_CHECKING:
    ReferenceKind = Literal["id", "name", "pinned", "link"]
_KINDS: dict[str, ReferenceKind] = {"id": "id", "name": "name", "pinned": "pinned", "link": "link"}
_MAX_ID = (1 << 32) - 1
_MAX_REVISION = (1 << 64) - 1


class Reference(Value):
    """A program that is attached: by its id or name, by a pin (of a program or a link), or by its link (id or pin)."""

    kind: ReferenceKind
    text: str


def number(word: str) -> int:
    """Convert an id, 1 to 4294967295; raises ValueError."""
    return _positive(word, _MAX_ID)


def _positive(word: str, limit: int) -> int:
    value: int = unsigned(limit)(word)
    if not value:
        raise ValueError(word)
    return value


#: The row of ``revision``, which limits a change to a list of programs that nobody else has changed.
REVISION = Word(
    "revision", "revision", lambda word: _positive(word, _MAX_REVISION), exact=True, wrong="invalid revision"
)


#: The row of ``owner``, by whom a link can be found again.
OWNER = Word("owner", "owner", owner_word, exact=True, wrong="invalid owner")


def check_owner(fields: Mapping[str, Any]) -> None:
    """Raise UsageError for an owner of a link whose pin is elsewhere."""
    if "owner" in fields and "link" in fields:
        raise UsageError('"owner" says where the link is pinned, and does not go with "link"')


def take_reference(cursor: Cursor) -> Reference:
    """Return the program behind ``id``, ``name``, ``pinned`` or ``link``; raises UsageError."""
    word = cursor.take()
    kind = _KINDS.get(choose(word, tuple(_KINDS)))
    if kind is None:
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


def take_reference_or_all(cursor: Cursor) -> Reference | None:
    """Return the program that is meant, None for ``all``; raises UsageError."""
    if cursor.peek() == "all":
        cursor.take()
        return None
    return take_reference(cursor)


def take_program(cursor: Cursor, table: Sequence[Word], fields: dict[str, Any], topic: str) -> BpfSource:
    """Return the eBPF program that the remaining words name; words of ``table`` among them go into ``fields``.

    Raises UsageError, InvalidOptionsError, HelpRequested.
    """
    parse_program(cursor, ProgramWords(*table), fields, topic=topic)
    source = take_source(fields)
    if source is None or source.mode in (BYTECODE, BYTECODE_FILE):
        raise InvalidOptionsError(
            "which program? Give object-file FILE, with its section or program where needed, or object-pinned PATH, "
            "id NUMBER or name NAME",
            hints=(f'"pytc {topic} help" lists the words',),
        )
    return source
