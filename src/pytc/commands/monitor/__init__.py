"""``pytc monitor``: changes as they happen. It has no verbs."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, verb_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

VERBS: dict[str, str] = {}

HELP = """\
Usage: pytc [ -timestamp | -tshort ] monitor [ file FILE ]

Prints each change of a qdisc, class, filter, chain or action as it happens, until it is interrupted; or what FILE has,
which rtmon(8) has written. pytc -j prints an object on a line for each.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``monitor`` ask for; raises UsageError, HelpRequested."""
    return verb_module(__name__, "watch").parse(cursor)


OBJECT = CommandObject("monitor", VERBS, HELP, parse)
