"""``pytc metrics``: traffic control, programs and maps as numbers for Prometheus."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb, verb_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {"show": "show", "serve": "serve", "textfile": "textfile"}

HELP = """\
Usage: pytc metrics [ show ] [ map NAME ] ...
       pytc metrics serve ADDRESS:PORT [ map NAME ] ...
       pytc metrics textfile PATH [ map NAME ] ...

Counters of qdiscs, classes, filters, actions and programs, and how full maps are, as Prometheus reads them. show prints
OpenMetrics, serve answers a Prometheus that asks, textfile writes a file for the textfile collector of node_exporter.
map adds the values of all maps of that name, with labels for the members of keys and values. Needs prometheus-client.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``metrics`` ask for, of which ``show`` may be left out; raises UsageError,
    HelpRequested."""
    if cursor.peek() == "map":
        return verb_module(__name__, "show").parse(cursor)
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("metrics", VERBS, HELP, parse)
