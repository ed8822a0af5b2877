"""``pytc exec bpf``: the maps and programs of filters, for other processes and while packets run."""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.errors import UsageError
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Precedes the verbs: tc's exec has a second level, of which bpf is all there is.
TOPIC = "exec bpf"
#: Words and the modules of their verbs; the order decides abbreviations. tc knows all but the agent.
VERBS = {
    "import": "import_",
    "debug": "debug",
    "dbg": "debug",
    "graft": "graft",
    "agent": "agent",
}

HELP = """\
Usage: pytc exec bpf import PATH [ OPTIONS ] [ run COMMAND [ WORDS ] ]
       pytc exec bpf import agent PATH [ object NAME ] [ ro ] [ run COMMAND [ WORDS ] ]
       pytc exec bpf agent PATH [ mode MODE ] [ user USER ]
       pytc exec bpf agent PATH { list | drop NAME }
       pytc exec bpf { debug | dbg }
       pytc exec bpf graft MAP [ key KEY ] PROGRAM

import  a shell, or another command, that holds the maps which a filter or action exports
agent   a process that keeps exported maps for any import
debug   what programs write with bpf_trace_printk
graft   puts a program into a slot of a program array that is in use

"pytc exec bpf import help" and so on say more.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``exec`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    if cursor.done:
        raise UsageError('No command given, try "pytc exec help".')
    kind = cursor.take()
    if matches(kind, "help"):
        return Help("exec")
    if kind != "bpf":
        raise UsageError(f'Unknown exec "{kind}"; pytc knows bpf')
    if cursor.done:
        return Help(TOPIC)
    if cursor.peek() and "run".startswith(cursor.peek()):  # tc takes it as a word of import that lacks the path
        raise UsageError("bpf: No import parameter provided!")
    return parse_verb(__name__, VERBS, cursor, TOPIC, exact_help=True)  # a path may be called "h"


OBJECT = CommandObject(TOPIC, VERBS, HELP, parse)
