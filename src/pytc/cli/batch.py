"""``-batch``: commands from a file or standard input, one a line (tc(8)).

What is after a ``#`` does not count, with the backslash that may end it. Another line that ends in a backslash goes on
in the next one. Words in single or double quotes are one. A line may begin with the word ``tc``, as in a script, and
the file with a byte-order mark. The netlink socket is one for all lines.
"""

from __future__ import annotations

import io
import sys
from itertools import islice

from pytc.cli import streams
from pytc.cli.command_line import without_program
from pytc.errors import BatchError
from pytc.typing import TypeVar, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Parsed = TypeVar("Parsed")
_CHUNK = 1 << 16
_AHEAD = 64
#: Bytes of a command, with the lines that go on in the next one.
LONGEST_COMMAND = 1 << 24
_QUOTES = "'\""
_BYTE_ORDER_MARK = "\ufeff"
_BLANKS = " \t\r\n\v\f\x1c\x1d\x1e\x1f"  # ASCII's: Python's own blanks include Unicode's, which tc does not split at


def split_words(line: str) -> list[str]:
    """Return the words of a line; raises BatchError for a quote that is not closed."""
    if not line.isascii():  # str.split() also splits at Unicode blanks, tc does not
        return split_quoted(line)
    if "'" not in line and '"' not in line:
        return line.split()
    before, *quoted = line.split("'")
    if len(quoted) == 2 and '"' not in line and not before[-1:].strip():  # nearly every line with quotes has one pair
        return [*before.split(), quoted[0], *quoted[1].split()]
    return split_quoted(line)


def split_quoted(line: str) -> list[str]:
    """Return the words of a line letter by letter, whatever quotes and blanks it has; raises BatchError."""
    words: list[str] = []
    position, end = 0, len(line)
    while True:
        while position < end and line[position] in _BLANKS:
            position += 1
        if position == end:
            return words
        start = position
        if line[start] in _QUOTES:
            position = line.find(line[start], start + 1)
            if position < 0:
                raise BatchError("Unterminated quoted string")
            words.append(line[start + 1 : position])
            position += 1
        else:
            while position < end and line[position] not in _BLANKS:
                position += 1
            words.append(line[start:position])


class CommandReader:
    """Takes lines apart that come bit by bit."""

    def __init__(self) -> None:
        self._number = 0
        self._pending: list[str] = []
        self._length = 0

    def read(self, lines: Iterable[str]) -> Iterator[tuple[int, str]]:
        """Yield (number of its last line, text) of each command that is complete with these lines, and of lines without
        one; raises BatchError."""
        for line in lines:
            if not self._number:
                line = line.removeprefix(_BYTE_ORDER_MARK)  # noqa: PLW2901
            self._number += 1
            text = line.partition("#")[0] if "#" in line else line
            if text.endswith("\\\n"):
                self._pending.append(text.removesuffix("\\\n"))
                self._length += len(text)
                if self._length > LONGEST_COMMAND:
                    raise _too_long()
                continue
            if self._pending:
                text, self._pending, self._length = "".join((*self._pending, text)), [], 0
            yield self._number, text

    def finish(self) -> None:
        """Raise BatchError where the last line ends in a backslash, and the line that it goes on in is missing."""
        if self._pending:
            raise BatchError("Missing continuation line")


def _too_long() -> BatchError:
    return BatchError(f"A line is longer than {LONGEST_COMMAND >> 20} MB")


def read_commands(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its last line, words) of each command of a whole file; raises BatchError."""
    reader = CommandReader()
    for number, text in reader.read(lines):
        if words := without_program(split_words(text)):
            yield number, words
    reader.finish()


def read_arriving(file: io.BufferedReader) -> Iterator[Iterable[str]]:
    """Yield the lines of a file as they arrive, those of one read at a time, so that no line waits for a later one."""
    parts: list[bytes] = []
    length = 0  # of the parts
    while True:
        streams.write("", flush=True)  # the writer may wait for the answers to the last lines
        data = file.read1(_CHUNK)
        whole, newline, partial = data.rpartition(b"\n")
        if newline or not data:
            text = b"".join((*parts, whole, newline)).decode("utf-8", "surrogateescape")
            yield io.StringIO(text, newline=None)
            parts.clear()
            length = 0
        if not data:
            return
        parts.append(partial)
        length += len(partial)
        if length > LONGEST_COMMAND:
            raise _too_long()


def parse_ahead(file: io.BufferedReader, parse: Callable[[str], Parsed | None]) -> Iterator[list[tuple[int, Parsed]]]:
    """Yield commands, some at a time: the numbers of their last lines, and the results of ``parse`` for their texts,
    unless these are None. Raises BatchError.

    Of the lines that have arrived, some are parsed before the first of them is run. That takes less time than
    alternating, as the kernel's work and Python's do not evict one another from the processor's caches.
    """
    commands = CommandReader()
    for lines in read_arriving(file):
        yield from _parse_groups(commands.read(lines), parse)
    commands.finish()


def _parse_groups(
    commands: Iterator[tuple[int, str]], parse: Callable[[str], Parsed | None]
) -> Iterator[list[tuple[int, Parsed]]]:
    is_over = False
    while not is_over:
        is_over = True
        ahead: list[tuple[int, Parsed]] = []
        failure = None
        try:
            for number, text in islice(commands, _AHEAD):
                is_over = False
                parsed = parse(text)
                if parsed is not None:
                    ahead.append((number, parsed))
        except BatchError as error:  # the lines before the one that cannot be split come first
            failure = error
        yield ahead
        if failure is not None:
            raise failure


def run_batch(
    path: str,
    prepared: Callable[[io.BufferedReader], Iterable[list[tuple[int, Parsed]]]],
    run: Callable[[Sequence[Parsed]], tuple[int, int]],
    *,
    force: bool = False,
    say: Callable[[str], None] | None = None,
    begin: Callable[[str], None] | None = None,
) -> int:
    """Runs the commands of a file, ``-`` for standard input; returns the exit status.

    Ends at the first that fails, which is named, or goes on with ``force``. ``prepared`` gives the commands of a file
    with the numbers of their lines, as :func:`parse_ahead` does. ``run`` takes those that come next, runs the first, or
    some of the first up to one that fails, and returns how many it has run, and the exit status of the last. ``say``
    (standard error, without it) tells which line has failed; ``begin`` is told FILE:LINE of the next command before
    each run.
    """
    say = say if say is not None else _complain
    if path == "-":
        standard = cast("io.BufferedReader", sys.stdin.buffer)
        return _run(path, prepared(standard), run, force=force, say=say, begin=begin)
    try:
        file = open(path, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise BatchError(f'Cannot open file "{path}" for reading: {error.strerror}', errno=error.errno) from error
    with file:
        return _run(path, prepared(file), run, force=force, say=say, begin=begin)


def _run(
    path: str,
    groups: Iterable[list[tuple[int, Parsed]]],
    run: Callable[[Sequence[Parsed]], tuple[int, int]],
    *,
    force: bool,
    say: Callable[[str], None],
    begin: Callable[[str], None] | None,
) -> int:
    status = 0
    for group in groups:
        numbers, commands = [number for number, _ in group], [command for _, command in group]
        while commands:
            if begin is not None:
                begin(f"{path}:{numbers[0]}")
            count, failed = run(commands)
            if failed:
                say(f"Command failed {path}:{numbers[count - 1]}")
                status = 1
                if not force:
                    return status
            del numbers[:count], commands[:count]
    return status


def _complain(sentence: str) -> None:
    streams.complain(f"{sentence}\n")
