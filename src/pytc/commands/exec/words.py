"""``exec bpf``: import, agent, debug, graft."""

import math
from typing import Any

from pytc.commands.shared.command import Command, Help
from pytc.commands.values import (
    DropKept,
    FetchMaps,
    GraftProgram,
    ImportMaps,
    ListKept,
    ReadTrace,
    ServeMaps,
    SocketRights,
)
from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.words.engine import Cursor, Word, choose, fill, matches, no_more, text, unsigned

#: Order decides abbreviations; tc knows all but the agent.
VERBS = ("import", "debug", "dbg", "graft", "agent", "help")


def seconds(word: str) -> float:
    """Converter for a time in seconds, zero or more; raises ValueError."""
    number = float(word)
    if not 0 <= number < math.inf or "_" in word:
        raise ValueError(word)
    return number


def mode(word: str) -> int:
    """Converter for permissions in octal; raises ValueError."""
    number: int = unsigned(0o777, 8)(word)
    if not number & 0o600 == 0o600:
        raise ValueError(word)
    return number


def _positive(word: str) -> int:
    number: int = unsigned(1024)(word)
    if not number:
        raise ValueError(word)
    return number


def _command(cursor: Cursor) -> tuple[str, ...]:
    return (cursor.take(), *cursor.rest())


_RIGHTS = (
    Word("mode", "mode", mode, exact=True, wrong="permissions of the socket; three octal digits, 600 among them"),
    Word("user", "user", text, exact=True),
)
_COMMAND = (
    Word("run", "words", read=_command),
    Word("ro", "read_only", exact=True),
)
#: Of import.
SELECTORS = (
    *_COMMAND,
    Word("timeout", "timeout", seconds, exact=True, wrong="a number of seconds"),
    Word("count", "exports", _positive, exact=True, wrong="the number of objects to wait for, 1 to 1024"),
    *_RIGHTS,
)
_FETCH = (*_COMMAND, Word("object", "object", text, exact=True))


def parse(words: list[str]) -> Command:
    """The words after ``exec``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    if cursor.done:
        raise UsageError('No command given, try "pytc exec help".')
    kind = cursor.take()
    if matches(kind, "help"):
        return Help("exec")
    if kind != "bpf":
        raise UsageError(f'Unknown exec "{kind}"; pytc knows bpf')
    if cursor.done:
        return Help("exec bpf")
    word = cursor.take()
    verb = choose(word, VERBS)
    if verb == "help":
        return Help("exec bpf")
    if not verb and word and "run".startswith(word):  # in tc a word of import that may come first, and then is refused
        raise UsageError("bpf: No import parameter provided!")
    if not verb:
        raise UsageError(f'What is "{word}"? Try "pytc exec bpf help".')
    return _PARSERS[verb](cursor)


def _import(cursor: Cursor) -> Command:
    path = _path(cursor, "exec bpf import")
    # A socket that is called "agent" has to be written ./agent where anything but its own words follows.
    if path == "agent" and not cursor.done and choose(cursor.peek(), [row.name for row in SELECTORS]) == "":
        return _fetch(cursor)
    found = fill(cursor, SELECTORS, {}, topic="exec bpf import")
    no_more(cursor, "exec bpf import")
    rights = SocketRights(**{name: found.pop(name) for name in ("mode", "user") if name in found})
    return ImportMaps(path, rights=rights, **found)


def _fetch(cursor: Cursor) -> Command:
    path = _path(cursor, "exec bpf import")
    found = fill(cursor, _FETCH, {}, topic="exec bpf import")
    no_more(cursor, "exec bpf import")
    return FetchMaps(path, **found)


def _agent(cursor: Cursor) -> Command:
    path = _path(cursor, "exec bpf agent")
    verb = choose(cursor.peek(), ("list", "show", "drop")) if not cursor.done else ""
    if not verb:
        found = fill(cursor, _RIGHTS, {}, topic="exec bpf agent")
        no_more(cursor, "exec bpf agent")
        return ServeMaps(path, SocketRights(**found))
    cursor.take()
    command = DropKept(path, cursor.take()) if verb == "drop" else ListKept(path)
    no_more(cursor, "exec bpf agent")
    return command


def _path(cursor: Cursor, topic: str) -> str:
    path = cursor.take()
    if path == "help":
        raise HelpRequested(topic)
    return path


def _debug(cursor: Cursor) -> Command:
    if matches(cursor.peek(), "help"):
        raise HelpRequested("exec bpf debug")
    no_more(cursor, "exec bpf debug")
    return ReadTrace()


def _graft(cursor: Cursor) -> Command:
    from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, ProgramWords, parse_program, source_of

    path, key = _path(cursor, "exec bpf graft"), None
    if matches(cursor.peek(), "key"):
        cursor.take()
        word = cursor.take()
        try:
            key = unsigned(0xFFFFFFFF)(word)
        except ValueError:
            raise UsageError(f'Error: argument "{word}" is wrong: key value not integer') from None
    if cursor.done:
        raise UsageError('Command line is not complete. Try option "help"')
    found: dict[str, Any] = {}
    parse_program(cursor, ProgramWords(), found, topic="exec bpf graft")
    source = source_of(found)
    if source is None or source.mode in (BYTECODE, BYTECODE_FILE):
        raise InvalidOptionsError(
            "only a program is grafted: object-file FILE with what belongs to it, or "
            'object-pinned PROG. Try "pytc exec bpf graft help".'
        )
    return GraftProgram(path, key, source)


_PARSERS = {"import": _import, "debug": _debug, "dbg": _debug, "graft": _graft, "agent": _agent}
