"""The language of ematches: ``cmp(u8 at 0 eq 5) and not (meta(vlan eq 3) or nbyte("ab" at 2))`` (tc-ematch(8)).

An expression is one word or several. There is no precedence: ``and`` and ``or`` are done from left to right, as far as
the result is open (net/sched/ematch.c).
"""

from __future__ import annotations

import os

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds import ematches as kinds
from pytc.tc.kinds.shared.ematch_arguments import Argument, Arguments, quoted
from pytc.typing import NamedTuple
from pytc.value import Value
from pytc.words.engine import Cursor, Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

AND, OR = 1, 2
_RELATIONS = {b"and": AND, b"or": OR}
_BLANKS, _BRACKETS = b" \t\r\n", b"()"
_ESCAPES = dict(zip(b"nrtvbfa", b"\n\r\t\v\b\f\a", strict=True))
_OCTAL, _DIGITS, _HEX = b"01234567", b"0123456789", b"0123456789abcdefABCDEF"
#: The kernel's stack for nested ematches (CONFIG_NET_EMATCH_STACK) has 32 places unless configured otherwise.
_DEEPEST = 64
_GRAMMAR = (
    "EXPR := TERM [ { and | or } EXPR ]; TERM := [ not ] { KIND(ARGUMENTS) | (EXPR) }, "
    "like 'cmp(u8 at 0 eq 5) and not (meta(vlan eq 3) or meta(vlan eq 4))'"
)


class Term(Value):
    """An ematch or, without a kind, several in brackets, ``terms``.

    ``payload`` is what the kind's ``parse`` returned, ``relation`` that to the next term: AND, OR, or 0 for the last.
    """

    kind: str = ""
    payload: Any = None
    terms: tuple[Term, ...] = ()
    is_inverted: bool = False
    relation: int = 0


class _Token(NamedTuple):
    """A bracket, ``and``, ``or`` or ``not`` (``sign``), or an argument."""

    sign: bytes = b""
    argument: Argument | None = None


class _Lexer:
    """Reads tokens from the words of a cursor, each of which ends with a blank, and takes no word too many."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._text, self._at = b"", 0

    @property
    def word(self) -> str:
        """The word that was taken last."""
        return os.fsdecode(self._text[:-1])

    def next(self) -> _Token | None:
        """Return the next token, None at the end of all words; raises InvalidOptionsError."""
        while not self._skip_blanks():
            if self._cursor.done:
                return None
            self._take_word()
        return self._token()

    def next_relation(self) -> int:
        """Take ``and`` or ``or`` where it comes next.

        Return 0 where the expression ends, which it has to do with a word; raises InvalidOptionsError.
        """
        while not self._skip_blanks():
            if self._cursor.done:
                return 0
            if os.fsencode(self._cursor.peek()).strip(_BLANKS):
                lexer = _Lexer(Cursor([self._cursor.peek()]))
                following = lexer.next()
                if following is None or following.sign not in _RELATIONS:
                    return 0
            self._take_word()
        token = self._token()
        if token.sign not in _RELATIONS:
            raise InvalidOptionsError(f'What is "{self.word}"?', hints=("an expression ends within it",))
        return _RELATIONS[token.sign]

    def _take_word(self) -> None:
        word = self._cursor.take()
        if isinstance(word, Probe):
            word.record([*kinds.names(), "not"])
        self._text, self._at = os.fsencode(word) + b" ", 0

    def _skip_blanks(self) -> bool:
        text = self._text
        while self._at < len(text) and text[self._at] in _BLANKS:
            self._at += 1
        return self._at < len(text)

    def _token(self) -> _Token:
        first = self._text[self._at : self._at + 1]
        if first in (b"(", b")"):
            self._at += 1
            return _Token(first)
        if first == b'"':
            self._at += 1
            return _Token(argument=Argument(self._string(), True))
        start = self._at
        while self._text[self._at] not in _BLANKS + _BRACKETS:
            self._at += 1
        word = self._text[start : self._at]
        lower = word.lower()
        return _Token(lower) if lower in (b"and", b"or", b"not") else _Token(argument=Argument(word))

    def _string(self) -> bytes:
        """Return what is in quotation marks, also over several words, with C's escape sequences replaced."""
        data = bytearray()
        while True:
            if self._at >= len(self._text):
                if self._cursor.done:
                    raise _syntax_error("there is no closing quotation mark")
                self._take_word()
                continue
            byte = self._text[self._at]
            self._at += 1
            if byte == b'"'[0]:
                return bytes(data)
            data.append(self._escaped() if byte == b"\\"[0] else byte)

    def _escaped(self) -> int:
        text, start = self._text, self._at
        first = text[start]  # a blank ends each word
        if first in _DIGITS:
            end = _end(text, start, _DIGITS, len(text))
            if end - start > 3 or not set(text[start:end]) <= set(_OCTAL):
                raise InvalidOptionsError("error: invalid octale escape sequence", hints=("three digits of 0 to 7",))
            self._at = end
            value = int(text[start:end], 8)
            if value > 0xFF:
                raise InvalidOptionsError("error: octal escape sequence out of range", hints=("377 is the largest",))
            return value
        end = _end(text, start + 1, _HEX, 2)
        if first == b"x"[0] and end > start + 1:
            self._at = end
            return int(text[start + 1 : end], 16)
        self._at = start + 1
        return _ESCAPES.get(first, first)


def _end(text: bytes, start: int, letters: bytes, most: int) -> int:
    """Return where a run of some letters ends."""
    end = start
    while end < min(len(text), start + most) and text[end] in letters:
        end += 1
    return end


def _syntax_error(reason: str) -> InvalidOptionsError:
    return InvalidOptionsError("Parse error: syntax error", hints=(reason, _GRAMMAR))


def read_expression(cursor: Cursor) -> tuple[Term, ...]:
    """Parse an expression; the cursor ends at the first word behind it.

    Raises InvalidOptionsError, UsageError where there is no word.
    """
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    lexer = _Lexer(cursor)
    terms = []
    while True:
        term = _term(lexer, 0)
        relation = lexer.next_relation()
        terms.append(term.replace(relation=relation))
        if not relation:
            return tuple(terms)


def _in_brackets(lexer: _Lexer, depth: int) -> tuple[Term, ...]:
    """Parse terms up to the closing bracket."""
    if depth > _DEEPEST:
        raise InvalidOptionsError('Illegal "ematch"', hints=(f"more than {_DEEPEST} brackets are open at once",))
    terms = []
    while True:
        term = _term(lexer, depth)
        token = lexer.next()
        sign = token.sign if token is not None else b""
        terms.append(term.replace(relation=_RELATIONS.get(sign, 0)))
        if sign == b")":
            return tuple(terms)
        if sign not in _RELATIONS:
            raise _unexpected(token, '"and", "or" or ")"')


def _term(lexer: _Lexer, depth: int) -> Term:
    token = lexer.next()
    is_inverted = token is not None and token.sign == b"not"
    if is_inverted:
        token = lexer.next()
    if token is not None and token.sign == b"(":
        return Term(terms=_in_brackets(lexer, depth + 1), is_inverted=is_inverted)
    if token is None or token.argument is None:
        raise _unexpected(token, 'an ematch or "("')
    name = token.argument.text
    token = lexer.next()
    if token is None or token.sign != b"(":
        raise _unexpected(token, f'"(" behind "{name}"')
    arguments = list(_arguments(lexer))
    kind = kinds.find(name)
    if kind is None:
        raise InvalidOptionsError(f'Unknown ematch "{name}"', hints=(f"pytc knows {', '.join(kinds.names())}",))
    return Term(name, kind.parse(Arguments(kind.name, kind.usage, arguments)), is_inverted=is_inverted)


def _arguments(lexer: _Lexer) -> Iterator[Argument]:
    count = 0
    while True:
        token = lexer.next()
        if token is not None and token.argument is not None:
            yield token.argument
            count += 1
        elif token is not None and token.sign == b")" and count:
            return
        else:
            raise _unexpected(token, 'an argument or ")"' if count else "an argument")


def _unexpected(token: _Token | None, expected: str) -> InvalidOptionsError:
    if token is None:
        return _syntax_error(f"{expected} is missing at the end")
    shown = quoted(token.argument) if token.argument is not None else os.fsdecode(token.sign)
    return _syntax_error(f'{expected} expected at "{shown}"')


def follows_from_words(terms: Sequence[Term]) -> bool:
    """Report whether the bytes of terms follow from their words alone."""
    for term in terms:
        kind = kinds.find(term.kind) if term.kind else None
        if (kind is not None and kind.encode is not None) or not follows_from_words(term.terms):
            return False
    return True
