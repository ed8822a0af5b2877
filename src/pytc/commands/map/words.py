"""Words that verbs of ``map`` share: how they name a map, its elements, and what to do with them."""

from __future__ import annotations

from pytc.bpf.sys.constants import EXIST, NOEXIST
from pytc.commands.shared.maps import MAP_KINDS
from pytc.errors import UsageError
from pytc.value import Value
from pytc.words.engine import Word, fill, refuse_more, unsigned
from pytc.words.values import take_element, take_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pytc.commands.shared.maps import MapKind
    from pytc.words.engine import Cursor


class Target(Value):
    """A map, and formats of its keys and values, which are empty for the map's own types."""

    kind: MapKind
    text: str
    key_type: str = ""
    value_type: str = ""


def _take_target(kind: MapKind) -> Callable[[Cursor], Target]:
    return lambda cursor: Target(kind, cursor.take())


def _take_type(cursor: Cursor) -> str:
    """Return a format; raises UsageError where the word before it is no abbreviation, but the key or value of an
    element, which this verb does not take."""
    if cursor.last in ("key", "value"):
        raise UsageError(
            f'Error: "map {cursor.verb}" takes no {cursor.last}; {cursor.last}type gives the type of {cursor.last}s.'
        )
    return take_format(cursor)


TARGET = tuple(Word(kind, "target", read=_take_target(kind), called=kind) for kind in MAP_KINDS)
VALUE_TYPE = Word("valuetype", "value_type", read=_take_type)
TYPES = (Word("keytype", "key_type", read=_take_type), VALUE_TYPE)
KEY = Word("key", "key", read=take_element, exact=True)
KEYS = KEY._replace(into="keys", many=True)
VALUE = Word("value", "value", read=take_element, exact=True)
VALUES = VALUE._replace(into="values", many=True)
FLAGS = (Word("any", "flags", value=0), Word("noexist", "flags", value=NOEXIST), Word("exist", "flags", value=EXIST))
LOCK = Word("lock", "lock")
SUM = Word("sum", "sum")
COUNT = Word("count", "limit", unsigned((1 << 32) - 1), wrong="invalid count")


def take_words(
    cursor: Cursor,
    words: Sequence[Word],
    verb: str,
    other: Callable[[Cursor, dict[str, Any]], bool] | None = None,
) -> dict[str, Any]:
    """Return the fields that all words of a verb set, ``target`` among them; raises UsageError, HelpRequested.

    ``other(cursor, fields)`` takes the next words where they are in no table, and returns False when they are not its
    own either.
    """
    topic = f"map {verb}"
    fields = fill(cursor, words, {}, topic=topic)
    while other is not None and other(cursor, fields):
        fill(cursor, words, fields, topic=topic)
    refuse_more(cursor, topic)
    if "target" not in fields:
        raise UsageError(f'Error: which map? fd, map, pinned, id or name is needed; try "pytc {topic} help".')
    target: Target = fields["target"]
    fields["target"] = target.replace(key_type=fields.pop("key_type", ""), value_type=fields.pop("value_type", ""))
    return fields


def take_path(cursor: Cursor, fields: dict[str, Any]) -> bool:
    """Take a path that no word introduces, for :func:`take_words`."""
    if cursor.done or "path" in fields:
        return False
    fields["path"] = cursor.take()
    return True


def take_part(cursor: Cursor) -> str | None:
    """Return ``.packets`` where the next word is ``value.packets``, None where it is no part of a value."""
    if not cursor.peek().startswith(("value.", "value[")):
        return None
    return cursor.take().removeprefix("value")


def require(fields: dict[str, Any], name: str, word: str) -> None:
    """Raise UsageError where a field was not set; ``word`` is the word that sets it."""
    if name not in fields:
        raise UsageError(f'Error: "{word}" is needed.')
