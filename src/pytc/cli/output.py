"""Prints help, documents, streams, errors and remarks, as text or JSON."""

from __future__ import annotations

import errno
import os
import sys

from pytc.cli import streams
from pytc.cli.exit_status import exit_status, trailer
from pytc.errors import DeviceNotFoundError, PytcError, SeveralLines
from pytc.render.terminal import printable, printable_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from pytc.cli.command_line import ColorMode, Options
    from pytc.render.documents import Document, Stream

#: Exceptions that are nobody's mistake. Take BrokenPipeError first, which belongs to the one who reads.
SHORTAGES = (OSError, ImportError, MemoryError)


def show_help(topic: str, options: Options) -> int:
    """Print a topic's help; with JSON on standard error, since standard output has nothing but JSON."""
    from pytc.cli.help_page import WIDTH, render

    if options.json:
        streams.complain(render(topic))
        return 0
    width = _columns() if sys.stdout.isatty() else WIDTH
    return print_text(render(topic, width, styled=bool(_colors(options))))


def _columns() -> int:
    """Return the width of the terminal, and at least what help can be laid out in."""
    import shutil

    return max(shutil.get_terminal_size().columns, 40)


def print_text(text: str) -> int:
    """Print text, and return the exit status for success."""
    streams.write(text)
    return 0


def report(error: PytcError, *, as_json: bool = False, color: ColorMode = "", suggests: bool = True) -> int:
    """Print an error as tc would, then what pytc knows more, or all of it as JSON; returns the exit status.

    It ``suggests`` the name that may have been meant, which takes its time.
    """
    if suggests:
        _suggest(error)
    if as_json:
        from pytc.render.errors import as_json as render

        streams.complain(render(error, exit_status(error)))
        return exit_status(error)
    lines = [line for line in (*error.lines, trailer(error)) if line]
    lines += [f"Hint: {hint}" for hint in error.hints]
    streams.complain_lines(lines, _error_style("error", color))
    return exit_status(error)


def _error_style(sort: str, color: ColorMode) -> Callable[[str], str] | None:
    """Return what colours text on standard error, None where it is to be plain."""
    colors = _palette(sys.stderr, color)
    if not colors:
        return None
    from pytc.render.colors import colored

    return lambda text: colored(text, sort, colors)


def _suggest(error: PytcError) -> None:
    """Add a question after the name that may have been meant, where it is like one that there is."""
    word, names = error.alternatives
    if isinstance(error, DeviceNotFoundError):
        word, names = error.device, tuple(_devices())
    if word and names:
        from pytc.words.suggestions import suggestion

        if meant := suggestion(word, names):
            error.with_hints(meant)


def _devices() -> list[str]:
    from pytc.cpython import if_nameindex

    try:
        return [name for _, name in if_nameindex()]
    except OSError:
        return []


def shortage(error: BaseException) -> PytcError:
    """Return the error of a command that lacks memory or descriptors, perhaps even to import what explains an error.

    That is the error that was to be explained, where there is one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PytcError):
            return cause
        cause = cause.__context__
    if isinstance(error, MemoryError):
        return PytcError(os.strerror(errno.ENOMEM), errno=errno.ENOMEM)
    if isinstance(error, OSError) and error.errno:
        where = f'"{error.filename}": ' if error.filename else ""
        return PytcError(f"{where}{os.strerror(error.errno)}", errno=error.errno)
    return PytcError(str(error))


def show(documents: Iterable[Document], options: Options, *, line_each: bool = False) -> None:
    """Prints documents as text or JSON, each when it is made; names that are not UTF-8 come out as the kernel has them.

    With ``line_each``, ``-oneline`` ends the line behind each document; tc puts all into one line. When one cannot be
    made, what is before it is shown, JSON is closed, and then the error is raised.
    """
    failures: list[PytcError] = []
    for piece in _pieces(_up_to_failure(documents, failures), options, line_each=line_each):
        streams.write(piece)
    if failures:
        raise failures[0]


def _up_to_failure(documents: Iterable[Document], failures: list[PytcError]) -> Iterator[Document]:
    try:
        yield from documents
    except PytcError as error:
        failures.append(error)


def _pieces(documents: Iterable[Document], options: Options, *, line_each: bool) -> Iterator[str]:
    streams.take_any_text(as_json=options.json)
    is_terminal = sys.stdout.isatty()
    if options.json:
        from pytc.render.json import pieces as of_json

        values = of_json(documents, pretty=options.pretty)
        return map(printable_json, values) if is_terminal else values
    from pytc.render.text import pieces as of_text
    from pytc.render.text import render

    colors = _colors(options)
    if options.oneline and line_each:
        lines = (render([document], colors=colors, is_terminal=is_terminal) for document in documents)
        return (text.removesuffix("\n").replace("\n", "\\") + "\n" for text in lines if text)
    texts = of_text(documents, colors=colors, is_terminal=is_terminal)
    return (text.replace("\n", "\\") for text in texts) if options.oneline else texts


def _colors(options: Options) -> dict[str, str]:
    """Escape parameters for each sort of name; empty where text is to be plain."""
    return _palette(sys.stdout, options.color)


def _palette(stream: TextIO, color: ColorMode) -> dict[str, str]:
    """Return escape parameters for each sort of name, for a stream that is a terminal, or is to be taken for one."""
    if color == "never" or (color != "always" and not stream.isatty()):
        return {}
    if color != "always" and (os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"):
        return {}
    from pytc.render.colors import COLORS

    _, is_told, background = os.environ.get("COLORFGBG", "").rpartition(";")
    dark = not is_told or background in ("0", "1", "2", "3", "4", "5", "6", "8")
    return {sort: by_background[dark] for sort, by_background in COLORS.items()}


def show_stream(stream: Stream, options: Options) -> None:
    """Print a stream piece by piece."""
    streams.take_any_text(as_json=options.json)
    if options.json and options.pretty and not stream.is_live:
        from pytc.render.json import pretty_stream

        pieces = pretty_stream(stream.values())
    else:
        pieces = stream.json() if options.json else stream.text()
    if options.oneline and stream.is_live:
        pieces = (piece[:-1].replace("\n", "\\") + "\n" for piece in pieces)  # each on a line of its own
    if sys.stdout.isatty():
        pieces = map(printable_json, pieces) if options.json else (printable(piece, "\n\t") for piece in pieces)
    for piece in pieces:
        streams.write(piece, flush=stream.is_live)


def say(notes: list[str], *, as_json: bool, color: ColorMode = "") -> None:
    """Prints remarks on stderr, as JSON objects of one line where errors are such too."""
    if as_json:
        import json

        notes = [json.dumps({"note": note}) for note in notes]
    style = None if as_json else _error_style("remark", color)
    for note in notes:
        streams.complain_lines(note.splitlines() if isinstance(note, SeveralLines) else [note], style)
