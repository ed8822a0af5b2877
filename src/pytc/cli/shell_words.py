"""Words as bash writes them: taken apart without running anything, and put together so that it runs nothing.

Only quotes and backslashes have a meaning; ``$``, backticks and all else are text.
"""

from __future__ import annotations

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=@%+,-")
#: What stands for itself as a word of its own.
_PLAIN_WORDS = ("{", "}", "[")
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "e": "\033", "E": "\033", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_BLANKS = " \t\n"


class LastWord(NamedTuple):
    """The word at the end of a line: its text so far, where it starts, and the quote that is open: empty, ``'``, ``"``
    or ``$'``, with the text before that."""

    text: str
    start: int
    quote: str = ""
    before: str = ""


def split(line: str) -> tuple[list[str], LastWord]:
    """Return the words of a line, and the one at its end, which is empty after a blank."""
    words: list[str] = []
    position = 0
    while True:
        while position < len(line) and line[position] in _BLANKS:
            position += 1
        last, end = _word(line, position)
        if end >= len(line):
            return words, last
        words.append(last.text)
        position = end


def _word(line: str, start: int) -> tuple[LastWord, int]:
    """Return the word that starts at ``start``, and the position of its end."""
    text, position = "", start
    while position < len(line) and line[position] not in _BLANKS:
        quote = "$'" if line.startswith("$'", position) else line[position] if line[position] in "'\"" else ""
        if quote:
            inside, end = _read_quoted(line, position + len(quote), quote)
            if end < 0:
                return LastWord(text + inside, start, quote, text), len(line)
            text, position = text + inside, end
        elif line[position] == "\\":
            text, position = text + line[position + 1 : position + 2], position + 2
        else:
            text, position = text + line[position], position + 1
    return LastWord(text, start), position


def _read_quoted(line: str, position: int, quote: str) -> tuple[str, int]:
    """Return the text up to the closing quote, and the position after that, -1 where there is none."""
    text = ""
    while position < len(line):
        if line[position] == quote[-1]:
            return text, position + 1
        if line[position] == "\\" and quote == "$'":
            inside, position = _escape(line, position + 1)
            text += inside
        elif line[position] == "\\" and quote == '"' and line[position + 1 : position + 2] in ("\\", '"', "$", "`"):
            text, position = text + line[position + 1 : position + 2], position + 2
        else:
            text, position = text + line[position], position + 1
    return text, -1


def _escape(line: str, position: int) -> tuple[str, int]:
    import re  # only now: few lines have one

    number = re.compile(r"x([0-9A-Fa-f]{1,2})|([0-7]{1,3})").match(line, position)
    if number is not None:
        return chr(int(number[1], 16) if number[1] else int(number[2], 8) & 0xFF), number.end()
    return _ANSI.get(line[position : position + 1], line[position : position + 1]), position + 1


def quote_word(text: str, quote: str = "") -> str | None:
    """Return text as a part of a word, inside an open quote or outside; None where bash cannot write it there."""
    control = any(c < " " or c == "\x7f" for c in text)
    if quote == "$'":
        return _ansi(text)
    if quote == "'":
        return None if control or "'" in text else text
    if quote == '"':  # bash expands an exclamation mark as history even after a backslash
        return None if control or "!" in text else _escaped(text, '\\"$`')
    if control:
        return f"$'{_ansi(text)}'"
    if text in _PLAIN_WORDS:
        return text
    return _escaped(text, {letter for letter in text if letter.isascii() and letter not in _PLAIN})


def _escaped(text: str, letters: Iterable[str]) -> str:
    """Return text with a backslash before each of some letters."""
    return text.translate({ord(letter): f"\\{letter}" for letter in letters})


def _ansi(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in escaped)
