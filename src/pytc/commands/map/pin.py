"""``pytc map pin``: gives a map a path in a bpffs, which keeps it."""

from __future__ import annotations

from pytc.commands.map.words import TARGET, require, take_path, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.maps import open_map
from pytc.commands.shared.pins import make_pin
from pytc.words.engine import Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map pin MAP { PATH | m:NAME }

m:NAME is NAME below tc's directory in the bpffs.
"""

WORDS = (*TARGET, Word("path", "path", text, wrong="invalid path"))


class PinMap(Command):
    """A map to pin; ``path`` is absolute, or ``m:NAME``."""

    target: Target
    path: str


def parse(cursor: Cursor) -> PinMap:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "pin", take_path)
    require(fields, "path", "path")
    return PinMap(**fields)


def run(context: Context, command: PinMap) -> None:
    """Pin the map; makes tc's directories for ``m:NAME`` where they are missing. Raises PytcError."""
    map = context.own(open_map(context, command.target.kind, command.target.text))
    make_pin(context, f'map "{map.name}"', command.path, map.pin)
