"""``hooks``: all programs and filters that a packet meets at a device."""

from pytc.commands.shared.attach_values import ShowHooks
from pytc.commands.shared.command import Command, Help
from pytc.errors import UsageError
from pytc.words.devices import device
from pytc.words.engine import Cursor, Word, choose, fill, matches, no_more

SELECTORS = (Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),)


def parse(words: list[str]) -> Command:
    """The words after ``hooks``; raises UsageError, HelpRequested."""
    cursor = Cursor(words)
    if matches(cursor.peek(), "help"):
        return Help("hooks")
    if choose(cursor.peek(), ("show", "list", "ls")):
        cursor.take()
    found = fill(cursor, SELECTORS, {}, topic="hooks")
    no_more(cursor, "hooks")
    if not found:
        raise UsageError('Must specify netdevice "dev"')
    return ShowHooks(**found)
