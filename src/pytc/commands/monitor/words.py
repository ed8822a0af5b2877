"""``monitor``: what changes, as it happens."""

from pytc.commands.shared.command import Command
from pytc.commands.values import Monitor
from pytc.errors import HelpRequested, UsageError
from pytc.words.engine import Cursor, matches


def parse(words: list[str]) -> Command:
    """The words after ``monitor``; raises UsageError, HelpRequested."""
    cursor, path = Cursor(words), ""
    while not cursor.done:
        word = cursor.take()
        if matches(word, "file"):
            path = cursor.take()
        elif matches(word, "help"):
            raise HelpRequested("monitor")
        else:
            raise UsageError(f'Argument "{word}" is unknown, try "pytc monitor help".')
    return Monitor(path)
