"""Steps that verbs about elements share: opening the map, parts of values, writing, the document of a value."""

from __future__ import annotations

import time

from pytc.bpf.codec.compound import follow
from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.batch import write_batch
from pytc.bpf.maps.raw import RawMap
from pytc.bpf.sys.constants import ANY, F_LOCK, MapType
from pytc.commands.shared.map_elements import as_json
from pytc.commands.shared.map_errors import element_error
from pytc.commands.shared.maps import open_map
from pytc.commands.shared.typed_maps import typed_map
from pytc.errors import BpfError, BpfSyscallError, CodecError
from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.codec.scalars import Codec, Value
    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.maps.types import MapTypes
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document

#: How often a program array is looked at after it was written, and for how long each time.
_LOOKS, _PAUSE_SECONDS = 10, 0.01


def open_target(context: Context, target: Target) -> TypedMap:
    """Open the map of a command, with its types, until the context is closed; raises PytcError."""
    map = context.own(open_map(context, target.kind, target.text))
    return typed_map(context, map, key=target.key_type, value=target.value_type)


def lock_flag(typed: TypedMap, *, lock: bool) -> int:
    """Return F_LOCK where it is asked for; raises CodecError where the map has no spin lock to hold."""
    if lock and typed.types.btf is not None and not typed.types.has_lock:
        raise CodecError(f'map "{typed.map.name}" has no struct bpf_spin_lock in its values: lock cannot be used')
    return F_LOCK if lock else ANY


def find_part(types: MapTypes, path: str) -> tuple[int, Codec]:
    """Return the offset and codec of a part of an element's value, like ``.packets``; raises CodecError."""
    if types.is_per_cpu and path.startswith("."):
        raise CodecError(f"value{path}: the map has a value for each CPU: value[0]{path} is that of the first")
    try:
        return follow(types.whole, path)
    except CodecError as error:
        raise CodecError(f"value{path}: {error}") from None


def value_document(typed: TypedMap, key: bytes, value: Value, *, several: bool = False) -> Document:
    """Return the document of a value: JSON has the key too, where there is one; ``several`` values in a per-CPU map."""
    fields = [Field("key", as_json(typed.types.key.decode(key)))] if key else []
    return [*fields, Field("values" if several else "value", as_json(value), format_value(Style.TEXT, value) + "\n")]


def check_type(typed: TypedMap, *kinds: MapType) -> None:
    """Raise BpfError for a map of another type."""
    if typed.map.description.type not in kinds:
        from pytc.bpf.sys.constants import a_map_type

        names = " or ".join(map(a_map_type, kinds))
        raise BpfError(f'map "{typed.map.name}" is {a_map_type(typed.map.description.type)}, not {names}')


def write_elements(typed: TypedMap, batch: Batch, flags: int) -> None:
    """Set the elements of a batch; raises MapElementError. Those before one that is refused are set."""
    try:
        write_batch(typed.map, batch, flags)
    except BpfSyscallError as error:
        entry, size, width = error.entry or 0, typed.map.description.key_size, typed.map.value_bytes
        key, value = batch.keys[entry * size :][:size], batch.values[entry * width :][:width]
        raise element_error(typed, error, key, value) from error


def check_kept(typed: TypedMap, target: Target, key: bytes) -> None:
    """Raise BpfError where the kernel has emptied a program array, because nothing but this command held it.

    It does so when the last descriptor and the last pin are gone, whatever programs use the array
    (prog_array_map_clear of kernel/bpf/arraymap.c). Closes a map that is named by neither a pin nor an inherited
    descriptor, which hold it.
    """
    if typed.map.description.type != MapType.PROG_ARRAY or target.kind not in ("id", "name"):
        return
    number = typed.map.description.id
    typed.map.close()
    for _ in range(_LOOKS):
        time.sleep(_PAUSE_SECONDS)  # the kernel does it from a work queue
        try:
            with RawMap.from_id(number) as again:
                again.lookup(key)
        except KeyError:
            raise BpfError(
                f'map "{typed.map.name}": the kernel has emptied it again: a program array keeps its programs only for '
                "as long as it is pinned or a process has it open",
                hints=(f'pin it first: "pytc map pin id {number} m:NAME"',),
            ) from None
