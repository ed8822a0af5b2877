"""``pytc pins delete``: removes pins."""

from __future__ import annotations

import os

from pytc.commands.pins.selection import CHOICE_HELP, WORDS, document, find_pins, take_choice, take_words
from pytc.commands.shared.command import Command
from pytc.errors import PinError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.pins.selection import Choice
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc pins delete CHOICE ...

{CHOICE_HELP}
Removes the pins that are chosen, and shows them. A link that is pinned nowhere else and held by no process is detached.
"""


class DeletePins(Command):
    """Pins to be removed."""

    choice: Choice


def parse(cursor: Cursor) -> DeletePins:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "pins delete")
    if not fields:
        raise UsageError('Error: which pins? try "pytc pins delete help".')
    return DeletePins(take_choice(fields))


def run(context: Context, command: DeletePins) -> list[Document]:
    """Remove the pins; returns a document for each. Raises PytcError, also where none is chosen by its path."""
    with context.connection.pin_lock:
        pins = find_pins(context, command.choice)
        if command.choice.path and not pins:
            raise PinError(f'nothing of that sort is pinned at "{command.choice.path}"')
        for pin in pins:
            try:
                os.unlink(pin.path)
            except FileNotFoundError:
                continue  # another was faster
            except OSError as error:
                raise PinError(f'cannot remove "{pin.path}": {error.strerror}', errno=error.errno) from error
    return [document(pin) for pin in pins]
