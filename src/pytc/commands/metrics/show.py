"""``pytc metrics show``: all metrics as OpenMetrics text."""

from __future__ import annotations

from pytc.commands.metrics.families import registry
from pytc.commands.metrics.words import take_maps
from pytc.commands.shared.command import Query
from pytc.errors import UsageError
from pytc.render.documents import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc metrics [ show ] [ map NAME ] ...

Prints all metrics as OpenMetrics text. "pytc metrics help" says which there are.
"""


class ShowMetrics(Query):
    """A request for all metrics, with the values of maps of some names."""

    maps: tuple[str, ...] = ()


def parse(cursor: Cursor) -> ShowMetrics:
    """Return the command; raises UsageError, HelpRequested."""
    return ShowMetrics(take_maps(cursor, "metrics show"))


def run(context: Context, command: ShowMetrics) -> Stream:
    """Return the metrics; raises PytcError."""
    metrics = registry(command.maps)
    from prometheus_client.openmetrics.exposition import generate_latest

    text = generate_latest(metrics).decode()

    def refuse() -> Iterator[str]:
        raise UsageError("metrics are OpenMetrics text, and no JSON")

    return Stream(lambda: iter([text]), refuse, refuse)
