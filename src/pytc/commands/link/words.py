"""The words that name a link."""

from __future__ import annotations

from pytc.commands.shared.attach_words import number
from pytc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.words.engine import Cursor

LINK = "LINK := [ id ] NUMBER | [ pinned ] { PATH | m:NAME }\n"


def take_link(cursor: Cursor) -> str:
    """Return the number of a link, or the path of its pin; raises UsageError."""
    word = cursor.take()
    if word == "pinned":
        path = cursor.take()
        return f"./{path}" if path.isdigit() else path
    if word == "id":
        word = cursor.take()
        _check(word)
    elif word.isdigit():
        _check(word)
    return word


def _check(word: str) -> None:
    """Raise UsageError for a word that is not an id."""
    try:
        if not word.isdigit():
            raise ValueError(word)
        number(word.lstrip("0") or "0")
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: id') from None
