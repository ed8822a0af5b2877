"""``pytc map``: the elements of maps."""

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
    "get": "get",
    "lookup": "get",
    "set": "set",
    "update-many": "update_many",
    "delete": "delete",
    "dump": "dump",
    "load": "load",
    "next": "next",
    "watch": "watch",
    "pin": "pin",
    "unpin": "unpin",
    "resize": "resize",
    "create": "create",
    "attach": "attach",
    "detach": "detach",
    "push": "push",
    "pop": "pop",
    "peek": "peek",
    "events": "events",
    # bpftool's words, last: an abbreviation means one of the others.
    "getnext": "next",
    "enqueue": "push",
    "dequeue": "pop",
}

HELP = """\
Usage: pytc map show [ MAP ]
       pytc map { get | set | update-many | delete | next } MAP key KEY ...
       pytc map { dump | load | watch } MAP ...
       pytc map { push | pop | peek } MAP ...
       pytc map events MAP ...
       pytc map pin MAP PATH
       pytc map unpin PATH
       pytc map resize PATH max_entries NUMBER
       pytc map { attach | detach } MAP ...
       pytc map create PATH type TYPE key BYTES value BYTES max_entries NUMBER ...

MAP := { fd NUMBER | map { NUMBER | NAME } | pinned { PATH | m:NAME }
       | id NUMBER | name NAME } [ TYPES ]
TYPES := [ keytype FORMAT ] [ valuetype FORMAT ]
FORMAT := u8 .. u64 | s8 .. s64 | be16 | be32 | be64 | bool | char
        | f32 | f64 | ip4 | ip6 | mac | hex | str
        | FORMAT[N] | { FORMAT NAME, ... } | the name of a type in its BTF

"map 1" is the descriptor in $BPF_MAP1, "map NAME" that in $BPF_MAP_NAME, which "exec bpf import" sets.
Without TYPES, the map's own are used (BTF); where it has none, numbers for 1, 2, 4 and 8 bytes, hex for other sizes.
"pytc map get help" and so on say more. The exit status is 2 where the kernel refuses, as for a key that is not there.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``map`` ask for; raises UsageError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("map", VERBS, HELP, parse)
