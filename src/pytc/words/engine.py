"""The one grammar engine: tables of words, matched as tc matches them.

A word is matched whole when it is ``exact``, else also by any prefix; the first row of a table that matches
wins, so that the order of rows decides what an abbreviation means (``p`` is ``preference``).
"""

from __future__ import annotations

from pytc.cpython import lru_cache, partial
from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pytc.errors import PytcError

    Converter = Callable[[str], Any]


class Word(NamedTuple):
    """A row of a word table.

    ``into`` names the field that it sets; rows that share a field exclude one another. With a ``convert`` it takes the
    next word as its value, and ``wrong`` is what tc says when the converter raises ValueError (the whole message where
    it has a ``{}``, which stands for the value); without, it is a flag that stores ``value``. A row with ``repeat`` may
    come twice, and the last one counts. ``called`` is the word's name in messages about duplicates; ``twice`` the whole
    message where tc has one of its own, with ``{}`` for the word and ``{value}`` for its second value. ``read`` takes
    what follows the word itself, where that is more than a word. A row with ``many`` may come many times, and its field
    is the tuple of all its values. One with ``stop`` ends the reading, with the word still to come.
    """

    name: str
    into: str
    convert: Converter | None = None
    value: Any = True
    exact: bool = False
    wrong: str = ""
    repeat: bool = False
    called: str = ""
    twice: str = ""
    read: Callable[[Cursor], Any] | None = None
    many: bool = False
    stop: bool = False


class Cursor:
    """The words of a command, read from left to right."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)
        self._at = 0
        #: The verb that was read, in full: verbs that differ little share a module.
        self.verb = ""

    @property
    def done(self) -> bool:
        """True where no word is left."""
        return self._at >= len(self._words)

    @property
    def position(self) -> int:
        """The number of words that have been taken."""
        return self._at

    def peek(self) -> str:
        """Return the next word without taking it; empty at the end."""
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self) -> str:
        """Return the next word; raises UsageError at the end."""
        try:
            word = self._words[self._at]
        except IndexError:
            raise UsageError('Command line is not complete. Try option "help"') from None
        self._at += 1
        return word

    @property
    def last(self) -> str:
        """The word that was taken last; empty at the beginning."""
        return self._words[self._at - 1] if self._at else ""

    def go_back(self, position: int) -> None:
        """Go back to a position, for words that may be read in two ways."""
        self._at = position

    def rest(self) -> list[str]:
        """Return all words that are left."""
        words, self._at = self._words[self._at :], len(self._words)
        return words


class Probe(str):
    """A stand-in for the word that is still to be typed, by which completion asks the parsers for candidates.

    Given to a parser as the next word, it equals none, and records all that it is compared with. So there is no second
    grammar: beside the tables, parsers compare words at over a hundred places, each of which would have to declare
    what it accepts, where the probe takes 30 lines.
    """

    compared: dict[str, None]

    def __new__(cls) -> Probe:
        probe = str.__new__(cls, "\0")
        probe.compared = {}
        return probe

    def __eq__(self, other: object) -> bool:
        if type(other) is str and other != "\0":
            self.compared[other] = None
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def record(self, names: Sequence[str]) -> None:
        """Record names that are looked up in another way than by comparison, like those of modules."""
        self.compared.update(dict.fromkeys(names))

    def exclude(self, table: Sequence[Word], fields: Mapping[str, Any]) -> None:
        """Drop the words of a table that set a field which has a value already, and must not come again."""
        for row in table:
            if row.into in fields and not row.many:
                self.compared.pop(row.name, None)


def matches(word: str, name: str, *, exact: bool = False) -> bool:
    """Report whether a word means ``name``: whole, or as a prefix of it."""
    return word == name or (not exact and bool(word) and name.startswith(word))


class Table(tuple[Word, ...]):
    """Rows that are looked up often: a batch asks for the same words thousands of times."""

    _MOST = 256

    def find(self, word: str) -> Word | None:
        """Return the row that a word means, None for none."""
        rows: dict[str, Word | None] = self.__dict__
        try:
            return rows[word]
        except KeyError:
            row = _first(word, self)
            if len(rows) < self._MOST:  # unknown words are unlimited in number
                rows[word] = row
            return row


def find(word: str, table: Sequence[Word]) -> Word | None:
    """Return the row that a word means, None for none."""
    return table.find(word) if isinstance(table, Table) else _first(word, table)


def _first(word: str, table: Sequence[Word]) -> Word | None:
    return next((row for row in table if matches(word, row.name, exact=row.exact)), None)


def choose(word: str, names: Sequence[str]) -> str:
    """Return the first of ``names`` that a word means, empty for none."""
    return next((name for name in names if matches(word, name)), "")


def is_one_of(word: str, names: Iterable[str]) -> bool:
    """Report whether a word is one of some, whole.

    It stands in for ``in`` where these are the keys of a dict, or a set: a :class:`Probe` cannot record what is looked
    up by its hash.
    """
    return any(word == name for name in names)


def take_verb(cursor: Cursor, verbs: Mapping[str, str], topic: str) -> str:
    """Return the meaning of the first word, ``show`` when there is none.

    ``verbs`` has the words in the order in which abbreviations are tried, and their meanings. Raises UsageError for a
    word that is not in the table.
    """
    if cursor.done:
        return "show"
    word = cursor.take()
    verb = _chosen(word, tuple(verbs))
    if not verb:
        raise UsageError(f'Command "{word}" is unknown, try "pytc {topic} help".')
    cursor.verb = verb
    return verbs[verb]


_chosen = lru_cache(maxsize=256)(choose)


def refuse_more(cursor: Cursor, topic: str) -> None:
    """Raise UsageError where there are words left."""
    if not cursor.done:
        raise UsageError(f'What is "{cursor.peek()}"? Try "pytc {topic} help".')


def fill(
    cursor: Cursor, table: Sequence[Word], fields: dict[str, Any], *, topic: str, error: type[PytcError] = UsageError
) -> dict[str, Any]:
    """Read words into ``fields`` for as long as they are in the table, and return it.

    Raises UsageError for a missing value or a second word for the same field (``error`` where the row has a message of
    its own for that); ``error`` for a value that does not convert; HelpRequested(topic) for ``help``.
    """
    words, count = cursor._words, len(cursor._words)
    find_row = table.find if isinstance(table, Table) else partial(_first, table=table)
    while cursor._at < count:
        word = words[cursor._at]
        row = find_row(word)
        if row is None:
            if matches(word, "help"):
                raise HelpRequested(topic)
            if type(word) is Probe:
                word.exclude(table, fields)
            return fields
        if row.stop:
            return fields
        cursor._at += 1
        into, convert = row.into, row.convert
        if into in fields and not row.repeat and not row.many:
            raise _duplicate(row, word, cursor, error)
        if convert is not None:
            value = cursor.take()
            try:
                value = convert(value)
            except ValueError:
                raise _wrong_value(row, value, error) from None
        else:
            value = row.value if row.read is None else row.read(cursor)
        fields[into] = (*fields.get(into, ()), value) if row.many else value
    return fields


def _wrong_value(row: Word, word: str, error: type[PytcError]) -> PytcError:
    if "{}" in row.wrong:
        return _with_message(row.wrong.format(word), error)
    if error is InvalidOptionsError:
        return illegal_value(row.wrong or row.name, word)
    return error(f'Error: argument "{word}" is wrong: {row.wrong or row.name}')


def illegal_value(name: str, word: str) -> InvalidOptionsError:
    """Return tc's error about a value of a kind's option; the hint says which value."""
    return InvalidOptionsError(f'Illegal "{name}"', hints=(f'the value is "{word}"',))


def read_options(
    cursor: Cursor, table: Sequence[Word], topic: str, *, unknown: str = 'What is "{}"?'
) -> dict[str, Any]:
    """Return the fields of a kind's words, which have to be all that are left.

    ``unknown`` is tc's message about a word that is not in the table. Raises InvalidOptionsError, UsageError,
    HelpRequested.
    """
    fields = fill(cursor, table, {}, topic=topic, error=InvalidOptionsError)
    if not cursor.done:
        raise unknown_option(unknown.format(cursor.peek()), topic)
    return fields


def unknown_option(message: str, topic: str) -> PytcError:
    """Return an error that says where the options of a kind are explained; ``topic`` is like ``qdisc htb``.

    It is a UsageError where tc's message begins with ``Error:``, as those of few kinds do.
    """
    of, _, kind = topic.partition(" ")
    return _with_message(message, InvalidOptionsError, f'"pytc {of} add {kind} help" lists the options')


def _with_message(message: str, error: type[PytcError], *hints: str) -> PytcError:
    """Return an error with one of tc's messages: tc exits with 255 behind those that begin with ``Error:``."""
    return (UsageError if message.startswith("Error: ") else error)(message, hints=hints)


def _duplicate(row: Word, word: str, cursor: Cursor, error: type[PytcError]) -> PytcError:
    """Return the error for a second word of a field; raises UsageError where its value is missing."""
    if row.convert is None and row.read is None:
        kind = "parent ID" if row.into == "parent" else "word"
        return error(row.twice.format(word)) if row.twice else UsageError(f'Error: "{row.name}" is duplicate {kind}')
    value = cursor.take()
    if row.twice:
        return _with_message(row.twice.format(word, value=value), error)
    return UsageError(f'Error: duplicate "{row.called or row.name}": "{value}" is the second value.')


def text(word: str) -> str:
    """Return a word unchanged, as a converter; raises ValueError for an empty one."""
    if not word:
        raise ValueError(word)
    return word


def unsigned(limit: int, base: int = 0) -> Converter:
    """Return a converter for numbers up to ``limit``, as strtoul(3) reads them with that base.

    Base 0 takes decimal, ``0x`` hex and ``0`` octal numbers.
    """

    def convert(word: str) -> int:
        plain = not base and word.isdigit() and word.isascii() and word[0] != "0"
        number = int(word) if plain else _integer(word, base)
        if not 0 <= number <= limit:
            raise ValueError(word)
        return number

    return convert


def signed(limit: int, base: int = 0) -> Converter:
    """Return a converter for numbers from ``-limit - 1`` to ``limit``, as strtol(3) reads them with that base."""

    def convert(word: str) -> int:
        number = _integer(word, base)
        if not -limit - 1 <= number <= limit:
            raise ValueError(word)
        return number

    return convert


def _integer(word: str, base: int) -> int:
    digits = word.lower()
    if not digits.isascii() or "_" in digits or digits != digits.strip():
        raise ValueError(word)
    plain = digits.lstrip("+-")
    if not base and plain[:2] in ("0b", "0o"):  # which int() accepts, and strtol(3) does not
        raise ValueError(word)
    octal = not base and len(plain) > 1 and plain[0] == "0" and plain[1].isdigit()
    return int(digits, 8 if octal else base)
