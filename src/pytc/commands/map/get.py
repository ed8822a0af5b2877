"""``pytc map get``: the value of a key, or a part of it."""

from __future__ import annotations

import errno

from pytc.bpf.sys.constants import MapType
from pytc.commands.map.elements import find_part, lock_flag, open_target, value_document
from pytc.commands.map.words import KEY, LOCK, SUM, TARGET, TYPES, VALUE, take_part, take_words
from pytc.commands.shared.command import Query
from pytc.commands.shared.map_elements import as_json, key_bytes, value_bytes
from pytc.commands.shared.map_errors import element_error, explain_refusals
from pytc.errors import BpfError, BpfSyscallError, CodecError, MapElementError, UsageError
from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

HELP = """\
Usage: pytc map get MAP key KEY [ value.MEMBER ] [ sum ] [ lock ]
       pytc map get MAP value VALUE

Prints the value, or only a part of it like value.packets or value.ports[2].
sum adds up the values of all CPUs, lock holds the value's spin lock. A bloom filter is asked for a VALUE.
KEY and VALUE are as in "pytc map set help". The exit status is 2 when there is no such element.
"""

WORDS = (*TARGET, KEY, VALUE, *TYPES, SUM, LOCK)


class GetElement(Query):
    """A request for an element; ``path`` is a part of its value, like ``.packets``, and ``value`` what to look for in a
    bloom filter."""

    target: Target
    key: ValueWords | None = None
    path: str = ""
    value: ValueWords | None = None
    sum: bool = False
    lock: bool = False


def parse(cursor: Cursor) -> GetElement:
    """Return the command; raises UsageError, HelpRequested."""
    return GetElement(**take_words(cursor, WORDS, "get", _take_path))


def _take_path(cursor: Cursor, fields: dict[str, Any]) -> bool:
    path = take_part(cursor)
    if path is None:
        return False
    if "path" in fields:
        raise UsageError(f'Error: "value{path}" is a second part of the value; give one.')
    fields["path"] = path
    return True


def run(context: Context, command: GetElement) -> list[Document]:
    """Return the value, or whether a bloom filter may hold one; raises PytcError."""
    typed = open_target(context, command.target)
    if typed.map.description.type == MapType.BLOOM_FILTER:
        return [_ask_bloom_filter(typed, command.value)]
    if command.value is not None:
        raise CodecError(f'map "{typed.map.name}" is not a bloom filter: give a key, not a value')
    key = key_bytes(typed, command.key)
    types = typed.types.summed() if command.sum else typed.types
    with explain_refusals(typed, key):
        data = typed.map.lookup(key, lock_flag(typed, lock=command.lock))
    offset, codec = find_part(types, command.path)
    value = codec.decode(data[offset : offset + codec.size])
    return [value_document(typed, key, value, several=types.is_per_cpu and not command.path)]


def _ask_bloom_filter(typed: TypedMap, value: ValueWords | None) -> Document:
    if value is None:
        raise BpfError(f'map "{typed.map.name}" is a bloom filter: give a value')
    data = value_bytes(typed.types.value, value)
    try:
        may_hold = typed.map.may_hold(data)
    except BpfSyscallError as error:
        raise element_error(typed, error) from error
    if not may_hold:
        raise MapElementError(f'map "{typed.map.name}" does not hold the value', errno=errno.ENOENT)
    return [Field("value", as_json(typed.types.value.decode(data))), Field("maybe", True, "true\n")]
