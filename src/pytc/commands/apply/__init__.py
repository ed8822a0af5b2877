"""``pytc apply``: the objects that a file names become what it says. :mod:`pytc.cli.apply` carries it out."""

from __future__ import annotations

from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import CommandObject
from pytc.errors import UsageError
from pytc.tc.kinds.shared.ownership import owner_word
from pytc.words.engine import Word, fill, matches, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from pytc.commands.shared.command import Effect
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

#: The object is a verb itself.
VERBS: dict[str, str] = {}

HELP = """\
Usage: pytc [ --dry-run ] apply FILE [ owner NAME ] [ prune [ all ] ]

Makes the qdiscs, classes, filters, chains and actions that FILE names what it says, and changes only what differs. FILE
has lines as -batch takes them, with add or replace; - is standard input. Programs are compared by their instructions,
maps and constants; a program that differs is replaced at once, and the new one goes on with the maps of the old one.

"tcx attach" and "cgroup attach" are lines of FILE, too: the program at the pinned link that the line names, or without
one the program of the same name, is replaced where it differs, and otherwise attached. So are "map set" and "map load":
elements whose bytes differ are set, after all else; with noexist, only those that are missing.

owner marks the bpf filters of FILE as NAME's {apply}, unless a line says another owner.
prune removes filters of that owner on the devices of FILE that it does not name; with all, also those of others, and
qdiscs and classes. Programs of tcx and cgroups and elements of maps stay.

All is done, or, where a step fails, taken back as far as --atomic can; what could not be taken back is said beforehand.
+ is created, ~ changed, - removed. With --dry-run nothing is done, and the exit status is 2 where something differs.
"""
_PRUNE = Word("prune", "prunes", exact=True)
_WORDS = (
    Word("owner", "owner", owner_word, exact=True, wrong="invalid owner"),
    _PRUNE,
    Word("all", "prunes_all", exact=True),
)


class ApplyFile(Command):
    """A request to make a desired state: that of the file at ``path``, ``-`` for standard input."""

    path: str
    owner: str = "apply"
    prunes: bool = False
    prunes_all: bool = False

    @property
    def effect(self) -> Effect:
        return "applies"


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``apply`` ask for; raises UsageError."""
    if matches(cursor.peek(), "help"):
        return Help("apply")
    path = cursor.take()
    fields = fill(cursor, _WORDS, {}, topic="apply")
    refuse_more(cursor, "apply")
    if fields.get("prunes_all") and not fields.get("prunes"):
        raise UsageError('"all" goes with "prune"')
    return ApplyFile(path, **fields)


def run(context: Context, command: ApplyFile) -> NoReturn:
    """Refuse to be one of several commands; raises UsageError."""
    raise UsageError('"apply" is a command of its own, not one of a batch')


OBJECT = CommandObject("apply", VERBS, HELP, parse)
