"""Hints that make a refused line a good one: words moved, added or spelled right. Parsing the result proves each."""

from __future__ import annotations

from shlex import join

from pytc.cli.candidates import compared_words
from pytc.cli.command_line import parse_options
from pytc.commands.dispatch import parse_words
from pytc.errors import HelpRequested, PytcError
from pytc.words.suggestions import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Longer lines are written by programs, which do not mistype; each word costs the time of parsing the line.
_MOST_WORDS = 64


def add_repair(error: PytcError, words: Sequence[str]) -> None:
    """Put a repair in the place of an error's hints, which are about the words as they are, where one is found."""
    if len(words) > _MOST_WORDS:
        return
    message = str(error)
    for repaired, hint in _repairs(list(words), message):
        if _is_accepted(repaired) or (_names_verb(words, repaired) and _refusal(repaired) != message):
            error.hints = (hint,)
            return
    for word in words[1:]:
        if word[:1] == "-" and word.lstrip("-")[:1].isalpha() and f'"{word}"' in message:
            error.hints = _option_hints(word) or error.hints


def _option_hints(word: str) -> tuple[str, ...]:
    """Return what may have been meant by a word that looks like an option and is none."""
    try:
        parse_options([word])
    except PytcError as error:
        return error.hints
    return ()


def _names_verb(words: Sequence[str], repaired: Sequence[str]) -> bool:
    """Report whether another object or verb is what makes the difference: the rest may still have to be typed."""
    return len(words) == len(repaired) and list(words[2:]) == list(repaired[2:])


def move_options(words: Sequence[str]) -> list[str]:
    """Return a refused line with its options in front, as tc wants them; empty where that is not what is wrong."""
    if _is_accepted(list(words)):
        return []
    for options, line in _lines_of_moved_options(list(words)):
        if _is_accepted(line):
            return [*options, *line]
    return []


def _repairs(words: list[str], message: str) -> Iterator[tuple[list[str], str]]:
    """Yield lines that may be meant, and what to say where one of them is accepted."""
    for options, line in _lines_of_moved_options(words):
        if words[0].startswith("-"):  # in a line of a batch: of a command, they have been read
            yield line, f'options are those of the whole batch: "pytc {join(options)} -b FILE"'
        else:
            yield line, f'options go before the object: "pytc {join((*options, *line))}"'
    for index, word in enumerate(words):
        candidates = [name for name in compared_words(words[:index]) if name.strip()]
        if word in candidates or word in words[:index]:  # a word that came before is known, and must not come again
            continue
        for name in nearest(word, candidates):
            where = "" if f'"{word}"' in message else f' in place of "{word}"'
            yield [*words[:index], name, *words[index + 1 :]], f'did you mean "{name}"{where}?'
        if "dev" in candidates and _is_device(word):
            yield [*words[:index], "dev", *words[index:]], f'"dev" is missing: dev {word}'


def _lines_of_moved_options(words: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield options that stand behind the object, and the line without them."""
    for index, word in enumerate(words):
        if word.startswith("-"):
            try:
                parsed, rest = parse_options(words[index:])
            except PytcError:
                continue
            if index or not parsed.batch:
                yield words[index : len(words) - len(rest)], [*words[:index], *rest]


def _is_accepted(words: list[str]) -> bool:
    return not _refusal(words)


def _refusal(words: list[str]) -> str:
    """Return the parsers' message about a line, empty where they accept it."""
    try:
        parse_words(words)
    except HelpRequested:
        return ""
    except PytcError as error:
        return str(error) or type(error).__name__
    return ""


def _is_device(word: str) -> bool:
    from pytc.cpython import if_nametoindex

    try:
        return bool(if_nametoindex(word))
    except (OSError, ValueError):
        return False
