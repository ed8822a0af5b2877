"""``pytc pins change``: gives pins another mode or group."""

from __future__ import annotations

import grp
import os

from pytc.commands.pins.selection import CHOICE_HELP, WORDS, document, find_pins, take_choice, take_words
from pytc.commands.shared.command import Command
from pytc.errors import PinError, UsageError
from pytc.words.engine import Table, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.pins.selection import Choice
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc pins change CHOICE ... {{ mode MODE | group GROUP }} ...

{CHOICE_HELP}
MODE := rights in octal, like 0640: who may read a map, and who may write to it

Other users need CAP_BPF besides, or kernel.unprivileged_bpf_disabled=0, and rights for the directories of the pin.
"""
_OCTAL, _MOST = 8, 0o777


def _mode(word: str) -> int:
    number = int(word, _OCTAL)
    if not 0 <= number <= _MOST:
        raise ValueError(word)
    return number


def _group(word: str) -> int:
    try:
        return int(word) if word.isascii() and word.isdigit() else grp.getgrnam(word).gr_gid
    except KeyError:
        raise ValueError(word) from None


_CHANGES = Table(
    (
        *WORDS,
        Word("mode", "mode", _mode, exact=True, wrong="not a mode in octal"),
        Word("group", "group", _group, exact=True, wrong="no such group"),
    )
)


class ChangePins(Command):
    """Pins that get another mode or group."""

    choice: Choice
    mode: int | None = None
    group: int | None = None


def parse(cursor: Cursor) -> ChangePins:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, _CHANGES, "pins change")
    mode, group = fields.pop("mode", None), fields.pop("group", None)
    if not fields or (mode is None and group is None):
        raise UsageError('Error: which pins, and which mode or group? try "pytc pins change help".')
    return ChangePins(take_choice(fields), mode, group)


def run(context: Context, command: ChangePins) -> list[Document]:
    """Change the pins; returns a document for each as it is then. Raises PytcError."""
    pins = find_pins(context, command.choice)
    if command.choice.path and not pins:
        raise PinError(f'nothing of that sort is pinned at "{command.choice.path}"')
    for pin in pins:
        try:
            if command.group is not None:
                os.chown(pin.path, -1, command.group, follow_symlinks=False)
            if command.mode is not None:
                os.chmod(pin.path, command.mode)
        except OSError as error:
            raise PinError(f'cannot change "{pin.path}": {error.strerror}', errno=error.errno) from error
    return [document(pin._replace(status=os.lstat(pin.path))) for pin in pins]
