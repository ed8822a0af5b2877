"""``pytc export-state``: the state of a device as a file for ``apply``. :mod:`pytc.cli.export_state` carries it out."""

from __future__ import annotations

from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import CommandObject
from pytc.errors import UsageError
from pytc.words.engine import Word, fill, matches, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from pytc.commands.shared.command import Effect
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

#: The object is a verb itself.
VERBS: dict[str, str] = {}

HELP = """\
Usage: pytc export-state dev DEVICE [ FILE ] [ object OBJECT ] ...

Writes the qdiscs, classes, chains and filters of DEVICE, with their actions, as lines that "pytc apply" takes and finds
unchanged; on a fresh device they make the same. Each line has been tried in an empty network namespace. FILE is
replaced at once; without it, the lines go to standard output.

object names an object file, by which a bpf filter's program can be loaded again: the kernel keeps no path. A program
that was attached by its pin is named by that.

What no line makes is left out, with a comment that says why, and the exit status is 2.
"""
_WORDS = (
    Word("dev", "device", text, exact=True),
    Word("object", "objects", text, exact=True, many=True),
)


class ExportState(Command):
    """A request for the state of a device as lines, in the file at ``path``, or on standard output where it is empty.

    ``objects`` are object files that programs may come from.
    """

    device: str
    path: str = ""
    objects: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        return "exports"


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``export-state`` ask for; raises UsageError."""
    if matches(cursor.peek(), "help"):
        return Help("export-state")
    fields: dict[str, Any] = {}
    fill(cursor, _WORDS, fields, topic="export-state")
    if not cursor.done and "device" in fields:
        fields["path"] = cursor.take()
        fill(cursor, _WORDS, fields, topic="export-state")
    refuse_more(cursor, "export-state")
    if "device" not in fields:
        raise UsageError('"dev DEVICE" says whose state is to be exported')
    return ExportState(**fields)


def run(context: Context, command: ExportState) -> NoReturn:
    """Refuse to be one of several commands; raises UsageError."""
    raise UsageError('"export-state" is a command of its own, not one of a batch')


OBJECT = CommandObject("export-state", VERBS, HELP, parse)
