"""``pytc map push``: adds values to a queue, stack or bloom filter."""

from __future__ import annotations

from pytc.bpf.sys.constants import MapType
from pytc.commands.map.elements import check_type, open_target
from pytc.commands.map.words import FLAGS, TARGET, TYPES, VALUES, require, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import value_bytes
from pytc.commands.shared.map_errors import explain_refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc map push MAP value VALUE [ value VALUE ] ... [ exist ]

For queues, stacks and bloom filters. exist: in a full queue or stack, the oldest value makes room.
"""

WORDS = (*TARGET, VALUES, *TYPES, *FLAGS)


class PushValues(Command):
    """Adds values in their order; ``flags`` are those of bpf(2)."""

    target: Target
    values: tuple[ValueWords, ...]
    flags: int = 0


def parse(cursor: Cursor) -> PushValues:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "push")
    require(fields, "values", "value")
    return PushValues(**fields)


def run(context: Context, command: PushValues) -> None:
    """Add the values; raises PytcError. Those before one that is refused are added."""
    typed = open_target(context, command.target)
    check_type(typed, MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER)
    for data in [value_bytes(typed.types.value, value) for value in command.values]:
        with explain_refusals(typed):
            typed.map.update(b"", data, command.flags)
