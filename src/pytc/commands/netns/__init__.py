"""``pytc netns``: programs of a network namespace."""

from __future__ import annotations

from pytc.commands.netns.hooks import NETNS
from pytc.commands.shared.attach_words import PROGRAM, REFERENCE
from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {
    "attach": "attach",
    "add": "attach",
    "detach": "detach",
    "delete": "detach",
    "show": "show",
    "list": "show",
    "ls": "show",
}

HELP = f"""\
Usage: pytc netns attach [ TYPE ] {{ link PATH | owner NAME }} PROGRAM
       pytc netns detach [ TYPE ] {{ all | REF }}
       pytc netns show

{NETNS}{REFERENCE}{PROGRAM}
The namespace is the one in which pytc works: "pytc -n NAME netns show".
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``netns`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("netns", VERBS, HELP, parse)
