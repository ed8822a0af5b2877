"""``pytc metrics textfile``: metrics in a file for the textfile collector of node_exporter."""

from __future__ import annotations

from pytc.commands.metrics.families import registry
from pytc.commands.metrics.words import take_maps
from pytc.commands.shared.command import Command
from pytc.errors import OutputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc metrics textfile PATH [ map NAME ] ...

Writes all metrics to a file at once: a reader sees the former file or the new one. node_exporter reads files *.prom.
"""


class WriteMetrics(Command):
    """A request to write all metrics to a file."""

    path: str
    maps: tuple[str, ...] = ()


def parse(cursor: Cursor) -> WriteMetrics:
    """Return the command; raises UsageError, HelpRequested."""
    return WriteMetrics(cursor.take(), take_maps(cursor, "metrics textfile"))


def run(context: Context, command: WriteMetrics) -> None:
    """Write the file; raises PytcError."""
    metrics = registry(command.maps)
    from prometheus_client import write_to_textfile

    try:
        write_to_textfile(command.path, metrics)
    except OSError as error:
        raise OutputError(f'cannot write "{command.path}": {error.strerror}', errno=error.errno) from error
