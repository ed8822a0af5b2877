"""``pytc object``: the contents of an object file, its faults, and its maps as BTF maps.

Its verbs read a file. They need no privileges, and ask nothing of the kernel.
"""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"show": "show", "lint": "lint", "convert": "convert", "types": "types"}

HELP = """\
Usage: pytc object show FILE
       pytc object lint FILE [ for KERNEL ] [ btf TYPES ] [ type TYPE ]
       pytc object convert FILE
       pytc object types FILE

show     what a BPF object holds, and what it asks of a kernel
lint     what is wrong with it, or may be
convert  its maps of section "maps" as C source for section ".maps"
types    its types, or a kernel's, as a C header: vmlinux.h

None of them needs privileges, or a kernel with BPF. "pytc object show help" and so on say more.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``object`` ask for; raises UsageError, HelpRequested."""
    if cursor.done:
        return Help("object")
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


OBJECT = CommandObject("object", VERBS, HELP, parse)
