"""``-batch``: commands from a file or standard input, one a line (tc(8)).

What is after a ``#`` does not count, a line that ends in a backslash goes on in the next one, words in single or double
quotes are one. The netlink socket is one for all lines.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from pytc.cli import streams
from pytc.errors import BatchError, PytcError

_QUOTES = "'\""


def split_words(line: str) -> list[str]:
    """The words of a line; raises BatchError for a quote that is not closed."""
    if "'" not in line and '"' not in line:
        return line.split()
    before, *quoted = line.split("'")
    if len(quoted) == 2 and '"' not in line and not before[-1:].strip():  # as nearly all that have quotes
        return [*before.split(), quoted[0], *quoted[1].split()]
    return split_quoted(line)


def split_quoted(line: str) -> list[str]:
    """The same for any line."""
    words = []
    rest = line.lstrip()
    while rest:
        if rest[0] in _QUOTES:
            word, closing, rest = rest[1:].partition(rest[0])
            if not closing:
                raise BatchError("Unterminated quoted string")
        else:
            word = rest.split(maxsplit=1)[0]
            rest = rest[len(word):]
        words.append(word)
        rest = rest.lstrip()
    return words


def commands(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """(number of its last line, words) of each command; raises BatchError."""
    pending: list[str] = []
    number = 0
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0] if "#" in line else line
        if line.endswith("\\\n"):
            pending.append(text.removesuffix("\\\n"))
            continue
        if pending:
            text, pending = "".join((*pending, text)), []
        if words := split_words(text):
            yield number, words
    if words := split_words("".join(pending)):
        yield number, words


def run_batch(path: str, run: Callable[[Sequence[str]], int], report: Callable[[PytcError], int], *,
              force: bool = False, say: Callable[[str], None] | None = None) -> int:
    """Runs the commands of a file, ``-`` for standard input; returns the exit status.

    Ends at the first that fails, which is named, or goes on with ``force``. ``run`` is given the words of a command,
    ``report`` prints an error, ``say`` (standard error, without it) which line it was.
    """
    if path == "-":
        return _run(path, sys.stdin, run, report, force=force, say=say or _complain)
    try:
        file = open(path, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise BatchError(f'Cannot open file "{path}" for reading: {error.strerror}', errno=error.errno) from error
    with file:
        return _run(path, file, run, report, force=force, say=say or _complain)


def _run(path: str, lines: Iterable[str], run: Callable[[Sequence[str]], int], report: Callable[[PytcError], int], *,
         force: bool, say: Callable[[str], None]) -> int:
    status = 0
    for number, words in commands(lines):
        try:
            failed = run(words)
        except PytcError as error:
            failed = report(error)
        if failed:
            say(f"Command failed {path}:{number}")
            status = 1
            if not force:
                break
    return status


def _complain(sentence: str) -> None:
    streams.complain(f"{sentence}\n")
