"""``pytc map delete``: removes elements."""

from __future__ import annotations

from pytc.bpf.sys.constants import MapType, a_map_type
from pytc.commands.map.elements import open_target
from pytc.commands.map.words import KEYS, TARGET, TYPES, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import key_bytes
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import BpfError, UsageError
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc map delete MAP { key KEY [ key KEY ] ... | all }
"""

WORDS = (*TARGET, KEYS, *TYPES, Word("all", "all"))


class DeleteElements(Command):
    """Removes the elements of some keys, or all."""

    target: Target
    keys: tuple[ValueWords, ...] = ()
    all: bool = False


def parse(cursor: Cursor) -> DeleteElements:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "delete")
    if bool(fields.get("keys")) == fields.get("all", False):
        raise UsageError("Error: give either keys or the word all.")
    return DeleteElements(**fields)


def run(context: Context, command: DeleteElements) -> None:
    """Remove the elements; raises PytcError."""
    typed = open_target(context, command.target)
    if not command.all:
        for key in [key_bytes(typed, words) for words in command.keys]:
            with explain_refusals(typed, key):
                del typed.map[key]
        return
    _check_deletable(typed)
    from pytc.bpf.maps.batch import delete_batch, read_batches

    with explain_refusals(typed):
        done = 0
        for batch in list(read_batches(typed.map)):
            delete_batch(typed.map, batch.keys, batch.entries)
            done += batch.entries
            context.progress(done, 0)


def _check_deletable(typed: TypedMap) -> None:
    """Raise BpfError for a map that has no keys by which its elements could be deleted."""
    type = typed.map.description.type
    if type in (MapType.QUEUE, MapType.STACK):
        raise BpfError(f'map "{typed.map.name}" is {a_map_type(type)}, which has no keys: use "map pop ... all"')
    if type in (MapType.BLOOM_FILTER, MapType.RINGBUF, MapType.USER_RINGBUF, MapType.ARENA):
        raise BpfError(f'map "{typed.map.name}" is {a_map_type(type)}: it has no elements to delete')
