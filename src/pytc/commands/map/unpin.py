"""``pytc map unpin``: removes the pin of a map."""

from __future__ import annotations

from pytc.bpf.maps.map import Map
from pytc.commands.shared.command import Command
from pytc.commands.shared.pins import remove_pin, take_pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map unpin { PATH | m:NAME }

The map is gone when nothing else holds it.
"""


class UnpinMap(Command):
    """A map's pin to remove; ``path`` is absolute, or ``m:NAME``."""

    path: str


def parse(cursor: Cursor) -> UnpinMap:
    """Return the command; raises UsageError, HelpRequested."""
    return UnpinMap(take_pin(cursor, "map unpin"))


def run(context: Context, command: UnpinMap) -> None:
    """Remove the pin, which must be that of a map; raises PinError."""
    remove_pin(context, "map", command.path, lambda path: Map.from_pin(path).close())
