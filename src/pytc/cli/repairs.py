"""Hints that make a refused line a good one: words moved, added or spelled right. Parsing the result proves each."""

from collections.abc import Iterator, Sequence
from shlex import join

from pytc.cli.candidates import compared_words
from pytc.cli.command_line import parse_options
from pytc.commands.dispatch import parse_words
from pytc.errors import HelpRequested, PytcError
from pytc.words.suggestions import nearest

#: Longer lines are written by programs, which do not mistype; each word costs the time of parsing the line.
_MOST_WORDS = 64


def add_repair(error: PytcError, words: Sequence[str]) -> None:
    """Put a repair in the place of an error's hints, which are about the words as they are, where one is found."""
    if len(words) > _MOST_WORDS:
        return
    for repaired, hint in _repairs(list(words)):
        if _is_accepted(repaired):
            error.hints = (hint,)
            return


def _repairs(words: list[str]) -> Iterator[tuple[list[str], str]]:
    """Yield lines that may be meant, and what to say where one of them is accepted."""
    yield from _moved_options(words)
    for index, word in enumerate(words):
        candidates = [name for name in compared_words(words[:index]) if name.strip()]
        if word in candidates or word in words[:index]:  # a word that came before is known, and must not come again
            continue
        for name in nearest(word, candidates):
            yield [*words[:index], name, *words[index + 1 :]], f'did you mean "{name}" in place of "{word}"?'
        if "dev" in candidates and _is_device(word):
            yield [*words[:index], "dev", *words[index:]], f'"dev" is missing: dev {word}'


def _moved_options(words: list[str]) -> Iterator[tuple[list[str], str]]:
    for index, word in enumerate(words):
        if word.startswith("-"):
            try:
                parsed, rest = parse_options(words[index:])
            except PytcError:
                continue
            options = words[index : len(words) - len(rest)]
            line = [*words[:index], *rest]
            if index:
                yield line, f'options go before the object: "pytc {join((*options, *line))}"'
            elif not parsed.batch:  # in a line of a batch: of a command, they have been read
                yield line, f'options are those of the whole batch: "pytc {join(options)} -b FILE"'


def _is_accepted(words: list[str]) -> bool:
    try:
        parse_words(words)
    except HelpRequested:
        return True
    except PytcError:
        return False
    return True


def _is_device(word: str) -> bool:
    from pytc import csocket

    try:
        return bool(csocket.if_nametoindex(word))
    except (OSError, ValueError):
        return False
