"""``actions``: those that stand for themselves, by kind and index."""

from collections.abc import Iterator

from pytc.commands.shared.command import Command, Help
from pytc.commands.values import ActionCommands, FlushActions, ModifyActions, NamedActions, ShowActions
from pytc.errors import InvalidOptionsError, UsageError
from pytc.tc.kinds.shared.action_parts import take_index
from pytc.tc.kinds.shared.action_words import parse_actions
from pytc.words.engine import Cursor, choose, matches, no_more, unsigned

#: The order decides abbreviations.
VERBS = ("add", "change", "replace", "delete", "get", "list", "show", "lst", "flush", "help")
#: Those that may come behind another.
_NEXT = ("change", "replace", "delete", "get", "add")
_SHOW = ("list", "show", "lst")
_MAX_SINCE = 0xFFFFFFFF


def parse(words: list[str]) -> Command:
    """The words after ``actions``; raises UsageError, HelpRequested."""
    if not words:
        return ModifyActions("add", ())
    cursor = Cursor(words)
    word = cursor.take()
    verb = choose(word, VERBS)
    if not verb:
        raise _unknown(word)
    if verb == "help":
        return Help("actions")
    try:
        return _parse(verb, cursor)
    except InvalidOptionsError as error:
        raise UsageError(str(error), hints=error.hints) from None  # here tc exits with 255


def _parse(verb: str, cursor: Cursor) -> Command:
    if verb in _SHOW or verb == "flush":
        return _of_kind(verb, cursor)
    commands = list(_commands(verb, cursor))
    return commands[0] if len(commands) == 1 else ActionCommands(tuple(commands))


def _commands(verb: str, cursor: Cursor) -> Iterator[ModifyActions | NamedActions]:
    """All commands of a line: behind the actions of the first there may be another."""
    while verb not in ("get", "delete"):
        if cursor.done:
            raise UsageError('Illegal "action"', hints=('say which, as in "pytc actions add action gact drop"',))
        yield ModifyActions("add" if verb == "add" else "replace", parse_actions(cursor, _NEXT))
        if cursor.done:
            return
        word = cursor.take()
        verb = choose(word, _NEXT)
        if not verb:
            raise _unknown(word)
    yield NamedActions(verb, _indexes(cursor))


def _unknown(word: str) -> UsageError:
    return UsageError(f'Command "{word}" is unknown, try "pytc actions help".')


def _of_kind(verb: str, cursor: Cursor) -> Command:
    words = cursor.rest()
    if len(words) < 2:
        word = verb if verb == "flush" else "ls"
        raise UsageError(f'Which kind of action? "pytc actions {word} action KIND" expected.')
    rest = Cursor(words[2:])
    since = 0
    if not rest.done and matches(rest.peek(), "since") and verb != "flush":
        rest.take()
        word = rest.take()
        try:
            since = unsigned(_MAX_SINCE)(word)
        except ValueError:
            raise UsageError(f'Error: argument "{word}" is wrong: expecting milliseconds') from None
    no_more(rest, "actions")
    return FlushActions(words[1]) if verb == "flush" else ShowActions(words[1], since)


def _indexes(cursor: Cursor) -> tuple[tuple[str, int], ...]:
    found = []
    while not cursor.done:
        name = cursor.take()
        if name == "action":
            continue
        if cursor.done or not matches(cursor.peek(), "index"):
            raise UsageError(f"Error: no index specified action: {name}")
        cursor.take()
        found.append((name, take_index(cursor)))
    return tuple(found)
