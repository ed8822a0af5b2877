"""``map dump``: all elements, as text, JSON or CSV."""

from collections.abc import Iterator

from pytc.bpf.codec.columns import Renderer, names
from pytc.bpf.codec.compound import Array
from pytc.bpf.codec.scalars import Codec, Column, Columns, Style, say
from pytc.bpf.maps.batch import Batch, read_batches
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.maps.types import KEYLESS, MapTypes
from pytc.bpf.sys.constants import MapType, map_type_name
from pytc.commands.map.elements import as_json, lock_flag
from pytc.commands.map.refusals import refusals
from pytc.commands.map.targets import open_typed
from pytc.commands.map.values import DumpMap
from pytc.commands.shared.context import Context
from pytc.errors import BpfError, PytcError
from pytc.render.documents import Json, Stream

_WITHOUT_ELEMENTS = KEYLESS | {MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY, MapType.ARENA}


def dump_map(context: Context, command: DumpMap) -> Stream:
    """All elements; raises PytcError."""
    typed = open_typed(context, command.target)
    check_elements(typed)
    types = typed.types.summed() if command.sum else typed.types
    flags = lock_flag(typed, lock=command.lock)
    given = (context, typed, types, flags)
    if command.csv:
        return Stream(lambda: _csv(*given), lambda: _csv(*given), lambda: _values(*given))
    return Stream(lambda: _text(*given), lambda: _json(*given), lambda: _values(*given))


def check_elements(typed: TypedMap) -> None:
    """Raises BpfError for a map whose elements cannot be listed."""
    if typed.map.description.type in _WITHOUT_ELEMENTS:
        raise BpfError(
            f'map "{typed.map.name}" is a {map_type_name(typed.map.description.type)}: it has no elements '
            "that could be listed"
        )


def all_elements(context: Context, typed: TypedMap) -> tuple[str, list[Json]]:
    """The elements of a small map, as text and as JSON has them; raises PytcError."""
    check_elements(typed)
    given = (context, typed, typed.types, 0)
    return "".join(_text(*given)), list(_values(*given))


def text_around(types: MapTypes) -> tuple[str, str, str]:
    """What stands around the key and the value in a line of text."""
    return "key ", " values " if types.is_per_cpu else " value ", "\n"


def _batches(context: Context, typed: TypedMap, flags: int) -> Iterator[Batch]:
    done, total = 0, typed.map.description.max_entries
    with refusals(typed):
        for batch in read_batches(typed.map, flags):
            yield batch
            done += batch.entries
            context.progress(done, total)


def _text(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[str]:
    renderer = Renderer(types.key.columns(Style.TEXT, 0), types.whole.columns(Style.TEXT, 0), text_around(types), "")
    for batch in _batches(context, typed, flags):
        yield renderer.render(*batch)


def _json(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[str]:
    between = ',"values":' if types.is_per_cpu else ',"value":'
    renderer = Renderer(
        types.key.columns(Style.JSON, 0), types.whole.columns(Style.JSON, 0), ('{"key":', between, "}"), ",\n"
    )
    before = "["
    try:
        for batch in _batches(context, typed, flags):
            yield before
            yield renderer.render(*batch)
            before = ",\n"
    except PytcError:
        if before != "[":
            yield "]\n"  # what is behind it, in a batch, is to be found
        raise
    yield "[]\n" if before == "[" else "]\n"


def _values(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[Json]:
    key_size, value_size = typed.map.description.key_size, typed.map.value_bytes
    for keys, values, count in _batches(context, typed, flags):
        for index in range(count):
            yield entry_json(
                types,
                keys[index * key_size : (index + 1) * key_size],
                values[index * value_size : (index + 1) * value_size],
            )


def entry_json(types: MapTypes, key: bytes, value: bytes) -> dict[str, Json]:
    """An element as JSON has it."""
    return {
        "key": as_json(types.key.decode(key)),
        "values" if types.is_per_cpu else "value": as_json(types.whole.decode(value)),
    }


def _csv(context: Context, typed: TypedMap, types: MapTypes, flags: int) -> Iterator[str]:
    """A line for each element, of a per-CPU map for each CPU of each element."""
    yield ",".join(say(Style.CSV, name) for name in header(types)) + "\n"
    keys, value = types.key.columns(Style.CSV, 0), _one(types).columns(Style.CSV, 0)
    if types.is_per_cpu:
        cpu = Column((typed.map.description.key_size,), 4, "I", is_number=True)
        keys = Columns(f"{keys.template},%d", (*keys.items, cpu))
    renderer = Renderer(keys, value, ("", ",", "\n"), "")
    for batch in _batches(context, typed, flags):
        yield renderer.render(*(_by_cpu(batch, types.cpus) if types.is_per_cpu else batch))


def _by_cpu(batch: Batch, cpus: int) -> Batch:
    """An entry for each CPU, with the CPU's number behind the key."""
    size = len(batch.keys) // batch.entries
    numbers = [cpu.to_bytes(4, "little") for cpu in range(cpus)]
    keys = b"".join(batch.keys[at : at + size] + number for at in range(0, len(batch.keys), size) for number in numbers)
    return Batch(keys, batch.values, batch.entries * cpus)


def header(types: MapTypes) -> list[str]:
    """Names of the columns: ``key``, ``value``, or with their members ``key.address``."""
    return [*names(types.key, "key"), *(["cpu"] if types.is_per_cpu else []), *names(_one(types), "value")]


def _one(types: MapTypes) -> Codec:
    return types.whole.item if types.is_per_cpu and isinstance(types.whole, Array) else types.whole
