"""Standard input, output and error as they may be: closed, full, or with an encoding that lacks a letter."""

from __future__ import annotations

import io
import os
import sys

from pytc.errors import OutputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

#: ASCII's control characters but for tab and line break, those of Latin-1, and those that turn the direction of text.
_CONTROLS = dict.fromkeys(
    (*range(9), *range(11, 32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A)), "?"
)
_LINE_BREAKS = {ord("\n"): "?"}


def replace_closed() -> None:
    """Opens /dev/null for each of the three that was closed: as for tc, it is as if nobody listened.

    No map's or socket's descriptor becomes a standard stream then, of this process or of a shell that it starts.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: those below are open by now
            os.set_inheritable(opened, True)
            setattr(sys, name, os.fdopen(opened, "w" if descriptor else "r", closefd=False, encoding="utf-8"))


def take_any_text(*, as_json: bool = False) -> None:
    r"""Let standard output take names that are not UTF-8 as the kernel has them.

    In JSON they are escaped ("\\udcff"), as JSON is UTF-8 whatever the locale says.
    """
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return
    if as_json:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    else:
        sys.stdout.reconfigure(errors="surrogateescape")


def write(text: str, *, flush: bool = False) -> None:
    """Writes on standard output. Raises OutputError, and BrokenPipeError where nobody reads any more."""
    try:
        try:
            if text:  # of no text, Python would write no bytes, which a full device refuses
                sys.stdout.write(text)
        except UnicodeEncodeError:
            if not isinstance(sys.stdout, io.TextIOWrapper):
                raise
            sys.stdout.reconfigure(errors="backslashreplace")
            sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except OSError as error:
        raise _output_error(error) from error


def write_bytes(data: bytes) -> None:
    """Writes output that is not to wait, and may be any bytes; a terminal gets text. Raises as :func:`write` does."""
    if not data:
        return
    try:
        if sys.stdout.isatty():
            from pytc.render.terminal import printable

            data = printable(data.decode("utf-8", "replace"), "\n\t").encode()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _output_error(error) from error


def ask(prompt: str) -> str | None:
    """Return the next line of standard input, None at its end. A terminal shows the prompt, and keeps a history."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        try:
            import readline  # noqa: F401  # gives input() a history
        except ImportError:
            pass
    try:
        return input(prompt if is_terminal else "")
    except EOFError:
        return None


def complain_lines(lines: Iterable[str], style: Callable[[str], str] | None = None) -> None:
    """Writes lines on standard error. A line break in one of them is somebody else's, who may forge a line by it."""
    complain("".join(f"{line.translate(_LINE_BREAKS)}\n" for line in lines), style)


def complain(text: str, style: Callable[[str], str] | None = None) -> None:
    """Writes on standard error, after what standard output has; when that fails there is nobody left to tell.

    What controls a terminal is left out: messages quote what files and names hold. ``style`` adds colours to the rest.
    """
    text = text.translate(_CONTROLS)
    text = style(text) if style is not None else text
    try:
        write("", flush=True)
    except (OutputError, BrokenPipeError):
        pass
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _output_error(error: OSError) -> OSError | OutputError:
    _discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"cannot write to standard output: {error.strerror}", errno=error.errno)


def _discard(stream: TextIO) -> None:
    """Point standard output to /dev/null: else Python would flush its buffer at exit, and complain again."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass
