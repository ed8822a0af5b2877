"""Words that name a loaded program or a filter's."""

from __future__ import annotations

from pytc.errors import UsageError
from pytc.value import Value
from pytc.words.engine import Word, fill, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal

    from pytc.tc.filters.selector import FilterSelector
    from pytc.words.engine import Cursor

    _Kind = Literal["id", "pinned", "name", "tag"]

_LAST_ID = 0xFFFFFFFF
_KINDS: tuple[_Kind, ...] = ("id", "pinned", "name", "tag")


class LoadedProgram(Value):
    """A program by its id (digits), pin, name or tag."""

    kind: _Kind
    text: str


class FilterProgram(Value):
    """The program of an attached filter; ``handle`` is 0 for any."""

    selector: FilterSelector
    handle: int = 0


if TYPE_CHECKING:
    Target = LoadedProgram | FilterProgram


def _take_loaded(kind: _Kind) -> Callable[[Cursor], LoadedProgram]:
    return lambda cursor: LoadedProgram(kind, _id(cursor.take()) if kind == "id" else cursor.take())


def _id(word: str) -> str:
    if not (word.isascii() and word.isdigit() and len(word) < 11 and int(word) <= _LAST_ID):
        raise UsageError(f'Error: argument "{word}" is wrong: invalid id')
    return word


TARGET = tuple(Word(kind, "target", read=_take_loaded(kind), called=kind) for kind in _KINDS)


def take_words(cursor: Cursor, words: Sequence[Word], topic: str) -> dict[str, Any]:
    """Return the fields that words set, ``target`` among them where they name a program, by ``dev`` too; raises
    UsageError, HelpRequested."""
    fields = fill(cursor, words, {}, topic=topic)
    if cursor.peek() == "dev" and "target" not in fields:
        fields["target"] = take_filter(cursor, words, fields, topic)
    return fields


def take_filter(cursor: Cursor, words: Sequence[Word], fields: dict[str, Any], topic: str) -> FilterProgram:
    """Read the words of a filter and, among them, those of a table into ``fields``; raises UsageError,
    HelpRequested."""
    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.filters.words import SELECTORS

    handle = unsigned(0xFFFFFFFF)
    selectors = [
        row._replace(convert=handle) if row.name == "handle" else row for row in SELECTORS if row.name != "block"
    ]
    fill(cursor, (*words, *selectors), fields, topic=topic)
    if "target" in fields:
        raise UsageError(f'Error: "dev" and "{fields["target"].kind}" are two programs; one is needed.')
    number = fields.pop("handle", 0)
    return FilterProgram(FilterSelector(**take_fields(fields, [row.into for row in selectors])), number)


def take_fields(fields: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Take some fields out of others."""
    return {name: fields.pop(name) for name in dict.fromkeys(names) if name in fields}


def require_target(fields: dict[str, Any]) -> None:
    """Raise UsageError where no program is named."""
    if "target" not in fields:
        raise UsageError("Error: which program? id, pinned, name, tag or dev is needed.")
