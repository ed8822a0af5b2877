"""``pytc link``: links of all types, which are attachments with a descriptor of their own."""

from __future__ import annotations

from pytc.commands.shared.attach_words import PROGRAM
from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {
    "show": "show",
    "list": "show",
    "ls": "show",
    "detach": "detach",
    "pin": "pin",
    "unpin": "unpin",
    "update": "update",
}

HELP = f"""\
Usage: pytc link show [ LINK ]
       pytc link detach {{ LINK | [ owner NAME ] [ name PROGRAM ] [ object FILE ] [ id NUMBER ] }}
       pytc link pin LINK PATH
       pytc link unpin PATH
       pytc link update LINK PROGRAM

LINK := [ id ] NUMBER | [ pinned ] {{ PATH | m:NAME }}
{PROGRAM}
show    links of all types, what they attach and where; pytc -d also says where they are pinned
detach  ends the attachment; a pin stays, and "unpin" removes it
unpin   removes a pin; the link ends with it, unless somebody else holds it
update  puts another program into the place of the link's, in one step
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``link`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("link", VERBS, HELP, parse)
