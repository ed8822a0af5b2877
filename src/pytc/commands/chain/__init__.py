"""``pytc chain``: lists of filters, with the selectors of ``filter``."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.tc.filters.words import SELECTORS_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"add": "add", "delete": "delete", "get": "get", "list": "show", "show": "show", "lst": "show", "ls": "show"}

HELP = f"""\
Usage: pytc chain {{ add | delete }} SELECTORS [ KIND [ OPTIONS ] ]
       pytc chain {{ show | list | ls }} [ SELECTORS ]
       pytc chain get SELECTORS

{SELECTORS_HELP}
A chain is a list of filters; "action goto chain INDEX" leads to it. With a kind and options, they are a template for
the filters of the chain. delete removes the filters, too.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``chain`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


OBJECT = CommandObject("chain", VERBS, HELP, parse)
