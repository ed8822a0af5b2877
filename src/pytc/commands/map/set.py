"""``pytc map set``: sets the value of a key, or changes parts of it."""

from __future__ import annotations

from pytc.bpf.codec.compound import Bits, assign
from pytc.bpf.codec.scalars import Integer
from pytc.bpf.codec.text import number
from pytc.bpf.sys.constants import ANY, EXIST, MapType
from pytc.commands.map.elements import check_kept, find_part, lock_flag, open_target
from pytc.commands.map.words import FLAGS, KEY, LOCK, TARGET, TYPES, VALUE, take_part, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import element_bytes, key_bytes
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import CodecError, UsageError
from pytc.value import Value
from pytc.words.values import take_element, take_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.maps.typed import TypedMap
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.desired import Programs, Wanted
    from pytc.words.engine import Cursor
    from pytc.words.values import ValueWords

    Operator = Literal["=", "+=", "-=", "|=", "&=", "^="]

HELP = """\
Usage: pytc map set MAP key KEY value VALUE [ any | noexist | exist ] [ lock ]
       pytc map set MAP key KEY { value | value.MEMBER } OPERATOR VALUE ...

VALUE := NUMBER | TEXT | ADDRESS | { NAME VALUE ... } | [ VALUE ... ] | hex BYTES | BYTE BYTE ... | JSON
OPERATOR := = | += | -= | |= | &= | ^=

KEY is a VALUE; of an LPM trie PREFIX/LENGTH. Members that are not named are zero. An array with one element needs no
key. noexist only makes a new element, exist only replaces one. The second form reads, changes and writes the element:
not atomic, programs may write meanwhile. With lock, each of reading and writing holds the value's spin lock.
A single value of a per-CPU map is for all CPUs, [ VALUE ... ] has one for each.
Programs and maps as values: id, pin (/PATH, m:NAME), fd:N, name:NAME, of maps map:NAME, too; devices: their names.
"pytc exec bpf graft help" explains how a program of an object file gets into a slot of a program array.
"""

_OPERATORS: tuple[Operator, ...] = ("=", "+=", "-=", "|=", "&=", "^=")


class Change(Value):
    """A change of a part of a value, like ``.packets += 1``; the path is empty for the whole value."""

    path: str
    operator: Operator
    operand: ValueWords


class SetElement(Command):
    """Sets either a whole ``value``, or applies ``changes`` to the present one; ``flags`` are those of bpf(2)."""

    target: Target
    key: ValueWords | None = None
    value: ValueWords | None = None
    changes: tuple[Change, ...] = ()
    flags: int = 0
    lock: bool = False


def _take_operator(cursor: Cursor) -> Operator | None:
    for operator in _OPERATORS:
        if cursor.peek() == operator:
            cursor.take()
            return operator
    return None


def _take_change(cursor: Cursor, path: str) -> Change:
    operator = _take_operator(cursor)
    if operator is None:
        raise UsageError(f'Error: one of {" ".join(_OPERATORS)} is expected after "value{path}".')
    return Change(path, operator, take_value(cursor))


def _take_value(cursor: Cursor) -> ValueWords | Change:
    operator = _take_operator(cursor)
    return take_element(cursor) if operator is None else Change("", operator, take_value(cursor))


WORDS = (*TARGET, KEY, VALUE._replace(read=_take_value), *TYPES, *FLAGS, LOCK)


def parse(cursor: Cursor) -> SetElement:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "set", _take_change_of_part)
    if isinstance(fields.get("value"), Change):
        fields["changes"] = (fields.pop("value"), *fields.get("changes", ()))
    if ("value" in fields) == bool(fields.get("changes")):
        raise UsageError("Error: give either a value or changes to it like value.packets += 1.")
    return SetElement(**fields)


def _take_change_of_part(cursor: Cursor, fields: dict[str, Any]) -> bool:
    path = take_part(cursor)
    if path is None:
        return False
    fields["changes"] = (*fields.get("changes", ()), _take_change(cursor, path))
    return True


def desire(context: Context, command: SetElement, programs: Programs) -> Wanted:
    """Return the element that the map should have; raises UsageError."""
    from pytc.commands.map.desired_elements import WantedElements

    if any(change.operator != "=" for change in command.changes) or command.lock:
        raise UsageError("A desired state says what a value is: neither an operator like += nor lock goes with it")
    label = f"map {command.target.kind} {command.target.text}"
    if command.key is not None:
        label += f" key {command.key.hex(' ') if isinstance(command.key, bytes) else command.key}"
    is_whole = all(not change.path for change in command.changes)
    words = (command.value, command.changes) if is_whole else None
    return WantedElements(
        context, command.target, label, lambda _, typed: [_element(typed, command)], command.flags, words
    )


def run(context: Context, command: SetElement) -> None:
    """Set or change the element; raises PytcError."""
    typed = open_target(context, command.target)
    flags = command.flags | lock_flag(typed, lock=command.lock)
    key, data = _element(typed, command)
    if command.changes:
        flags |= EXIST if typed.map.description.type != MapType.LPM_TRIE else ANY
    with explain_refusals(typed, key, data):
        typed.map.update(key, data, flags)
    check_kept(typed, command.target, key)


def _element(typed: TypedMap, command: SetElement) -> tuple[bytes, bytes]:
    """Return the key, and the value that it gets."""
    key = key_bytes(typed, command.key)
    if command.value is not None:
        return key, element_bytes(typed, command.value)
    if command.flags & ~EXIST:
        raise CodecError("noexist contradicts changes to a value that exists")
    return key, _apply(typed, key, command)


def _apply(typed: TypedMap, key: bytes, command: SetElement) -> bytes:
    """Read the element and change it. The kernel has no compare-and-set: what a program writes meanwhile is lost."""
    with explain_refusals(typed, key):
        data = bytearray(typed.map.lookup(key, lock_flag(typed, lock=command.lock)))
    for change in command.changes:
        if not change.path and change.operator == "=":
            data[:] = element_bytes(typed, change.operand)
            continue
        offset, codec = find_part(typed.types, change.path)
        try:
            assign(codec, data, offset, _result(codec, bytes(data[offset : offset + codec.size]), change))
        except CodecError as error:
            raise CodecError(f"value{change.path}: {error}") from None
    return bytes(data)


def _result(codec: Codec, before: bytes, change: Change) -> Any:
    if change.operator == "=":
        return change.operand
    old = codec.decode(before)
    if not isinstance(codec, (Integer, Bits)) or not isinstance(old, int) or not isinstance(change.operand, str):
        raise CodecError(f"{change.operator} works only on numbers")
    operand = number(change.operand)
    return {"+=": old + operand, "-=": old - operand, "|=": old | operand, "&=": old & operand, "^=": old ^ operand}[
        change.operator
    ]
