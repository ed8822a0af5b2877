"""``pytc hooks``: all programs and filters that packets meet at a device."""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import CommandObject, parse_verb, verb_module
from pytc.words.engine import choose, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"show": "show", "list": "show", "ls": "show"}

HELP = """\
Usage: pytc hooks [ show ] dev NAME

All programs and filters that packets meet at a device, in order. Coming in: XDP, tcx, clsact (or ingress). Leaving:
tcx, clsact, the filters of classful qdiscs and of their classes from the root on, netkit.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``hooks`` ask for, of which ``show`` may be left out; raises UsageError,
    HelpRequested."""
    if matches(cursor.peek(), "help"):
        return Help("hooks")
    if choose(cursor.peek(), tuple(VERBS)):
        return parse_verb(__name__, VERBS, cursor)
    return verb_module(__name__, "show").parse(cursor)


OBJECT = CommandObject("hooks", VERBS, HELP, parse)
