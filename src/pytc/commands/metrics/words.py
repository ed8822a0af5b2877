"""The word that verbs of ``metrics`` share."""

from __future__ import annotations

from pytc.words.engine import Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.words.engine import Cursor

WORDS = (Word("map", "maps", text, exact=True, many=True),)


def take_maps(cursor: Cursor, topic: str) -> tuple[str, ...]:
    """Return the names of maps, which are all that is left; raises UsageError, HelpRequested."""
    fields = fill(cursor, WORDS, {}, topic=topic)
    refuse_more(cursor, topic)
    maps: tuple[str, ...] = fields.get("maps", ())
    return maps
