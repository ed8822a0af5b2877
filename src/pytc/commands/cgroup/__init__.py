"""``pytc cgroup``: programs of cgroups."""

from __future__ import annotations

from pytc.commands.cgroup.words import CGROUP
from pytc.commands.shared.attach_words import PROGRAM, REFERENCE
from pytc.commands.shared.command import Help
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
    "tree": "tree",
}

HELP = f"""\
Usage: pytc cgroup attach CGROUP [ TYPE ] [ multi | override | exclusive ] [ link PATH ] [ replace REF ] PROGRAM
       pytc cgroup detach CGROUP [ TYPE ] {{ all | REF }}
       pytc cgroup show CGROUP [ TYPE ] [ effective ]
       pytc cgroup tree [ CGROUP ] [ effective ]

{CGROUP}\
TYPE := sock_ops | ingress | egress | sock_create | sock_release | device | sysctl | getsockopt | setsockopt
      | {{ bind | post_bind | connect | sendmsg | recvmsg | getpeername | getsockname }} {{ 4 | 6 }}
      | {{ connect | sendmsg | recvmsg | getpeername | getsockname }} _unix
{REFERENCE}{PROGRAM}
PATH is a directory of cgroup2. "pytc cgroup attach help" and so on say more.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``cgroup`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    if cursor.done:
        return Help("cgroup")
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


OBJECT = CommandObject("cgroup", VERBS, HELP, parse)
