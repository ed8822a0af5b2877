"""``link``: links of all types."""

from collections.abc import Callable

from pytc.commands.shared.attach_values import DetachLink, PinLink, ShowLinks, UnpinLink, UpdateLink
from pytc.commands.shared.attached_words import number, take_program
from pytc.commands.values import Command, Help
from pytc.errors import HelpRequested, UsageError
from pytc.words.engine import Cursor, matches, no_more, take_verb

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "show": "show",
    "list": "show",
    "ls": "show",
    "detach": "detach",
    "pin": "pin",
    "unpin": "unpin",
    "update": "update",
    "help": "help",
}


def parse(words: list[str]) -> Command:
    """The words after ``link``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "link")
    if verb == "help":
        return Help("link")
    if cursor.done and verb == "show":
        return ShowLinks()
    if matches(cursor.peek(), "help"):
        raise HelpRequested("link")
    if verb == "update":
        link = _take_link(cursor)
        return UpdateLink(link, take_program(cursor, (), {}, "link"))
    command: Command = _COMMANDS[verb](cursor)
    no_more(cursor, "link")
    return command


def _take_link(cursor: Cursor) -> str:
    """The number of a link, or the path of its pin."""
    word = cursor.take()
    if word == "pinned":
        path = cursor.take()
        return f"./{path}" if path.isdigit() else path
    if word == "id":
        word = cursor.take()
        _check(word)
    elif word.isdigit():
        _check(word)
    return word


def _check(word: str) -> None:
    try:
        if not word.isdigit():
            raise ValueError(word)
        number(word.lstrip("0") or "0")
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: id') from None


_COMMANDS: dict[str, Callable[[Cursor], ShowLinks | DetachLink | PinLink | UnpinLink]] = {
    "show": lambda cursor: ShowLinks(_take_link(cursor)),
    "detach": lambda cursor: DetachLink(_take_link(cursor)),
    "pin": lambda cursor: PinLink(_take_link(cursor), cursor.take()),
    "unpin": lambda cursor: UnpinLink(cursor.take()),
}
