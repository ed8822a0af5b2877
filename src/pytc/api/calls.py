"""What the functions of the library have in common: a log, a context for commands, and hints in terms of Python."""

import logging
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

from pytc.commands.shared.context import Context
from pytc.contexts import contextmanager
from pytc.errors import PytcError

log = logging.getLogger("pytc")

_P = ParamSpec("_P")
_Result = TypeVar("_Result")

#: Hints of the command line, and what they are to users of the library.
_TRANSLATIONS = (
    (r'"pytc qdisc add dev (\S+) clsact" makes it', r'pytc.create_clsact("\1") makes it'),
    (r'"map (\S+) max_entries (\d+)" behind the object file', r'max_entries={"\1": \2} in pytc.load()'),
    (r'"map (\S+) pinned PATH" behind the object file', r'reuse={"\1": PATH} in pytc.load()'),
    (r'say which: "type sched_cls", "type xdp" \.\.\.', r'say which: type="sched_cls", type="xdp" ...'),
)
#: Hints that name commands, or options of theirs, of which the library knows no counterpart.
_COMMANDS = re.compile(r'"pytc |"tc |"-j |-details|-echo|behind the object file')


def public(function: Callable[_P, _Result]) -> Callable[_P, _Result]:
    """Let the errors of a public function speak of the library where they speak of the command line."""

    @wraps(function)
    def call(*positional: _P.args, **named: _P.kwargs) -> _Result:
        try:
            return function(*positional, **named)
        except PytcError as error:
            error.hints = library_hints(error.hints)
            raise

    return call


def library_hints(hints: tuple[str, ...]) -> tuple[str, ...]:
    """Return hints in terms of the library, without those that only the command line can follow."""
    return tuple(hint for hint in map(_translated, hints) if not _COMMANDS.search(hint))


def _translated(hint: str) -> str:
    for pattern, replacement in _TRANSLATIONS:
        hint = re.sub(pattern, replacement, hint)
    return hint


@contextmanager
def open_context(*, create_clsact: bool = False) -> Iterator[Context]:
    """Provide what commands need of their surroundings; their remarks go to the log."""
    with Context(create_clsact=create_clsact) as made:
        try:
            yield made
        finally:
            for note in made.notes:
                log.debug("%s", note)
