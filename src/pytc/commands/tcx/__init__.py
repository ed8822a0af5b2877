"""``pytc tcx``: programs in the run order of tcx and netkit."""

from __future__ import annotations

from pytc.commands.shared.attach_words import PROGRAM, REFERENCE
from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.commands.tcx.words import HOOK

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
    "replace": "replace",
    "show": "show",
    "list": "show",
    "ls": "show",
}

HELP = f"""\
Usage: pytc tcx attach dev NAME HOOK [ first | last | {{ before | after }} REF ]
                       [ revision NUMBER ] [ link PATH ] PROGRAM
       pytc tcx replace dev NAME HOOK [ old REF ] [ revision NUMBER ] PROGRAM
       pytc tcx detach dev NAME HOOK {{ all | REF }} [ revision NUMBER ]
       pytc tcx show [ dev NAME ] [ HOOK ]

{HOOK}{REFERENCE}{PROGRAM}
Programs of tcx (Linux 6.6) run in their order and before the filters of clsact. TCX_NEXT (-1) goes on with the next
program, and behind the last with those filters; TCX_PASS (0), TCX_DROP (2) and TCX_REDIRECT (7) end the way there.
"pytc tcx attach help" and so on say more, "pytc filter add bpf help" explains the words of PROGRAM.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``tcx`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("tcx", VERBS, HELP, parse)
