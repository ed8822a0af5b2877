"""``pytc map next``: the key behind another, in the map's own order."""

from __future__ import annotations

import errno

from pytc.bpf.codec.scalars import Style, format_value
from pytc.commands.map.elements import open_target
from pytc.commands.map.words import KEY, TARGET, TYPES, take_words
from pytc.commands.shared.command import Query
from pytc.commands.shared.map_elements import as_json, key_bytes
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import MapElementError
from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc map next MAP [ key KEY ]

The key behind KEY in the map's own order, the first key without. The exit status is 2 at the end.
"""

WORDS = (*TARGET, KEY, *TYPES)


class NextKey(Query):
    """The key behind ``key``, the first one without."""

    target: Target
    key: ValueWords | None = None


def parse(cursor: Cursor) -> NextKey:
    """Return the command; raises UsageError, HelpRequested."""
    return NextKey(**take_words(cursor, WORDS, "next"))


def run(context: Context, command: NextKey) -> list[Document]:
    """Return the key; raises PytcError, and at the end MapElementError with ENOENT."""
    typed = open_target(context, command.target)
    after = key_bytes(typed, command.key) if command.key is not None else None
    with explain_refusals(typed, after or b""):
        key = next(typed.map.keys(after), None)
    if key is None:
        raise MapElementError(f'map "{typed.map.name}": there is no further key', errno=errno.ENOENT)
    value = typed.types.key.decode(key)
    return [[Field("key", as_json(value), format_value(Style.TEXT, value) + "\n")]]
