"""Find words that may have been meant; :mod:`pytc.cli.repairs` asks for whole lines."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: How much of two words has to be alike, 0 to 1 (:mod:`difflib`): two letters swapped in a word of four.
_SIMILARITY = 0.75


def nearest(word: str, names: Iterable[str], most: int = 1, similarity: float = _SIMILARITY) -> list[str]:
    """Return the names that are most like a word, the best first."""
    from difflib import get_close_matches

    known = sorted(set(filter(None, names)))
    swapped = [name for name in known if sorted(name) == sorted(word)]  # in short words, that is most of the letters
    return swapped[:most] or get_close_matches(word, known, most, similarity)


def suggestion(word: str, names: Iterable[str], otherwise: str = "", quote: str = "{}") -> str:
    """Return a question after the name that may have been meant; ``otherwise`` where none is like the word.

    ``quote`` is how the name is written, with the name in place of ``{}``.
    """
    found = nearest(word, names)
    return f'did you mean "{quote.format(found[0])}"?' if found else otherwise
