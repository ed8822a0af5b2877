"""``pytc pins``: what is pinned in the file systems for BPF objects."""

from __future__ import annotations

from pytc.commands.pins.selection import CHOICE_HELP, is_choice
from pytc.commands.shared.verbs import CommandObject, parse_verb, verb_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"show": "show", "list": "show", "ls": "show", "delete": "delete", "change": "change"}

HELP = f"""\
Usage: pytc pins [ show ] [ CHOICE ] ...
       pytc pins delete CHOICE ...
       pytc pins change CHOICE ... {{ mode MODE | group GROUP }} ...

{CHOICE_HELP}
Shows, removes, or gives other rights to pins. An object lives on without its pin as long as something uses it.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``pins`` ask for, of which ``show`` may be left out; raises UsageError,
    HelpRequested."""
    if is_choice(cursor.peek()):
        return verb_module(__name__, "show").parse(cursor)
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("pins", VERBS, HELP, parse)
