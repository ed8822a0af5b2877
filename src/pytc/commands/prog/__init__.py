"""``pytc prog``: loaded programs, and programs on captured packets."""

from __future__ import annotations

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
    "run": "run",
    "dump": "dump",
    "stats": "stats",
    "top": "top",
    "load": "load",
    "pin": "pin",
    "unpin": "unpin",
    "explain": "explain",
}

HELP = """\
Usage: pytc prog show [ PROG ]
       pytc prog run { PROG | obj FILE ... } PACKETS ...
       pytc prog dump PROG [ xlated | jited ] ...
       pytc prog stats [ PROG ] [ on for TIME ]
       pytc prog top [ PROG ] [ interval TIME ] [ count NUMBER ]
       pytc prog load FILE [ pin { PATH | m:NAME } ] ...
       pytc prog pin PROG { PATH | m:NAME }
       pytc prog unpin { PATH | m:NAME }
       pytc prog explain LOG [ obj FILE ] ...

PROG := { id NUMBER | pinned { PATH | m:NAME } | name NAME | tag TAG
        | dev NAME { ingress | egress | root | parent CLASSID } [ chain INDEX ] [ pref PREF ] [ handle HANDLE ] }

show     programs that are loaded
run      tests a program on captured packets, attached to nothing
dump     its instructions, with the lines of C that they come from
stats    how often it ran, and for how long
top      which programs take most time, again and again
load     loads and pins a program, attached to nothing
explain  why the verifier refused a program, from its log

"pytc prog run help" and so on say more.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``prog`` ask for; raises UsageError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("prog", VERBS, HELP, parse)
