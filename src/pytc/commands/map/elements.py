"""``map``: get, set, delete, next, push, pop, peek."""

import errno
from typing import Any, cast

from pytc.bpf.codec.compound import Bits, assign, follow
from pytc.bpf.codec.scalars import Codec, Integer, Style, Value, say
from pytc.bpf.codec.text import number
from pytc.bpf.maps.batch import read_batches
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.maps.types import MapTypes
from pytc.bpf.sys.constants import ANY, EXIST, F_LOCK, MapType
from pytc.commands.map.refusals import refusal, refusals
from pytc.commands.map.targets import key_bytes, open_typed
from pytc.commands.map.values import (
    Change,
    DeleteElements,
    GetElement,
    NextKey,
    PushValues,
    SetElement,
    TakeValues,
    Words,
)
from pytc.commands.shared.context import Context
from pytc.errors import BpfError, BpfSyscallError, CodecError, MapElementError
from pytc.render.documents import Document, Field, Json


def get_element(context: Context, command: GetElement) -> list[Document]:
    """The value of a key, or a part of it; whether a bloom filter may hold a value. Raises PytcError."""
    typed = open_typed(context, command.target)
    if typed.map.description.type == MapType.BLOOM_FILTER:
        return _ask_filter(typed, command.value)
    if command.value is not None:
        raise CodecError(f'map "{typed.map.name}" is no bloom filter: it is asked for a key, not for a value')
    key = key_bytes(typed, command.key)
    types = typed.types.summed() if command.sum else typed.types
    with refusals(typed, key):
        data = typed.map.lookup(key, lock_flag(typed, lock=command.lock))
    at, codec = _part(types, command.path)
    value = codec.decode(data[at : at + codec.size])
    return [_document(typed, key, value, several=types.is_per_cpu and not command.path)]


def _document(typed: TypedMap, key: bytes, value: Value, *, several: bool = False) -> Document:
    fields = [Field("key", as_json(typed.types.key.decode(key)))] if key else []
    return [*fields, Field("values" if several else "value", as_json(value), say(Style.TEXT, value) + "\n")]


def as_json(value: Value) -> Json:
    """The types of codecs' values are those of JSON."""
    return cast(Json, value)


def _part(types: MapTypes, path: str) -> tuple[int, Codec]:
    if types.is_per_cpu and path.startswith("."):
        raise CodecError(f"value{path}: the map has a value for each CPU: value[0]{path} is that of the first")
    try:
        return follow(types.whole, path)
    except CodecError as error:
        raise CodecError(f"value{path}: {error}") from None


def lock_flag(typed: TypedMap, *, lock: bool) -> int:
    """F_LOCK where it is asked for; raises CodecError where the map has no spin lock to hold."""
    if lock and typed.types.btf is not None and not typed.types.has_lock:
        raise CodecError(f'map "{typed.map.name}" has no struct bpf_spin_lock in its values: lock cannot be used')
    return F_LOCK if lock else ANY


def _ask_filter(typed: TypedMap, value: Words | None) -> list[Document]:
    if value is None:
        raise BpfError(f'map "{typed.map.name}" is a bloom filter: which value?')
    data = encoded(typed.types.value, value)
    try:
        found = typed.map.may_hold(data)
    except BpfSyscallError as error:
        raise refusal(typed, error) from error
    if not found:
        raise MapElementError(f'map "{typed.map.name}" does not hold the value', errno=errno.ENOENT)
    return [[Field("value", as_json(typed.types.value.decode(data))), Field("maybe", True, "true\n")]]


def encoded(codec: Codec, value: Words, what: str = "value") -> bytes:
    """A value as bytes; raises CodecError."""
    try:
        return codec.encode(value)
    except CodecError as error:
        raise CodecError(f"{what}: {error}") from None


def set_element(context: Context, command: SetElement) -> None:
    """Sets a value, or parts of it; raises PytcError."""
    typed = open_typed(context, command.target)
    key = key_bytes(typed, command.key)
    flags = command.flags | lock_flag(typed, lock=command.lock)
    if command.value is not None:
        data = encoded(typed.types.whole, for_all_cpus(typed, command.value))
    else:
        if command.flags & ~EXIST:
            raise CodecError("noexist and a change of what is there exclude one another")
        data = _changed(typed, key, command)
        flags |= EXIST if typed.map.description.type != MapType.LPM_TRIE else ANY
    with refusals(typed, key):
        typed.map.update(key, data, flags)


def for_all_cpus(typed: TypedMap, value: Any) -> Any:
    """A single value is set for each CPU."""
    if not typed.types.is_per_cpu or isinstance(value, (list, bytes)):
        return value
    if isinstance(value, str) and value.startswith("["):
        return value
    return [value] * typed.types.cpus


def _changed(typed: TypedMap, key: bytes, command: SetElement) -> bytes:
    """Read, modify; whoever writes meanwhile loses what they wrote."""
    with refusals(typed, key):
        data = bytearray(typed.map.lookup(key, lock_flag(typed, lock=command.lock)))
    for change in command.changes:
        at, codec = _part(typed.types, change.path)
        try:
            assign(codec, data, at, _operated(codec, bytes(data[at : at + codec.size]), change))
        except CodecError as error:
            raise CodecError(f"value{change.path}: {error}") from None
    return bytes(data)


def _operated(codec: Codec, before: bytes, change: Change) -> Any:
    if change.operator == "=":
        return change.operand
    old = codec.decode(before)
    if not isinstance(codec, (Integer, Bits)) or not isinstance(old, int) or not isinstance(change.operand, str):
        raise CodecError(f"{change.operator} is for numbers")
    operand = number(change.operand)
    return {"+=": old + operand, "-=": old - operand, "|=": old | operand, "&=": old & operand, "^=": old ^ operand}[
        change.operator
    ]


def delete_elements(context: Context, command: DeleteElements) -> None:
    """Removes elements, of some keys or all; raises PytcError."""
    typed = open_typed(context, command.target)
    if not command.all:
        for key in [key_bytes(typed, words) for words in command.keys]:
            with refusals(typed, key):
                del typed.map[key]
        return
    from pytc.bpf.maps.batch import delete_batch

    with refusals(typed):
        done = 0
        for batch in list(read_batches(typed.map)):
            delete_batch(typed.map, batch.keys, batch.entries)
            done += batch.entries
            context.progress(done, 0)


def next_key(context: Context, command: NextKey) -> list[Document]:
    """The key behind another, the first one without; raises MapElementError at the end."""
    typed = open_typed(context, command.target)
    after = key_bytes(typed, command.key) if command.key is not None else None
    with refusals(typed, after or b""):
        key = next(typed.map.keys(after), None)
    if key is None:
        raise MapElementError(f'map "{typed.map.name}": there is no further key', errno=errno.ENOENT)
    value = typed.types.key.decode(key)
    return [[Field("key", as_json(value), say(Style.TEXT, value) + "\n")]]


def push_values(context: Context, command: PushValues) -> None:
    """Adds values to a queue, stack or bloom filter; raises PytcError."""
    typed = open_typed(context, command.target)
    _without_keys(typed, MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER)
    for data in [encoded(typed.types.value, value) for value in command.values]:
        with refusals(typed):
            typed.map.update(b"", data, command.flags)


def take_values(context: Context, command: TakeValues) -> list[Document]:
    """Values of a queue or stack, taken out or looked at; raises MapElementError when it is empty."""
    typed = open_typed(context, command.target)
    _without_keys(typed, MapType.QUEUE, MapType.STACK)
    documents: list[Document] = []
    while not command.limit or len(documents) < command.limit:
        try:
            with refusals(typed):
                data = typed.map.pop() if command.remove else typed.map.lookup(b"")
        except MapElementError as error:
            if documents and error.errno == errno.ENOENT:
                break
            raise
        documents.append(_document(typed, b"", typed.types.value.decode(data)))
    return documents


def _without_keys(typed: TypedMap, *kinds: MapType) -> None:
    if typed.map.description.type not in kinds:
        from pytc.bpf.sys.constants import map_type_name

        names = " or ".join(kind.name.lower() for kind in kinds)
        raise BpfError(f'map "{typed.map.name}" is a {map_type_name(typed.map.description.type)}, not a {names}')
