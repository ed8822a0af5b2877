"""``pytc pins show``: pins, and the objects that they keep."""

from __future__ import annotations

from pytc.commands.pins.selection import CHOICE_HELP, WORDS, Choice, document, find_pins, take_choice, take_words
from pytc.commands.shared.command import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc pins [ show ] [ CHOICE ] ...

{CHOICE_HELP}
Each pin with its object, its owner, group and mode, and whether it is a link that is attached to nothing any more.
"""


class ShowPins(Query):
    """A request for the pins that are chosen."""

    choice: Choice = Choice()


def parse(cursor: Cursor) -> ShowPins:
    """Return the command; raises UsageError, HelpRequested."""
    return ShowPins(take_choice(take_words(cursor, WORDS, "pins show")))


def run(context: Context, command: ShowPins) -> list[Document]:
    """Return a document for each pin; raises PytcError."""
    return [document(pin) for pin in find_pins(context, command.choice)]
