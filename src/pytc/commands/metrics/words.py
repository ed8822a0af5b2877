"""The word that verbs of ``metrics`` share."""

from pytc.words.engine import Cursor, Word, fill, refuse_more, text

WORDS = (Word("map", "maps", text, exact=True, many=True),)


def take_maps(cursor: Cursor, topic: str) -> tuple[str, ...]:
    """Return the names of maps, which are all that is left; raises UsageError, HelpRequested."""
    fields = fill(cursor, WORDS, {}, topic=topic)
    refuse_more(cursor, topic)
    maps: tuple[str, ...] = fields.get("maps", ())
    return maps
