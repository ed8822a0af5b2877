"""``pytc map update-many``: sets several elements at once."""

from __future__ import annotations

from pytc.bpf.maps.batch import Batch
from pytc.commands.map.elements import check_kept, lock_flag, open_target, write_elements
from pytc.commands.map.words import FLAGS, KEYS, LOCK, TARGET, TYPES, VALUES, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import element_bytes, key_bytes
from pytc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc map update-many MAP key KEY value VALUE [ key KEY value VALUE ] ... [ any | noexist | exist ] [ lock ]

Several elements at once, "pytc map set help" says what KEY and VALUE are. Those before one that is refused are set.
"""

WORDS = (*TARGET, KEYS, VALUES, *TYPES, *FLAGS, LOCK)


class UpdateElements(Command):
    """Sets the value of each key; ``flags`` are those of bpf(2)."""

    target: Target
    entries: tuple[tuple[ValueWords, ValueWords], ...]
    flags: int = 0
    lock: bool = False


def parse(cursor: Cursor) -> UpdateElements:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "update-many")
    keys, values = fields.pop("keys", ()), fields.pop("values", ())
    if not keys or len(keys) != len(values):
        raise UsageError(f"Error: {len(keys)} keys and {len(values)} values; each key needs a value.")
    return UpdateElements(entries=tuple(zip(keys, values, strict=True)), **fields)


def run(context: Context, command: UpdateElements) -> None:
    """Set the elements; raises PytcError. Those before one that is refused are set."""
    typed = open_target(context, command.target)
    flags = command.flags | lock_flag(typed, lock=command.lock)
    keys = [key_bytes(typed, key) for key, _ in command.entries]
    values = [element_bytes(typed, value) for _, value in command.entries]
    write_elements(typed, Batch(b"".join(keys), b"".join(values), len(keys)), flags)
    check_kept(typed, command.target, keys[-1])
